//! Tasks of all executors are one type, so they mix: a pool of threads, a pool of processes, an async
//! pool, a thread and a process of their own, and a call made on the spot, in one `as_completed`.

use std::fs;

use examples::{Options, Site};
use manyhands::http::Session;
use manyhands::{
    AsyncPool, ExecutorExt, Process, ProcessPool, Sequential, Task, Thread, ThreadPool,
    as_completed, sleep,
};

fn square(n: u64) -> u64 {
    n * n
}

pub(crate) fn main() -> anyhow::Result<()> {
    let options = Options::parse()?;
    let site = Site::start(options.scale())?;
    let (threads, asynchronous) = (ThreadPool::new(2)?, AsyncPool::new(10)?);
    let processes = ProcessPool::new(1)?;

    // The future awaits a task of the pool of threads: waiting goes in every direction.
    let file = threads.spawn(|| fs::read("/proc/self/cmdline").map_or(0, |text| text.len() as u64));
    let (session, page) = (Session::new(), site.hourly_pages().swap_remove(0));
    let page_and_file = asynchronous.spawn_async(async move {
        let page = session.get(page).await.map_or(0, |page| page.body_length());
        page + file.await.unwrap_or(0)
    });
    let pause = options.scaled(0.2);
    let sleeper = Thread::builder().name("sleeper").start(move || {
        sleep(pause);
        42_u64
    })?;

    let tasks: [(&str, Task<u64>); 6] = [
        ("a thread of its own", sleeper.into_task()),
        ("a process of its own", Process::start(square, 11)?.into_task()),
        ("a pool of processes", processes.submit(square, 10)),
        ("an async task that awaits a page and a thread", page_and_file),
        ("a pool of threads", threads.submit(square, 12)),
        ("on the spot", Sequential::new().submit(square, 3)),
    ];
    for task in as_completed(tasks.iter().map(|(_, task)| task)) {
        let named = tasks.iter().find(|(_, one)| one.id() == task.id());
        if let (Some((name, _)), Some(outcome)) = (named, task.outcome()) {
            println!("{name}: {}", outcome.clone()?);
        }
    }
    Ok(())
}
