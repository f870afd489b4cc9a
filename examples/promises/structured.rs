//! Structured concurrency: tasks that belong together end together.
//!
//! In a `scope` tasks may borrow from the caller's stack, because none outlives the call. In a
//! `Group` the first failure cancels the others, running ones too, and their destructors run.

use std::time::{Duration, Instant};

use examples::Options;
use manyhands::{Group, ThreadPool, scope, sleep};

struct Workbench(&'static str);

impl Drop for Workbench {
    fn drop(&mut self) {
        println!("{} is cleared", self.0);
    }
}

pub(crate) fn main() -> anyhow::Result<()> {
    let pause = Options::parse()?.scaled(0.2);
    let pool = ThreadPool::new(4)?;

    let words = vec!["many".to_owned(), "hands".to_owned(), "make".to_owned()];
    let mut lengths = vec![0; words.len()];
    scope(&pool, |scope| {
        for (word, length) in words.iter().zip(&mut lengths) {
            scope.spawn(move || *length = word.len());
        }
    })?;
    println!("{words:?} have {lengths:?} letters");

    let start = Instant::now();
    let group = Group::new(&pool);
    let patient = group.spawn(|| {
        let _bench = Workbench("the patient one's bench");
        sleep(Duration::from_secs(3600));
    });
    let failing = group.spawn(move || {
        sleep(pause);
        panic!("the glue has dried");
    });
    let Err(first) = group.wait() else { anyhow::bail!("a failure went unnoticed") };
    println!("the group: {first}");
    println!("an hour was cut short: {}", start.elapsed() < Duration::from_secs(1800));
    for (name, outcome) in [("patient", patient.result()), ("failing", failing.result())] {
        println!("the {name} one: {:?}", outcome.map_err(|error| error.kind()));
    }

    // The pool itself is unharmed.
    println!("{}", pool.spawn(|| "and the pool works on").result()?);
    Ok(())
}
