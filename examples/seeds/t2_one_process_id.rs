//! T2: all threads of a process have its number; each process has its own.
//!
//! Follows the program that prints `os.getpid()` from two threads and from the main thread, which is
//! one number, and then from two processes and from the main thread, which are three.
//!
//! Better here: a thread also tells the number by which the operating system knows the thread
//! itself, so that it can be found in `top -H`; and a process is started with the same words as a
//! thread, without a guard around the main program.

use examples::Options;
use manyhands::{Process, Thread};

fn work() -> Option<i32> {
    println!("hello {}", std::process::id());
    Thread::current().native_id()
}

pub(crate) fn main() -> anyhow::Result<()> {
    Options::parse()?;
    println!("threads:");
    let first = Thread::spawn(work);
    let second = Thread::spawn(work);
    println!("主线程/主进程pid {}", std::process::id());
    let numbers = [first.join()?, second.join()?].map(Option::unwrap_or_default);
    println!("thread numbers {} and {}", numbers[0], numbers[1]);

    println!("processes:");
    let first = Process::start(|()| work(), ())?;
    let second = Process::start(|()| work(), ())?;
    println!("主线程/主进程pid {}", std::process::id());
    println!("process numbers {} and {}", first.pid(), second.pid());
    first.join()?;
    second.join()?;
    Ok(())
}
