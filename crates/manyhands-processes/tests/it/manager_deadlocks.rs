//! Processes that wait for each other over managed locks, in a circle.

use manyhands_executor::ExecutorExt;
use manyhands_processes::{ManagedBarrier, ManagedLock, Manager, ManagerError, ProcessPool};

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

#[test]
fn two_workers_that_take_two_locks_crosswise_do_not_hang() {
    let manager = Manager::new();
    let (debit, credit) = (manager.lock_named("debit"), manager.lock_named("credit"));
    let pool = ProcessPool::new(2).unwrap();
    let both = manager.barrier(2);
    for _ in 0..3 {
        let first = pool.submit(take_both, (debit.clone(), credit.clone(), both.clone()));
        let second = pool.submit(take_both, (credit.clone(), debit.clone(), both.clone()));
        let outcomes = [first.result().unwrap(), second.result().unwrap()];
        let told: Vec<&ManagerError> =
            outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
        assert_eq!(told.len(), 1, "one victim, and the other one goes on: {outcomes:?}");
        assert!(told[0].is_would_deadlock(), "{told:?}");
        let report = told[0].message();
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
