//! E3: what can be asked of a submitted call: `result(timeout)`, `done`, `cancel`,
//! `add_done_callback`.
//!
//! Follows the list of methods that the tutorial gives for futures, each shown once.
//!
//! Better here: a running task can be cancelled too. Python's `cancel()` only reaches what is still
//! queued. A timeout of `result` is an answer, not an exception, and leaves the task alone.

use std::sync::mpsc;
use std::time::Duration;

use examples::{Options, truth};
use manyhands::{Outcome, Task, ThreadPool, sleep};

fn show(outcome: &Outcome<u32>) {
    match outcome {
        Ok(value) => println!("callback: {value}"),
        Err(error) => println!("callback: {error}"),
    }
}

pub(crate) fn main() -> anyhow::Result<()> {
    let options = Options::parse()?;
    let pool = ThreadPool::new(1)?;

    // It answers when it is told to, so that everything below happens in this order.
    let (go, told) = mpsc::channel();
    let mut answer = pool.spawn(move || told.recv().map_or(0, |()| 9));
    let queued = pool.spawn(|| println!("this never runs"));

    println!("done: {}", truth(answer.is_done()));
    match answer.result_timeout(options.scaled(0.1)) {
        Ok(outcome) => println!("result: {}", outcome?),
        Err(timed_out) => println!("result within {:?}: {timed_out}", options.scaled(0.1)),
    }
    println!("cancel the queued one: {:?}", queued.cancel());
    println!("cancelled: {}", truth(queued.is_cancelled()));

    answer.on_done(show);
    go.send(())?;
    answer.wait();
    println!("done: {}", truth(answer.is_done()));
    answer.on_done(show); // has ended, so the callback runs at once
    println!("result: {}", answer.result()?);

    let (begun, has_begun) = mpsc::channel();
    let endless: Task<()> = pool.spawn(move || {
        let _nobody_listens = begun.send(());
        sleep(Duration::from_secs(3600));
    });
    has_begun.recv()?;
    println!("cancel the running one: {:?}", endless.cancel());
    match endless.result() {
        Ok(()) => println!("it ended by itself"),
        Err(error) => println!("its result: {error}"),
    }
    Ok(())
}
