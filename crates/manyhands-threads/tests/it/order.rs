//! Jobs start in the order in which they were submitted, however many workers there are.

use std::sync::mpsc;

use manyhands_threads::ThreadPool;

#[test]
fn the_next_job_to_start_is_the_one_that_was_submitted_first() {
    const WORKERS: usize = 3;
    const JOBS: usize = 24;
    let pool = ThreadPool::new(WORKERS).unwrap();
    let (started, starts) = mpsc::channel();
    let (mut gates, mut tasks) = (Vec::new(), Vec::new());
    // The first ones keep every worker busy while the rest is queued.
    for number in 0..WORKERS + JOBS {
        let (gate, opened) = mpsc::channel::<()>();
        let started = started.clone();
        gates.push(Some(gate));
        tasks.push(pool.spawn(move || {
            started.send(number).unwrap();
            let _closed = opened.recv();
        }));
    }
    let mut running: Vec<usize> = (0..WORKERS).map(|_| starts.recv().unwrap()).collect();
    running.sort_unstable();
    assert_eq!(running, [0, 1, 2]);
    // Each that ends lets in the oldest of those that wait, whichever worker it was.
    for next in WORKERS..WORKERS + JOBS {
        let ends = running.remove(next % running.len());
        gates[ends] = None;
        assert_eq!(starts.recv().unwrap(), next);
        running.push(next);
    }
    drop(gates);
    tasks.into_iter().for_each(|task| task.result().unwrap());
}
