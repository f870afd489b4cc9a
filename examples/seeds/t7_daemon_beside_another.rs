//! T7, second program: the process waits for its threads, but not for daemons.
//!
//! Follows the program with one daemon and one ordinary thread. There the daemon sleeps one second
//! and the other three, so that the daemon also comes to its end while the process waits for the
//! other: it prints `end123`, in Python as here. To show what a daemon is, the two times are swapped
//! here: `end456` comes, `end123` never does. `t7_daemon_beside_another 1` has the original times.

use anyhow::Context;
use examples::Options;
use manyhands::{Thread, sleep};

pub(crate) fn main() -> anyhow::Result<()> {
    let (options, words) = Options::with_words()?;
    let daemon_s: f64 = match words.first() {
        Some(word) => word.parse().context("how many seconds does the daemon sleep?")?,
        None => 3.0,
    };
    let (daemon, other) = (options.scaled(daemon_s), options.scaled(4.0 - daemon_s));
    Thread::builder().daemon(true).start(move || {
        println!("123");
        sleep(daemon);
        println!("end123");
    })?;
    Thread::spawn(move || {
        println!("456");
        sleep(other);
        println!("end456");
    });
    println!("main-------");
    Ok(())
}
