//! Where and when a comparison was made.

use std::time::SystemTime;

use crate::units::count;

/// The facts of this machine and this program, as pairs of a name and a value.
pub(crate) fn facts(cores: usize) -> Vec<(&'static str, String)> {
    let system = rustix::system::uname();
    let kernel =
        format!("{} {}", system.sysname().to_string_lossy(), system.release().to_string_lossy());
    let mut facts = vec![
        ("Date", httpdate::fmt_http_date(SystemTime::now())),
        ("Machine", format!("{}, {}", count(cores, "core"), system.machine().to_string_lossy())),
    ];
    facts.extend(processor().map(|processor| ("Processor", processor)));
    facts.push(("Kernel", kernel));
    facts.push(("Version", format!("manyhands {}", env!("CARGO_PKG_VERSION"))));
    if cfg!(debug_assertions) {
        facts.push(("Build", "debug: computing is many times slower than in a release".to_owned()));
    }
    facts
}

fn processor() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    line.split_once(':').map(|(_, name)| name.trim().to_owned())
}
