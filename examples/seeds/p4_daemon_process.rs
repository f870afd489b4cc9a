//! P4: the program waits for its processes, but not for daemons.
//!
//! Follows what the tutorial says of daemons among threads and processes: a daemon process is ended
//! when the main program has come to its end, while the others are still waited for; a daemon thread
//! lives until the others have ended. So the daemon that takes one second, beside another process that
//! takes three, never says `end123`, as the daemon thread of `t7_daemon_beside_another 1` does.
//!
//! Better here: if the program is killed, whichever way, all its processes end with it.

use std::time::Duration;

use examples::Options;
use manyhands::{Process, sleep};

fn foo(pause: Duration) {
    println!("123");
    sleep(pause);
    println!("end123");
}

fn bar(pause: Duration) {
    println!("456");
    sleep(pause);
    println!("end456");
}

pub(crate) fn main() -> anyhow::Result<()> {
    let options = Options::parse()?;
    Process::builder().daemon(true).start(foo, options.scaled(1.0))?;
    Process::start(bar, options.scaled(3.0))?;
    println!("main-------");
    Ok(())
}
