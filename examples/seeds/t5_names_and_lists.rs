//! T5: the current thread, its name, and which threads there are.
//!
//! Follows the program that prints `current_thread().getName()`, `current_thread()`, `enumerate()`
//! and `active_count()` while one thread sleeps.
//!
//! Better here: the number shown is the operating system's (`top -H`, `gdb`), the name stands in the
//! operating system's list too, and [`manyhands::dump`] also tells what each thread waits for.

use examples::Options;
use manyhands::{Thread, active_count, enumerate, sleep};

pub(crate) fn main() -> anyhow::Result<()> {
    let pause = Options::parse()?.scaled(3.0);
    Thread::spawn(move || {
        sleep(pause);
        println!("{}", Thread::current().name());
    });

    println!("{}", Thread::current().name());
    println!("{:?}", Thread::current());
    println!("{:?}", enumerate());
    println!("{}", active_count());
    println!("主线程/主进程");
    Ok(())
}
