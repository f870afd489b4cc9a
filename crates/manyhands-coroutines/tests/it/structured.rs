//! Scopes and groups whose owner and members are coroutines of one hub: none can be cancelled while
//! another one of the thread unwinds, so the owner must not unwind while it waits for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use manyhands_coroutines::{CoroutinePool, sleep, timeout};
use manyhands_executor::{Group, InProcess, scope};

use crate::net_places::{LONG, eventually};

const SOON: Duration = Duration::from_millis(20);

/// Counts how many are inside.
struct Inside<'a>(&'a AtomicUsize);

impl Inside<'_> {
    fn enter(count: &AtomicUsize) -> Inside<'_> {
        count.fetch_add(1, Ordering::SeqCst);
        Inside(count)
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// What a member does: it ends only if it is cancelled.
fn stay(inside: &AtomicUsize) {
    let _inside = Inside::enter(inside);
    sleep(100 * LONG);
}

fn one_hub() -> Arc<CoroutinePool> {
    Arc::new(CoroutinePool::new(1).unwrap())
}

/// Another coroutine of the same hub can still be timed out.
fn deadlines_come(pool: &CoroutinePool) {
    let mut other = pool.spawn(|| timeout(SOON, || sleep(100 * LONG)).is_err());
    let ended = other.result_timeout(LONG).expect("a deadline of the hub did not come");
    assert!(ended.unwrap());
}

/// Runs `owner` as a coroutine of a pool of one hub and counts who is inside; cancels it if that is
/// asked for, when both members are; then nobody may be left, and the hub must be as before.
fn ends<R: Send + 'static>(
    is_cancelled: bool,
    owner: impl FnOnce(&CoroutinePool, &Arc<AtomicUsize>) -> R + Send + 'static,
) -> Result<R, String> {
    let pool = one_hub();
    let inside = Arc::new(AtomicUsize::new(0));
    let mut owner = pool.spawn({
        let (pool, inside) = (Arc::clone(&pool), Arc::clone(&inside));
        move || (owner(&pool, &inside), inside.load(Ordering::SeqCst))
    });
    if is_cancelled {
        eventually("the members run", || inside.load(Ordering::SeqCst) == 2);
        owner.cancel();
    }
    let outcome = owner.result_timeout(LONG).expect("the owner did not end");
    let outcome = outcome.map_err(|error| error.message().to_owned()).map(|(value, left)| {
        assert_eq!(left, 0, "members outlived the owner's call");
        value
    });
    eventually("the members were dropped", || inside.load(Ordering::SeqCst) == 0);
    deadlines_come(&pool);
    outcome
}

#[test]
fn a_scope_ends_at_a_deadline_around_it() {
    let ended = ends(false, |pool, inside| {
        timeout(SOON, || {
            scope(pool, |s| {
                s.spawn(|| stay(inside));
                s.spawn(|| stay(inside));
            })
        })
        .is_err()
    });
    assert_eq!(ended, Ok(true));
}

#[test]
fn a_scope_whose_body_waits_ends_at_a_deadline_around_it() {
    let ended = ends(false, |pool, inside| {
        timeout(SOON, || {
            scope(pool, |s| {
                s.spawn(|| stay(inside));
                s.spawn(|| stay(inside));
                sleep(100 * LONG);
            })
        })
        .is_err()
    });
    assert_eq!(ended, Ok(true));
}

#[test]
fn scopes_in_each_other_end_at_a_deadline() {
    let ended = ends(false, |pool, inside| {
        timeout(SOON, || {
            scope(pool, |s| {
                s.spawn(|| stay(inside));
                scope(pool, |s| _ = s.spawn(|| stay(inside)))
            })
        })
        .is_err()
    });
    assert_eq!(ended, Ok(true));
}

#[test]
fn a_scope_ends_with_its_cancelled_owner() {
    let ended = ends(true, |pool, inside| {
        scope(pool, |s| {
            s.spawn(|| stay(inside));
            s.spawn(|| stay(inside));
        })
    });
    assert!(ended.is_err());
}

#[test]
fn a_scope_ends_when_its_body_panics() {
    let ended = ends(false, |pool, inside| {
        let _ = scope(pool, |s| {
            s.spawn(|| stay(inside));
            s.spawn(|| stay(inside));
            sleep(SOON);
            std::panic::resume_unwind(Box::new("the body"));
        });
    });
    assert_eq!(ended, Err("the body".to_owned()));
}

#[test]
fn a_cancellation_while_a_deadline_ends_the_scope_is_delivered_after_it() {
    /// In a member that is ended by the deadline: cancels the owner too, which is waiting for it.
    struct CancelsOwner<'a>(&'a (dyn Fn() + Sync));
    impl Drop for CancelsOwner<'_> {
        fn drop(&mut self) {
            (self.0)();
        }
    }
    let pool = one_hub();
    let token = manyhands_wait::CancelToken::new();
    let mut owner = pool.spawn({
        let pool = Arc::clone(&pool);
        move || {
            let cancel = || token.cancel();
            manyhands_wait::with_cancel_token(&token, || {
                let ended = timeout(SOON, || {
                    scope(&*pool, |s| {
                        s.spawn(|| {
                            let _cancels = CancelsOwner(&cancel);
                            sleep(100 * LONG);
                        });
                    })
                });
                assert!(ended.is_err());
                sleep(100 * LONG);
            })
        }
    });
    let ended = owner.result_timeout(LONG).expect("the cancellation was lost").unwrap();
    assert_eq!(ended, Err(manyhands_wait::Cancelled));
    deadlines_come(&pool);
}

#[test]
fn a_wait_for_a_group_ends_at_a_deadline() {
    let ended = ends(false, |pool, inside| {
        timeout(SOON, || {
            let group = Group::new(pool);
            for inside in [Arc::clone(inside), Arc::clone(inside)] {
                drop(group.spawn(move || stay(&inside)));
            }
            group.wait()
        })
        .is_err()
    });
    assert_eq!(ended, Ok(true));
}

#[test]
fn a_group_that_runs_a_closure_ends_with_it() {
    let ended = ends(false, |pool, inside| {
        timeout(SOON, || {
            Group::new(pool).run(|group| {
                for inside in [Arc::clone(inside), Arc::clone(inside)] {
                    drop(group.spawn(move || stay(&inside)));
                }
                sleep(100 * LONG);
            })
        })
        .is_err()
    });
    assert_eq!(ended, Ok(true));
}

#[test]
fn a_group_that_is_dropped_while_its_owner_is_cancelled_does_not_wait() {
    let ended = ends(true, |pool, inside| {
        let group = Group::new(pool);
        for inside in [Arc::clone(inside), Arc::clone(inside)] {
            drop(group.spawn(move || stay(&inside)));
        }
        sleep(100 * LONG);
    });
    assert!(ended.is_err());
}

#[test]
fn a_group_that_is_dropped_in_a_panic_does_not_wait() {
    let ended = ends(false, |pool, inside| {
        let group = Group::new(pool);
        for inside in [Arc::clone(inside), Arc::clone(inside)] {
            drop(group.spawn(move || stay(&inside)));
        }
        sleep(SOON);
        std::panic::resume_unwind(Box::new("the owner"));
    });
    assert_eq!(ended, Err("the owner".to_owned()));
}

#[test]
fn a_group_that_is_dropped_otherwise_waits() {
    let ended = ends(false, |pool, inside| {
        let group = Group::new(pool);
        for inside in [Arc::clone(inside), Arc::clone(inside)] {
            drop(group.spawn(move || stay(&inside)));
        }
        sleep(SOON);
    });
    assert_eq!(ended, Ok(()));
}
