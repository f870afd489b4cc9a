//! Tasks that are ended before they want to: cancelled, or because their time is over.

use std::time::{Duration, Instant};

use manyhands_executor::{Cancellation, ExecutorExt, TaskOptions, wait_all};
use manyhands_processes::{ProcessPool, ProcessPoolBuilder};

use super::{compute, compute_for_ever, double, pid, wait_for_ever};
use crate::patience::eventually;

fn impatient(workers: usize) -> ProcessPoolBuilder {
    ProcessPool::builder().workers(workers).grace(Duration::from_millis(20))
}

#[test]
fn an_endless_loop_is_ended_by_its_time_limit_and_the_worker_is_replaced() {
    let pool = impatient(1).build().unwrap();
    let worker = pool.submit(pid, ()).result().unwrap();
    let limit = TaskOptions::new().time_limit(Duration::from_millis(100));
    let start = Instant::now();
    let task = pool.with(limit).submit(compute_for_ever, ());
    let neighbour = pool.submit(double, 3);
    let error = task.result().unwrap_err();
    assert!(error.is_timed_out(), "{error}");
    assert!(start.elapsed() >= Duration::from_millis(100));
    assert_eq!(neighbour.result().unwrap(), 6);
    assert_ne!(pool.submit(pid, ()).result().unwrap(), worker);
    assert_eq!(pool.statistics().killed, 1);
}

#[test]
fn a_wait_is_ended_by_its_time_limit_and_the_worker_stays() {
    let pool = ProcessPool::builder().workers(1).grace(Duration::from_secs(30)).build().unwrap();
    let worker = pool.submit(pid, ()).result().unwrap();
    let limit = TaskOptions::new().time_limit(Duration::from_millis(50));
    let error = pool.with(limit).submit(wait_for_ever, ()).result().unwrap_err();
    assert!(error.is_timed_out(), "{error}");
    assert_eq!(pool.submit(pid, ()).result().unwrap(), worker);
}

#[test]
fn a_time_limit_counts_from_the_start_and_not_from_the_submission() {
    let pool = impatient(1).build().unwrap();
    let _before = pool.submit(compute, 300);
    let limit = TaskOptions::new().time_limit(Duration::from_millis(200));
    assert_eq!(pool.with(limit).submit(compute, 1).result().unwrap(), 1);
}

#[test]
fn a_deadline_passes_also_for_what_was_sent_and_has_not_begun() {
    let pool = impatient(1).build().unwrap();
    let long = pool.submit(wait_for_ever, ());
    eventually("it runs", || long.is_running());
    let deadline = TaskOptions::new().deadline(Instant::now() + Duration::from_millis(50));
    let task = pool.with(deadline).submit(double, 1);
    let error = task.result().unwrap_err();
    assert!(error.is_timed_out(), "{error}");
    assert!(!long.is_done());
    long.cancel();
    assert!(long.result().unwrap_err().is_cancelled());
}

#[test]
fn a_queued_task_is_cancelled_at_once_and_never_begins() {
    let pool = impatient(1).build().unwrap();
    let long = pool.submit(wait_for_ever, ());
    let queued: Vec<_> = (0..10).map(|n| pool.submit(double, n)).collect();
    eventually("it runs", || long.is_running());
    for task in &queued {
        task.cancel();
    }
    for task in queued {
        assert!(task.result().unwrap_err().is_cancelled());
    }
    assert!(!long.is_done());
    long.cancel();
    assert!(long.result().unwrap_err().is_cancelled());
}

#[test]
fn a_running_task_that_waits_is_cancelled_and_the_worker_stays() {
    let pool = ProcessPool::builder().workers(1).grace(Duration::from_secs(30)).build().unwrap();
    let worker = pool.submit(pid, ()).result().unwrap();
    let task = pool.submit(wait_for_ever, ());
    eventually("it runs", || task.is_running());
    assert_eq!(task.cancel(), Cancellation::Requested);
    assert!(task.result().unwrap_err().is_cancelled());
    assert_eq!(pool.submit(pid, ()).result().unwrap(), worker);
}

#[test]
fn a_running_task_that_checks_is_cancelled_and_the_worker_stays() {
    fn check_for_ever(_: ()) {
        loop {
            manyhands_wait::check_cancelled();
        }
    }
    let pool = ProcessPool::builder().workers(1).grace(Duration::from_secs(30)).build().unwrap();
    let worker = pool.submit(pid, ()).result().unwrap();
    let task = pool.submit(check_for_ever, ());
    eventually("it runs", || task.is_running());
    task.cancel();
    assert!(task.result().unwrap_err().is_cancelled());
    assert_eq!(pool.submit(pid, ()).result().unwrap(), worker);
}

#[test]
fn a_running_task_that_computes_is_cancelled_with_its_worker_and_neighbours_live() {
    let pool = impatient(2).build().unwrap();
    let task = pool.submit(compute_for_ever, ());
    eventually("it runs", || task.is_running());
    let neighbours: Vec<_> = (0..20).map(|n| pool.submit(double, n)).collect();
    task.cancel();
    assert!(task.result().unwrap_err().is_cancelled());
    for (n, task) in neighbours.into_iter().enumerate() {
        assert_eq!(task.result().unwrap(), 2 * n as u64);
    }
    assert_eq!(pool.submit(double, 4).result().unwrap(), 8);
}

#[test]
fn a_task_that_resists_sigterm_is_killed() {
    extern "C" fn nothing(_: libc::c_int) {}
    fn resist(_: ()) {
        // SAFETY: the handler does nothing.
        unsafe { libc::signal(libc::SIGTERM, nothing as extern "C" fn(libc::c_int) as usize) };
        compute_for_ever(());
    }
    let pool = impatient(1).build().unwrap();
    let task = pool.submit(resist, ());
    eventually("it runs", || task.is_running());
    task.cancel();
    assert!(task.result().unwrap_err().is_cancelled());
    assert_eq!(pool.submit(double, 4).result().unwrap(), 8);
}

#[test]
fn results_and_kills_that_race_leave_every_task_with_one_outcome() {
    let pool = ProcessPool::builder().workers(2).grace(Duration::ZERO).build().unwrap();
    let tasks: Vec<_> = (0..200)
        .map(|n| {
            let limit = TaskOptions::new().time_limit(Duration::from_micros(1 + n * 20));
            pool.with(limit).submit(compute, 2)
        })
        .collect();
    let plain: Vec<_> = (0..200).map(|n| pool.submit(double, n)).collect();
    for task in tasks {
        match task.result() {
            Ok(value) => assert_eq!(value, 2),
            Err(error) => assert!(error.is_timed_out(), "{error}"),
        }
    }
    for (n, task) in plain.into_iter().enumerate() {
        assert_eq!(task.result().unwrap(), 2 * n as u64, "tasks without a limit are never hit");
    }
}

#[test]
fn cancelling_at_any_moment_leaves_every_task_with_one_outcome() {
    let pool = ProcessPool::new(2).unwrap();
    for round in 0..20 {
        let tasks: Vec<_> = (0..200).map(|n| pool.submit(double, n)).collect();
        for task in tasks.iter().skip(round).step_by(3) {
            task.cancel();
        }
        assert_eq!(wait_all(&tasks).done.len(), 200);
        for (n, task) in tasks.into_iter().enumerate() {
            match task.result() {
                Ok(value) => assert_eq!(value, 2 * n as u64),
                Err(error) => assert!(error.is_cancelled(), "{error}"),
            }
        }
    }
    assert_eq!(pool.statistics().died, 0, "nobody had to die for it");
}

#[test]
fn what_was_sent_and_has_not_begun_is_not_running_and_goes_to_who_is_idle() {
    let pool = ProcessPool::builder().workers(2).prefetch_depth(8).build().unwrap();
    // One worker only: the second is started when there is work for it.
    let long = pool.submit(wait_for_ever, ());
    eventually("it runs", || long.is_running());
    let tasks: Vec<_> = (0..100).map(|_| pool.submit(compute, 1)).collect();
    for task in tasks {
        assert_eq!(task.result().unwrap(), 1);
    }
    assert!(long.is_running());
    long.cancel();
    assert!(long.result().unwrap_err().is_cancelled());
}
