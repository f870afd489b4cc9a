//! E8: a pool uses threads again and bounds their number.
//!
//! Follows the program that hands eight URLs to a pool of five threads, each task printing a line
//! and sleeping for four seconds, and the tutorial's list of what pools are good for: threads are
//! used again, and a burst of work does not start a burst of threads.
//!
//! Better here: the pool counts, so that one sees that it holds; an idle thread is used before a new
//! one is started; and the queue can be bounded too, so that who submits faster than the pool works
//! waits, or is told, instead of filling the memory.

use std::time::Duration;

use examples::Options;
use manyhands::{
    CancelToken, Executor, InProcess, Shutdown, ThreadPool, ThreadPoolStatistics, sleep, wait,
};

pub(crate) fn main() -> anyhow::Result<()> {
    let pause = Options::parse()?.scaled(4.0);

    let pool = ThreadPool::new(5)?;
    for _url in 0..8 {
        drop(pool.spawn(move || {
            println!("开始执行任务");
            sleep(pause);
        }));
    }
    pool.shutdown(Shutdown::WAIT);
    let after: ThreadPoolStatistics = pool.statistics();
    println!("8 tasks by {} threads, {} at a time", after.started, after.workers_peak);

    let pool = ThreadPool::new(5)?;
    for _ in 0..100 {
        pool.spawn(|| ()).result()?;
    }
    println!("100 tasks, one at a time: {} threads started", pool.statistics().started);

    let pool = ThreadPool::builder().workers(5).queue_bound(10).build()?;
    let gate = CancelToken::new();
    let behind_the_gate = || {
        let gate = gate.clone();
        move || wait(gate.cancelled())
    };
    for _ in 0..5 {
        drop(pool.spawn(behind_the_gate()));
    }
    while pool.statistics().running < 5 {
        sleep(Duration::from_millis(1));
    }
    let mut queued = 0;
    while pool.try_spawn(behind_the_gate()).is_ok() {
        queued += 1;
    }
    println!("a burst: 5 run, {queued} are queued, and then the queue is full");
    gate.cancel();
    pool.shutdown(Shutdown::WAIT);
    println!("finished: {}", pool.statistics().finished);
    Ok(())
}
