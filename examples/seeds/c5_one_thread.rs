//! C5: all coroutines of a thread run in that thread, each under a name of its own.
//!
//! Follows the program that prints `threading.current_thread().getName()` in two greenlets: two
//! threads that do not exist, `DummyThread-1` and `DummyThread-2`.
//!
//! Better here: the thread is the thread, whoever asks; the coroutine is the current
//! [`Context`], which has a number and a name, both of which [`dump`](manyhands::dump) shows with
//! what it waits for.

use examples::Options;
use manyhands::coroutines::spawn_named;
use manyhands::{Context, Task, Thread, sleep, spawn_local, wait_all};

pub(crate) fn main() -> anyhow::Result<()> {
    let options = Options::parse()?;
    let show = |what: &'static str, seconds: f64| {
        let pause = options.scaled(seconds);
        move || {
            let (thread, context) = (Thread::current(), Context::current());
            let number = std::thread::current().id();
            println!("{what}: {} in thread {} ({number:?})", context.name(), thread.name());
            sleep(pause);
            (context.id(), number)
        }
    };
    let mut tasks: Vec<Task<_>> = vec![
        spawn_local(show("eat", 0.2)),
        spawn_local(show("play", 0.1)),
        spawn_named("the cook", show("cook", 0.1)),
    ];
    wait_all(&tasks);
    let here = std::thread::current().id();
    println!("main thread: {} ({here:?})", Thread::current().name());

    let mut contexts = Vec::new();
    for task in tasks.drain(..) {
        let (context, thread) = task.result()?;
        anyhow::ensure!(thread == here, "a coroutine ran in {thread:?}, not in {here:?}");
        contexts.push(context);
    }
    contexts.sort_unstable();
    contexts.dedup();
    println!("{} contexts, one thread", contexts.len());
    Ok(())
}
