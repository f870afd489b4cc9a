//! E6: an exception is kept and comes out at `result()`.
//!
//! Follows what the tutorial says of futures: even when the result is an exception, it can be had
//! once the call has ended, and no other call is harmed.
//!
//! Better here: the error knows where the panic was, and what a call returns as its own error
//! (`Result`) stays apart from what went wrong with the call itself. A failure that nobody reads is
//! reported; `executor.map` in Python, never read, loses it.

use examples::Options;
use manyhands::{ExecutorExt, ThreadPool};

/// Panics for 0, and has an error of its own for other numbers that do not go into 12.
fn share(n: u32) -> Result<u32, String> {
    if 12 % n == 0 { Ok(12 / n) } else { Err(format!("12 cannot be shared by {n}")) }
}

pub(crate) fn main() -> anyhow::Result<()> {
    Options::parse()?;
    let pool = ThreadPool::new(2)?;
    let tasks = [3, 5, 0, 4].map(|n| pool.submit(share, n));
    for task in tasks {
        match task.result() {
            Ok(Ok(share)) => println!("{share}"),
            Ok(Err(own)) => println!("an answer all the same: {own}"),
            Err(error) if error.is_panicked() => {
                let at = error.location().unwrap_or("somewhere");
                println!("panicked: {}, at {at}", error.message());
            }
            Err(error) => println!("{error}"),
        }
    }
    Ok(())
}
