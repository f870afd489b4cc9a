//! T6: join.
//!
//! Follows the program that starts a thread, joins it, and prints whether it is alive: first the
//! greeting, then the main thread's line, then `False`.
//!
//! Better here: `join` takes the thread and gives back what it returned, so that it cannot be joined
//! twice or its result be forgotten; `wait` is the one that leaves the thread in place.

use examples::{Options, truth};
use manyhands::{Thread, sleep};

pub(crate) fn main() -> anyhow::Result<()> {
    let pause = Options::parse()?.scaled(2.0);
    let thread = Thread::spawn(move || {
        sleep(pause);
        println!("egon say hello");
    });
    thread.wait();
    println!("主线程");
    println!("{}", truth(thread.is_alive()));
    thread.join()?;
    Ok(())
}
