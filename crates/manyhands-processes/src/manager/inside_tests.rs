//! What functions that run on an object may end and drop meanwhile: everything, also that object.

use super::*;

#[test]
fn a_function_may_remove_objects_and_its_own() {
    static MANAGER: Mutex<Option<Manager>> = Mutex::new(None);
    let manager = Manager::new();
    let (object, other) = (manager.manage(7_u8), manager.counter(1));
    let ids = [object.id(), other.id()].map(|id| (id.owner, id.object));
    *MANAGER.lock().unwrap() = Some(manager);
    let remove = |value: &mut u8, ids: [(u64, u64); 2]| {
        let manager = MANAGER.lock().unwrap();
        let removed =
            ids.map(|(owner, object)| manager.as_ref().unwrap().remove(ObjectId { owner, object }));
        (*value, removed)
    };
    assert_eq!(object.call(remove, ids), Ok((7, [true, true])), "it goes on to its end");
    assert!(object.call(remove, ids).unwrap_err().is_closed());
    assert!(other.get().unwrap_err().is_closed());
    assert!(MANAGER.lock().unwrap().take().unwrap().is_empty());
}

#[test]
fn a_function_may_drop_the_manager_of_its_object() {
    let manager = Manager::new();
    let (object, counter) = (manager.manage(0_u8), manager.counter(3));
    static MANAGER: Mutex<Option<Manager>> = Mutex::new(None);
    *MANAGER.lock().unwrap() = Some(manager);
    let end = |_: &mut u8, ()| drop(MANAGER.lock().unwrap().take());
    assert_eq!(object.call(end, ()), Ok(()));
    assert!(object.call(end, ()).unwrap_err().is_closed());
    assert!(counter.get().unwrap_err().is_closed());
}

#[test]
fn what_a_function_drops_is_given_back_when_it_has_ended() {
    let manager = Manager::new();
    let (lock, seats) = (manager.lock(), manager.semaphore(1));
    let queue = crate::Queue::<u8>::new();
    let there = queue.clone();
    let guard = lock.lock().unwrap().into_owned();
    let permit = seats.acquire().unwrap().into_owned();
    let object = manager.manage(Some((guard, permit, queue, Manager::new())));
    let drop_all = |all: &mut Option<_>, ()| drop(all.take());
    assert!(lock.try_lock().unwrap().is_none());
    assert_eq!(object.call(drop_all, ()), Ok(()));
    assert!(lock.try_lock().unwrap().is_some(), "the lock is released");
    assert_eq!(seats.available(), Ok(1));
    assert_eq!(there.len(), Ok(0), "there is another handle");
    let last = manager.manage(Some(there));
    assert_eq!(last.call(|queue, ()| queue.take().is_some(), ()), Ok(true));
}

#[test]
fn a_future_that_a_function_drops_withdraws_its_call() {
    let manager = Manager::new();
    let lock = manager.lock();
    let held = lock.lock().unwrap().into_owned();
    let waiting = lock.begin_lock();
    let object = manager.manage(Some(waiting));
    assert_eq!(lock.situation().unwrap().waiters.len(), 1);
    assert_eq!(object.call(|waiting, ()| drop(waiting.take()), ()), Ok(()));
    assert_eq!(lock.situation().unwrap().waiters.len(), 0);
    drop(held);
    assert!(lock.try_lock().unwrap().is_some());
}

#[test]
fn what_is_left_for_later_is_done_also_when_the_function_panics() {
    let manager = Manager::new();
    let lock = manager.lock();
    let object = manager.manage(Some(lock.lock().unwrap().into_owned()));
    let fail = |guard: &mut Option<ManagedLockOwnedGuard>, (): ()| {
        drop(guard.take());
        assert!(guard.is_some(), "it was dropped");
    };
    assert!(object.call(fail, ()).unwrap_err().is_panicked());
    assert!(lock.try_lock().unwrap().is_some());
}
