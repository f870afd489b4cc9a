//! T4: threads share memory.
//!
//! Follows two programs: a thread sets a global number to 0 and the main thread reads it, and six
//! threads append to one list, which each prints. The other halves, in which each process has its
//! own copy, come with `Process`.
//!
//! Better here: what is shared says so in its type, and the compiler refuses a list that two threads
//! could write to at once. In Python only the interpreter's lock keeps the list whole.

use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use examples::Options;
use manyhands::Thread;

static N: AtomicI32 = AtomicI32::new(1);

pub(crate) fn main() -> anyhow::Result<()> {
    Options::parse()?;
    Thread::spawn(|| N.store(0, Ordering::Relaxed)).join()?;
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
