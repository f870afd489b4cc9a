//! T2: all threads of a process have its number.
//!
//! Follows the program that prints `os.getpid()` from two threads and from the main thread. Its
//! other half, with two processes and three different numbers, comes with `Process`.
//!
//! Better here: a thread also tells the number by which the operating system knows the thread
//! itself, so that it can be found in `top -H`.

use examples::Options;
use manyhands::Thread;

fn work() -> Option<i32> {
    println!("hello {}", std::process::id());
    Thread::current().native_id()
}

pub(crate) fn main() -> anyhow::Result<()> {
    Options::parse()?;
    let first = Thread::spawn(work);
    let second = Thread::spawn(work);
    println!("主线程/主进程pid {}", std::process::id());
    let numbers = [first.join()?, second.join()?].map(Option::unwrap_or_default);
    println!("thread numbers {} and {}", numbers[0], numbers[1]);
    Ok(())
}
