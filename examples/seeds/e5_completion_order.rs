//! E5: results in the order of submission, or in the order in which they come.
//!
//! Follows the programs that read futures one after the other, and through `as_completed`, which
//! yields them as they end and a future that is given twice only once.
//!
//! Better here: `as_completed` takes tasks of different executors together, can be asked without
//! waiting, and a worker that waits for tasks of its own pool runs them instead of starving.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use examples::Options;
use manyhands::{ExecutorExt, Task, ThreadPool, as_completed, sleep};

fn crawl((page, pause): (String, Duration)) -> String {
    sleep(pause);
    page
}

pub(crate) fn main() -> anyhow::Result<()> {
    let options = Options::parse()?;
    let pool = ThreadPool::new(3)?;
    let pages = [("slow", 3.0), ("quick", 1.0), ("middling", 2.0)];
    let submit = |(page, seconds): (&str, f64)| {
        pool.submit(crawl, (page.to_owned(), options.scaled(seconds)))
    };

    let tasks: Vec<Task<String>> = pages.into_iter().map(submit).collect();
    for task in tasks {
        println!("in order: {}", task.result()?);
    }

    let ended = Arc::new(Mutex::new(Vec::new()));
    let tasks: Vec<Task<String>> = pages.into_iter().map(submit).collect();
    for task in &tasks {
        let ended = Arc::clone(&ended);
        task.on_done(move |page| {
            ended.lock().unwrap_or_else(PoisonError::into_inner).extend(page.clone());
        });
    }
    let each_twice = tasks.iter().chain(&tasks);
    for task in as_completed(each_twice) {
        if let Some(Ok(page)) = task.outcome() {
            println!("as completed: {page}");
        }
    }
    let ended = ended.lock().unwrap_or_else(PoisonError::into_inner);
    println!("they ended like this: {}", ended.join(", "));
    Ok(())
}
