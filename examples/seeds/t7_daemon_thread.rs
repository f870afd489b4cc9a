//! T7, first program: a daemon thread ends with the program.
//!
//! Follows the program that calls `setDaemon(True)` before `start()`: it prints the main thread's
//! line and `True`, and ends at once, without the greeting that would come two seconds later.
//!
//! Better here: whether a thread is a daemon is said when it is built, so that it cannot be said too
//! late. Python raises `RuntimeError` then.

use examples::{Options, truth};
use manyhands::{Thread, sleep};

pub(crate) fn main() -> anyhow::Result<()> {
    let pause = Options::parse()?.scaled(2.0);
    let thread = Thread::builder().daemon(true).start(move || {
        sleep(pause);
        println!("egon say hello");
    })?;
    println!("主线程");
    println!("{}", truth(thread.is_alive()));
    Ok(())
}
