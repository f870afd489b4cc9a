//! `cargo xtask tsan`: the primitives under ThreadSanitizer.

use anyhow::{Result, bail};

use crate::commands::Command;
use crate::options::Options;
use crate::process;
use crate::report::{Report, Verdict};
use crate::test::{self, Runner};
use crate::workspace::Workspace;

pub(crate) static COMMAND: Command = Command {
    name: "tsan",
    summary: "Run the tests of the primitives under ThreadSanitizer.",
    details: "\
Builds manyhands-wait, manyhands-executor and manyhands-threads with -Zsanitizer=thread
(own folder target/tsan) and runs their unit and integration tests; a data race fails the
test in which it is seen. The standard library that comes with the toolchain is not
instrumented: xtask/tsan-suppressions.txt names its primitives and says why each is there.
On x86_64 Linux only.",
    options: &[],
    run,
};

const TARGET: &str = "x86_64-unknown-linux-gnu";
const CRATES: &[&str] = &["manyhands-wait", "manyhands-executor", "manyhands-threads"];

fn run(_: &Options) -> Result<Verdict> {
    if !cfg!(all(target_arch = "x86_64", target_os = "linux")) {
        bail!("ThreadSanitizer is set up for {TARGET} only");
    }
    let workspace = Workspace::load()?;
    let runner = Runner::detect(&workspace);
    let mut report = Report::new("tsan");
    for name in CRATES {
        report.step(&format!("{name} under ThreadSanitizer"), || {
            let selection = ["-p", name, "--lib", "--tests", "--target", TARGET];
            let mut cargo = process::cargo(&workspace.root);
            cargo.args(runner.arguments(&selection)).envs(environment(&workspace));
            test::run_tests(&mut cargo)
        });
    }
    Ok(report.finish())
}

fn environment(workspace: &Workspace) -> Vec<(&'static str, String)> {
    let suppressions = workspace.root.join("xtask/tsan-suppressions.txt");
    let flags = "-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer";
    vec![
        // -Zsanitizer is an unstable flag of a stable compiler.
        ("RUSTC_BOOTSTRAP", "1".to_owned()),
        ("RUSTFLAGS", test::with_inherited_flags(flags)),
        ("CARGO_TARGET_DIR", workspace.target_folder.join("tsan").to_string_lossy().into_owned()),
        ("TSAN_OPTIONS", format!("suppressions={}", suppressions.display())),
    ]
}
