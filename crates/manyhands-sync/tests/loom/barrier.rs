//! The barrier: a round ends for all who are in it, and whoever goes on sees what all have done.
//!
//! The barriers have names, so that all of them is there before the threads are.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use loom::sync::Arc;
use loom::thread;
use manyhands_sync::{Barrier, BarrierErrorKind};

use super::{Counter, model_bounded};

/// Two parties and two rounds; each reads behind the barrier what the other has written before it.
#[test]
fn rounds_in_lockstep() {
    model_bounded(3, || {
        let shared = Arc::new((Barrier::named("course", 2), [Counter::new(), Counter::new()]));
        let dine = |shared: &(Barrier, [Counter; 2]), own: usize| {
            let mut places = 0;
            for round in 1..=2 {
                shared.1[own].add_one();
                places += shared.0.wait().unwrap().index();
                assert_eq!(shared.1[1 - own].get(), round);
                places += shared.0.wait().unwrap().index();
            }
            places
        };
        let other = thread::spawn({
            let shared = Arc::clone(&shared);
            move || dine(&shared, 1)
        });
        // One of each pair was first, the other one last.
        assert_eq!(dine(&shared, 0) + other.join().unwrap(), 4);
    });
}

/// The action runs once for a round, sees what all have done, and is seen by all.
#[test]
fn the_action_comes_between() {
    model_bounded(3, || {
        let counters = Arc::new([Counter::new(), Counter::new(), Counter::new()]);
        let seen = Arc::clone(&counters);
        let barrier = Arc::new(Barrier::named("course", 2).with_action(move || {
            assert_eq!((seen[0].get(), seen[1].get()), (1, 1));
            seen[2].add_one();
        }));
        let dine = |barrier: &Barrier, counters: &[Counter; 3], own: usize| {
            counters[own].add_one();
            barrier.wait().unwrap();
            assert_eq!(counters[2].get(), 1);
        };
        let other = thread::spawn({
            let (barrier, counters) = (Arc::clone(&barrier), Arc::clone(&counters));
            move || dine(&barrier, &counters, 1)
        });
        dine(&barrier, &counters, 0);
        other.join().unwrap();
    });
}

/// A barrier of one: who comes while the action of another runs waits for its end and has a round then.
#[test]
fn newcomers_wait_for_the_end_of_the_action() {
    model_bounded(3, || {
        let shared = Arc::new(Counter::new());
        let acting = Arc::clone(&shared);
        let barrier = Arc::new(Barrier::named("course", 1).with_action(move || acting.add_one()));
        let others = [(); 2].map(|()| {
            let barrier = Arc::clone(&barrier);
            thread::spawn(move || assert!(barrier.wait().is_ok()))
        });
        barrier.wait().unwrap();
        others.into_iter().for_each(|other| other.join().unwrap());
        assert_eq!(shared.get(), 3);
    });
}

/// One of two leaves at any time: either both have passed, or the other one is told. Of three that are
/// waited for, who never come, the other one is always told.
#[test]
fn who_leaves_does_not_leave_the_other_waiting() {
    for parties in [2, 3] {
        model_bounded(3, move || {
            let barrier = Arc::new(Barrier::named("course", parties));
            let leaves = thread::spawn({
                let barrier = Arc::clone(&barrier);
                move || {
                    let mut wait = pin!(barrier.wait_async());
                    match wait.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                        Poll::Ready(arrived) => arrived.is_ok(),
                        Poll::Pending => false,
                    }
                }
            });
            let other = barrier.wait();
            let passed = leaves.join().unwrap();
            match other {
                // The one that has left may have arrived first, and not have seen the end.
                Ok(_) => assert!(parties == 2 && !barrier.is_broken()),
                Err(error) => {
                    assert_eq!(error.kind(), BarrierErrorKind::Left);
                    assert!(!passed && barrier.is_broken());
                }
            }
            assert_eq!(barrier.waiting(), 0);
        });
    }
}

/// It is broken, or made as new, while two arrive: nobody waits for ever for one that was sent away.
#[test]
fn an_abort_ends_all_waits() {
    model_bounded(3, || {
        let barrier = Arc::new(Barrier::named("course", 2).with_action(|| ()));
        let others = [(); 2].map(|()| {
            let barrier = Arc::clone(&barrier);
            thread::spawn(move || barrier.wait().is_ok())
        });
        barrier.abort();
        let passed = others.map(|other| other.join().unwrap());
        assert!(barrier.is_broken() && barrier.waiting() == 0, "{passed:?}");
        barrier.reset();
        assert!(!barrier.is_broken());
    });
}
