//! T4: threads share memory; each process has its own.
//!
//! Follows four programs. A thread sets a global number to 0 and the main thread reads 0; a process
//! does the same and the main process reads the 100 that it was. Six threads append to one list,
//! which each prints; six processes append to the list they are given, and each prints a list of one.
//!
//! Better here: what is shared says so in its type, and the compiler refuses a list that two threads
//! could write to at once. In Python only the interpreter's lock keeps the list whole. A process
//! begins with the program's variables as they are at the beginning of the program, on every platform
//! the same; in Python it depends on how processes are started.

use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use examples::Options;
use manyhands::{Process, Thread};

static N: AtomicI32 = AtomicI32::new(100);

/// Sets the number to 0, and returns what it was.
fn work() -> i32 {
    N.swap(0, Ordering::Relaxed)
}

fn append((mut list, index): (Vec<usize>, usize)) {
    list.push(index);
    println!("{list:?}");
}

fn in_processes() -> anyhow::Result<()> {
    let before = Process::start(|()| work(), ())?.join()?;
    println!("子 {before}");
    println!("主 {}", N.load(Ordering::Relaxed));

    let list = Vec::new();
    for index in 0..6 {
        Process::start(append, (list.clone(), index))?.join()?;
    }
    println!("{list:?}");
    Ok(())
}

fn in_threads() -> anyhow::Result<()> {
    Thread::spawn(work).join()?;
    println!("主 {}", N.load(Ordering::Relaxed));

    let list = Arc::new(Mutex::new(Vec::new()));
    let append = |index: usize| {
        let list = Arc::clone(&list);
        Thread::spawn(move || {
            let mut list = list.lock().unwrap_or_else(PoisonError::into_inner);
            list.push(index);
            println!("{list:?}");
        })
    };
    let threads: Vec<Thread> = (0..6).map(append).collect();
    threads.into_iter().try_for_each(|thread| Ok(thread.join()?))
}

pub(crate) fn main() -> anyhow::Result<()> {
    Options::parse()?;
    println!("processes:");
    in_processes()?;
    println!("threads:");
    in_threads()
}
