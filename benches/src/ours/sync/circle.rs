//! Contexts that wait for each other in a circle, until the last of them is told.

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail, ensure};
use manyhands::sync::Mutex;

/// How long the others may take until they wait.
const LONG: Duration = Duration::from_secs(20);

/// So many threads, each of which holds a lock and waits for that of the next: milliseconds from when
/// the last one begins to wait until it has the report.
///
/// # Errors
/// When nothing is found, or not by the last one alone, or not the whole circle.
pub(crate) fn of_threads(threads: usize) -> anyhow::Result<f64> {
    let locks: Vec<Mutex<u64>> = (0..threads).map(|_| Mutex::new(0)).collect();
    let all_hold = Barrier::new(threads);
    let next_of = |at: usize| &locks[(at + 1) % threads];
    let found_ms = thread::scope(|scope| {
        let wait = |at: usize| {
            let all_hold = &all_hold;
            let next = next_of(at);
            let mine = &locks[at];
            scope.spawn(move || -> anyhow::Result<()> {
                let _held = mine.lock();
                all_hold.wait();
                *next.lock_checked().context("told another than the last")? += 1;
                Ok(())
            })
        };
        let others: Vec<_> = (1..threads).map(wait).collect();
        let held = locks[0].lock();
        all_hold.wait();
        let found = others_wait(locks.iter().skip(2).chain([&locks[0]])).and_then(|()| {
            let started = Instant::now();
            let outcome = next_of(0).lock_checked();
            let ms = started.elapsed().as_secs_f64() * 1e3;
            let Err(deadlock) = outcome else { bail!("a lock was had that is held") };
            let participants = deadlock.participants().count();
            ensure!(participants == threads, "{participants} of {threads} were found");
            Ok(ms)
        });
        // They go on one after the other, whatever came of it.
        drop(held);
        for other in others {
            other.join().map_err(|_| anyhow!("a thread failed"))??;
        }
        found
    })?;
    let taken: u64 = locks.into_iter().map(Mutex::into_inner).sum();
    ensure!(taken + 1 == threads as u64, "a lock was not had after the circle was broken");
    Ok(found_ms)
}

/// Waits until somebody waits for each of the locks.
fn others_wait<'a>(locks: impl Iterator<Item = &'a Mutex<u64>> + Clone) -> anyhow::Result<()> {
    let started = Instant::now();
    while !locks.clone().all(|lock| lock.statistics().waiting > 0) {
        ensure!(started.elapsed() < LONG, "the others do not wait");
        thread::sleep(Duration::from_millis(1));
    }
    // They are in the queues of the locks; until they are asleep it takes them a moment more.
    thread::sleep(Duration::from_millis(20));
    Ok(())
}
