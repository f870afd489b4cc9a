//! The end of an executor, after CPython's `test_concurrent_futures/test_shutdown.py`.

use manyhands::{Executor, ExecutorExt, InProcess, RejectedReason, Shutdown, wait_all};

use crate::models::{Busy, on_all, on_single};

#[test]
fn item_52_nothing_is_taken_after_the_end() {
    on_all(|executor| {
        let before = executor.spawn(|| 1);
        executor.shutdown(Shutdown::WAIT);
        assert!(before.is_done());
        assert!(executor.submit(|n: u8| n, 1).result().unwrap_err().is_rejected());
        assert!(executor.spawn(|| ()).result().unwrap_err().is_rejected());
        assert!(executor.spawn_async(async {}).result().unwrap_err().is_rejected());
        let rejected = executor.try_spawn(|| ()).unwrap_err();
        assert_eq!(rejected.reason(), &RejectedReason::ShutDown);
        assert!(executor.map(|n: u8| n, 0..3).all(|one| one.unwrap_err().is_rejected()));
        assert_eq!(before.result().unwrap(), 1);
    });
}

#[test]
fn ending_twice_is_the_same_as_once() {
    on_all(|executor| {
        let tasks: Vec<_> = (0..5).map(|n| executor.spawn(move || n)).collect();
        for how in [Shutdown::DETACH, Shutdown::WAIT, Shutdown::CANCEL_QUEUED, Shutdown::WAIT] {
            executor.shutdown(how);
        }
        assert_eq!(wait_all(tasks).done.len(), 5);
    });
}

#[test]
fn items_55_and_56_what_waits_is_finished_or_cancelled() {
    for cancel_queued in [false, true] {
        on_single(|executor| {
            let busy = Busy::on(executor);
            let tasks: Vec<_> = (0..49).map(|n| executor.spawn(move || n)).collect();
            executor.shutdown(Shutdown { wait: false, cancel_queued });
            assert_eq!(tasks.iter().all(|task| task.is_cancelled()), cancel_queued);
            busy.let_go();
            executor.shutdown(Shutdown::WAIT);
            assert!(busy.task.outcome().unwrap().is_ok(), "what ran is finished");
            assert!(tasks.into_iter().all(|task| task.result().is_err() == cancel_queued));
        });
    }
}

#[test]
fn an_executor_that_is_dropped_has_finished() {
    for name in ["threads:2", "coroutines:2", "async:2"] {
        let executor: manyhands::AnyExecutor = name.parse().unwrap();
        let tasks: Vec<_> = (0..50).map(|n| executor.spawn(move || n)).collect();
        drop(executor);
        assert!(tasks.iter().all(|task| task.is_done()), "{name}");
    }
}
