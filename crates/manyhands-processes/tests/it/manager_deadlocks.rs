//! Processes that wait for each other over managed locks, in a circle.

use std::panic::{AssertUnwindSafe, catch_unwind};

use manyhands_executor::{Executor, ExecutorExt, Shutdown, Task};
use manyhands_processes::{
    ManagedBarrier, ManagedLock, ManagedSemaphore, Manager, ManagerError, ProcessPool,
};
use manyhands_wait::Deadlock;

use crate::patience::eventually;

fn take(lock: ManagedLock) -> Result<(), ManagerError> {
    lock.lock().map(drop)
}

fn take_both(
    (has, wants, both_have_one): (ManagedLock, ManagedLock, ManagedBarrier),
) -> Result<(), ManagerError> {
    let _guard = has.lock()?;
    both_have_one.wait()?;
    wants.lock().map(drop)
}

/// Of two that wait for each other one is told, and the other one goes on.
fn report_of_the_one_that_is_told(tasks: [Task<Result<(), ManagerError>>; 2]) -> String {
    let outcomes = tasks.map(|task| task.result().unwrap());
    let told: Vec<&ManagerError> =
        outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
    assert_eq!(told.len(), 1, "one victim, and the other one goes on: {outcomes:?}");
    assert!(told[0].is_would_deadlock(), "{told:?}");
    told[0].message().to_owned()
}

#[test]
fn two_workers_that_take_two_locks_crosswise_do_not_hang() {
    let manager = Manager::new();
    let (debit, credit) = (manager.lock_named("debit"), manager.lock_named("credit"));
    let pool = ProcessPool::new(2).unwrap();
    let both = manager.barrier(2);
    for _ in 0..3 {
        let first = pool.submit(take_both, (debit.clone(), credit.clone(), both.clone()));
        let second = pool.submit(take_both, (credit.clone(), debit.clone(), both.clone()));
        let report = report_of_the_one_that_is_told([first, second]);
        assert!(report.contains("'debit'") && report.contains("'credit'"), "{report}");
        assert!(report.contains("process '"), "who takes part: {report}");
    }
}

#[test]
fn a_parent_that_waits_for_a_task_which_wants_its_lock_does_not_hang() {
    let manager = Manager::new();
    let lock = manager.lock_named("ledger");
    let pool = ProcessPool::new(1).unwrap();
    for _ in 0..3 {
        let guard = lock.lock().unwrap();
        let task = pool.submit(take, lock.clone());
        let report = match task.result() {
            Err(error) => {
                assert!(error.is_deadlock(), "{error}");
                error.message().to_owned()
            }
            Ok(taken) => taken.unwrap_err().message().to_owned(),
        };
        drop(guard);
        assert!(report.contains("managed lock 'ledger'"), "{report}");
        assert!(report.contains("result of task"), "{report}");
        drop(lock.lock().unwrap());
    }
}

fn double(n: u64) -> u64 {
    n * 2
}

/// A task that wants the lock, and waits for it.
fn one_that_waits(pool: &ProcessPool, lock: &ManagedLock) -> Task<Result<(), ManagerError>> {
    let task = pool.submit(take, lock.clone());
    eventually("it waits for the lock", || !lock.situation().unwrap().waiters.is_empty());
    task
}

#[test]
fn a_task_over_there_that_was_cancelled_is_in_no_deadlock() {
    let manager = Manager::new();
    let lock = manager.lock_named("ledger");
    let pool = ProcessPool::new(1).unwrap();
    for _ in 0..20 {
        let guard = lock.lock().unwrap();
        let task = one_that_waits(&pool, &lock);
        task.cancel();
        let error = task.result().unwrap_err();
        assert!(error.is_cancelled(), "{error}");
        drop(guard);
    }
}

#[test]
fn a_parent_that_waits_for_a_task_behind_one_which_wants_its_lock_is_told() {
    let manager = Manager::new();
    let lock = manager.lock_named("ledger");
    let pool = ProcessPool::builder().workers(1).name("clerk").build().unwrap();
    let guard = lock.lock().unwrap();
    let first = one_that_waits(&pool, &lock);
    // The second is sent ahead, the others are in the queue.
    let behind: Vec<_> = (0..20).map(|n| pool.submit(double, n)).collect();
    for at in [0, 19] {
        let report = behind[at].wait_checked().expect_err("it would never begin").to_string();
        let parts = [
            "deadlock: 2 contexts wait for each other\n  thread '",
            &format!(" waits for result of task {} at ", behind[at].id()),
            ", which is held by process '",
            " / clerk_0'\n  process '",
            " / clerk_0' waits for managed lock 'ledger' at ",
        ];
        for part in parts {
            assert!(report.contains(part), "{report} lacks {part}");
        }
    }
    drop(guard);
    assert!(first.result().unwrap().is_ok());
    assert!(behind.into_iter().enumerate().all(|(n, task)| task.result().unwrap() == 2 * n as u64));
}

#[test]
fn a_task_that_another_worker_can_begin_is_waited_for() {
    let manager = Manager::new();
    let lock = manager.lock();
    let pool = ProcessPool::new(2).unwrap();
    let guard = lock.lock().unwrap();
    let first = one_that_waits(&pool, &lock);
    let behind: Vec<_> = (0..20).map(|n| pool.submit(double, n)).collect();
    assert!(behind.into_iter().enumerate().all(|(n, task)| task.result().unwrap() == 2 * n as u64));
    drop(guard);
    assert!(first.result().unwrap().is_ok());
}

#[test]
fn a_task_behind_one_that_somebody_else_may_let_go_on_is_waited_for() {
    let manager = Manager::new();
    let lock = manager.lock();
    let pool = ProcessPool::new(1).unwrap();
    let (tell, told) = std::sync::mpsc::channel();
    let holder = std::thread::spawn({
        let lock = lock.clone();
        move || {
            let guard = lock.lock().unwrap();
            tell.send(()).unwrap();
            eventually("the parent waits", || {
                manyhands_wait::dump().to_string().contains(" for result of task ")
            });
            drop(guard);
        }
    });
    told.recv().unwrap();
    let first = one_that_waits(&pool, &lock);
    let behind: Vec<_> = (0..20).map(|n| pool.submit(double, n)).collect();
    assert!(behind[19].wait_checked().is_ok());
    assert!(first.result().unwrap().is_ok());
    holder.join().unwrap();
}

#[test]
fn the_end_of_a_pool_one_of_whose_tasks_wants_the_parents_lock_is_told() {
    let manager = Manager::new();
    let lock = manager.lock_named("ledger");
    let pool = ProcessPool::builder().workers(2).name("clerk").build().unwrap();
    let guard = lock.lock().unwrap();
    let first = one_that_waits(&pool, &lock);
    let ended = catch_unwind(AssertUnwindSafe(|| pool.shutdown(Shutdown::WAIT)));
    let report = ended.unwrap_err().downcast::<Deadlock>().unwrap().to_string();
    let end = " waits for end of process pool 'clerk' (tasks left: 1) at ";
    assert!(report.contains(end), "{report}");
    assert!(report.contains("' waits for managed lock 'ledger' at "), "{report}");
    drop(guard);
    assert!(first.result().unwrap().is_ok());
    pool.shutdown(Shutdown::WAIT);
}

fn sit_on_both(
    (has, wants, both_have_one): (ManagedSemaphore, ManagedSemaphore, ManagedBarrier),
) -> Result<(), ManagerError> {
    let _permit = has.acquire()?;
    both_have_one.wait()?;
    wants.acquire().map(drop)
}

#[test]
fn two_workers_that_take_two_semaphores_crosswise_do_not_hang() {
    let manager = Manager::new();
    let (chair, table) = (manager.semaphore_named("chair", 1), manager.semaphore_named("table", 1));
    let pool = ProcessPool::new(2).unwrap();
    let both = manager.barrier(2);
    for _ in 0..3 {
        let first = pool.submit(sit_on_both, (chair.clone(), table.clone(), both.clone()));
        let second = pool.submit(sit_on_both, (table.clone(), chair.clone(), both.clone()));
        let report = report_of_the_one_that_is_told([first, second]);
        for name in ["chair", "table"] {
            let part = format!(" waits for managed semaphore '{name}' at ");
            assert!(report.contains(&part), "{report} lacks {part}");
        }
        let held = report.matches(", which is held by process '").count();
        let since = report.matches("' since crates/manyhands-processes/tests/it/").count();
        assert_eq!((held, since), (2, 2), "{report}");
    }
    eventually("all permits are back", || [chair.available(), table.available()] == [Ok(1), Ok(1)]);
}

fn sit(seats: ManagedSemaphore) -> Result<(), ManagerError> {
    seats.acquire().map(drop)
}

#[test]
fn a_parent_with_all_permits_that_waits_for_a_task_which_wants_one_is_told() {
    let manager = Manager::new();
    let seats = manager.semaphore_named("seats", 2);
    let pool = ProcessPool::new(1).unwrap();
    let permits = [seats.acquire().unwrap(), seats.acquire().unwrap()];
    let task = pool.submit(sit, seats.clone());
    let report = match task.result() {
        Err(error) => error.deadlock().unwrap().to_string(),
        Ok(seated) => seated.unwrap_err().message().to_owned(),
    };
    assert!(report.contains(" waits for managed semaphore 'seats' at "), "{report}");
    assert!(report.contains(" waits for result of task "), "{report}");
    drop(permits);
}

#[test]
fn a_permit_that_somebody_else_may_give_back_is_waited_for() {
    let manager = Manager::new();
    let pool = ProcessPool::new(1).unwrap();
    let wait_for_one = |seats: &ManagedSemaphore, give_back: &(dyn Fn() + Sync)| {
        let task = pool.submit(sit, seats.clone());
        std::thread::scope(|scope| {
            scope.spawn(|| {
                eventually("the parent waits", || {
                    manyhands_wait::dump().to_string().contains(" for result of task ")
                });
                give_back();
            });
            assert_eq!(task.result().unwrap(), Ok(()));
        });
    };

    // By another thread, which has one of the two.
    let seats = manager.semaphore(2);
    let _mine = seats.acquire().unwrap();
    let (go, gone) = std::sync::mpsc::channel::<()>();
    let gone = std::sync::Mutex::new(gone);
    let taken = std::sync::Barrier::new(2);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let _theirs = seats.acquire().unwrap();
            taken.wait();
            gone.lock().unwrap().recv().unwrap();
        });
        taken.wait();
        wait_for_one(&seats, &|| go.send(()).unwrap());
    });

    // By whoever releases what was taken for good.
    let seats = manager.semaphore(1);
    seats.acquire().unwrap().forget().unwrap();
    wait_for_one(&seats, &|| seats.release().unwrap());

    // By whoever was given it.
    let seats = manager.semaphore(1);
    let permit = std::sync::Mutex::new(Some(seats.acquire().unwrap().into_owned()));
    wait_for_one(&seats, &|| drop(permit.lock().unwrap().take()));
}
