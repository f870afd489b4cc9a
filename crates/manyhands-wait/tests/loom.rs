//! Models of the floor's protocols, explored by loom: all interleavings, and all values that the
//! memory model lets a load see.
//!
//! ```sh
//! RUSTFLAGS="--cfg manyhands_loom" CARGO_TARGET_DIR=target/loom \
//!     cargo test --release -p manyhands-wait --test loom
//! ```
//!
//! A lost wake-up shows as loom's report that all threads are blocked. Under loom a parker blocks
//! on a mutex and a condition variable instead of a futex; the word and its orderings are the same.
#![cfg(manyhands_loom)]

use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use loom::cell::UnsafeCell;
use loom::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use loom::sync::{Arc, Mutex};
use loom::thread;
use manyhands_wait::{
    Agent, Blockers, CancelSource, CancelToken, Cancelled, ContextKind, Place, ProxyAgent, Reason,
    Resource, ThreadParker, wait, wait_timeout, with_cancel_token,
};

/// Explores a model that is too large for all interleavings: those with at most this many switches
/// away from a thread that could go on, unless `LOOM_MAX_PREEMPTIONS` says otherwise.
fn model_bounded(preemptions: usize, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound.get_or_insert(preemptions);
    builder.check(model);
}

/// What the waker did before is seen by the woken: the cell is written without any other
/// synchronisation, and loom reports an access that is not ordered.
#[test]
fn unpark_publishes_what_was_done_before() {
    loom::model(|| {
        let shared = Arc::new((ThreadParker::new(), UnsafeCell::new(0)));
        let waker = thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                // SAFETY: the other thread looks only after the wake-up.
                shared.1.with_mut(|value| unsafe { *value = 7 });
                shared.0.unpark();
            }
        });
        shared.0.park(None);
        // SAFETY: the writer has woken us after its last access.
        assert_eq!(shared.1.with(|value| unsafe { *value }), 7);
        waker.join().unwrap();
    });
}

/// Two wakers, one sleeper that waits for both: whichever comes when, it sleeps no longer than
/// needed.
#[test]
fn no_wake_up_is_lost_between_two_wakers() {
    model_bounded(3, || {
        let shared = Arc::new((ThreadParker::new(), AtomicUsize::new(0)));
        let wakers: Vec<_> = (0..2)
            .map(|_| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || {
                    shared.1.fetch_add(1, Ordering::Relaxed);
                    shared.0.unpark();
                })
            })
            .collect();
        while shared.1.load(Ordering::Relaxed) < 2 {
            shared.0.park(None);
        }
        wakers.into_iter().for_each(|waker| waker.join().unwrap());
    });
}

/// A token is used up by the park that took it: afterwards a park without a new wake-up does not
/// return for that token again, and a new wake-up counts.
#[test]
fn a_token_is_taken_once() {
    loom::model(|| {
        let shared = Arc::new((ThreadParker::new(), AtomicUsize::new(0)));
        let waker = thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                shared.1.store(1, Ordering::Relaxed);
                shared.0.unpark();
                shared.1.store(2, Ordering::Relaxed);
                shared.0.unpark();
            }
        });
        // Each park that returns has taken a token whose waker had counted; two are never one too
        // many: the second park needs the second token, or the first took both.
        shared.0.park(None);
        assert!(shared.1.load(Ordering::Relaxed) >= 1);
        while shared.1.load(Ordering::Relaxed) < 2 {
            shared.0.park(None);
            assert_eq!(shared.1.load(Ordering::Relaxed), 2, "one token was taken twice");
        }
        waker.join().unwrap();
    });
}

/// A timed park that gives up races with the wake-up: what comes late stays for the next park.
#[test]
fn a_wake_up_after_the_time_is_over_is_kept() {
    loom::model(|| {
        let shared = Arc::new((ThreadParker::new(), AtomicBool::new(false)));
        let waker = thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                shared.1.store(true, Ordering::Relaxed);
                shared.0.unpark();
            }
        });
        shared.0.park_at_once(Some(Instant::now()));
        while !shared.1.load(Ordering::Relaxed) {
            shared.0.park(None);
        }
        waker.join().unwrap();
    });
}

/// The whole wait loop around a future that is made ready by another thread.
#[test]
fn a_wait_ends_when_its_future_is_ready() {
    loom::model(|| {
        let shared = Arc::new(Mutex::new((false, None::<Waker>)));
        let other = thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                let mut state = shared.lock().unwrap();
                state.0 = true;
                let waker = state.1.take();
                drop(state);
                waker.into_iter().for_each(Waker::wake);
            }
        });
        wait(poll_fn(|cx| {
            let mut state = shared.lock().unwrap();
            if state.0 {
                return Poll::Ready(());
            }
            state.1 = Some(cx.waker().clone());
            Poll::Pending
        }));
        other.join().unwrap();
    });
}

/// A wait inside the poll of another wait shares its parker; the outer wake-up may come while the
/// inner one parks.
#[test]
fn a_wait_inside_a_poll_leaves_the_outer_one_its_wake_up() {
    model_bounded(3, || {
        let (outer, inner) = (CancelToken::new(), CancelToken::new());
        let other = thread::spawn({
            let (outer, inner) = (outer.clone(), inner.clone());
            move || {
                outer.cancel();
                inner.cancel();
            }
        });
        let mut first = true;
        let mut end = pin!(outer.cancelled());
        wait(poll_fn(|cx| {
            let poll = end.as_mut().poll(cx);
            if std::mem::take(&mut first) {
                wait(inner.cancelled());
            }
            poll
        }));
        other.join().unwrap();
    });
}

/// Cancelling a token against waiting for it.
#[test]
fn a_token_wakes_who_waits_for_it() {
    loom::model(|| {
        let token = CancelToken::new();
        let canceller = thread::spawn({
            let token = token.clone();
            move || token.cancel()
        });
        wait(token.cancelled());
        canceller.join().unwrap();
    });
}

/// Cancelling a token against code that waits under it, for something that never comes.
#[test]
fn a_token_ends_code_that_waits_under_it() {
    loom::model(|| {
        let token = CancelToken::new();
        let canceller = thread::spawn({
            let token = token.clone();
            move || token.cancel()
        });
        let ended = with_cancel_token(&token, || wait(pending::<()>()));
        assert_eq!(ended, Err(Cancelled));
        canceller.join().unwrap();
    });
}

/// Two cancel at once, one waits: it is woken, and each finds the token cancelled afterwards.
#[test]
fn two_may_cancel() {
    model_bounded(3, || {
        let token = CancelToken::new();
        let cancellers: Vec<_> = (0..2)
            .map(|_| {
                let token = token.clone();
                thread::spawn(move || {
                    token.cancel();
                    assert!(token.is_cancelled());
                })
            })
            .collect();
        wait(token.cancelled());
        cancellers.into_iter().for_each(|canceller| canceller.join().unwrap());
    });
}

/// Someone who stops waiting takes its waker back while the token is being cancelled.
#[test]
fn giving_up_races_with_the_cancellation() {
    loom::model(|| {
        let token = CancelToken::new();
        let canceller = thread::spawn({
            let token = token.clone();
            move || token.cancel()
        });
        let in_time = wait_timeout(token.cancelled(), Duration::ZERO).is_ok();
        assert!(!in_time || token.is_cancelled());
        wait(token.cancelled());
        canceller.join().unwrap();
    });
}

/// The registration of a running context: the flag is seen by whoever registers, or the waker is
/// seen by whoever cancels.
#[test]
fn a_registration_is_woken_or_refused() {
    loom::model(|| {
        let token = CancelToken::new();
        let canceller = thread::spawn({
            let token = token.clone();
            move || token.cancel()
        });
        let parker = std::sync::Arc::new(Woken(ThreadParker::new()));
        let waker = Waker::from(std::sync::Arc::clone(&parker));
        let mut cx = Context::from_waker(&waker);
        let key = token.register(cx.waker());
        parker.0.park(None);
        assert!(token.is_cancelled());
        token.unregister(key);
        assert!(pin!(token.cancelled()).as_mut().poll(&mut cx).is_ready());
        canceller.join().unwrap();
    });
}

struct Woken(ThreadParker);

impl std::task::Wake for Woken {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.unpark();
    }
}

/// What is held by one agent at a time, for the models of the wait-for graph.
struct Baton(AtomicU64);

impl Baton {
    fn held_by(agent: Agent) -> std::sync::Arc<Baton> {
        std::sync::Arc::new(Baton(AtomicU64::new(agent.to_bits())))
    }

    fn take(&self, agent: Agent) -> bool {
        self.0.compare_exchange(0, agent.to_bits(), Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// Lets go in the weakest way that a lock can: nobody is told.
    fn release(&self) {
        self.0.store(0, Ordering::Release);
    }
}

impl Resource for Baton {
    fn blockers(&self, _waiter: Agent, blockers: &mut Blockers) {
        match Agent::from_bits(self.0.load(Ordering::Relaxed)) {
            Some(holder) => blockers.any_of(holder),
            None => blockers.may_end(),
        }
    }

    fn describe(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a baton")
    }
}

static TAKING: Reason = Reason::new("a baton in a model");

fn agents<const N: usize>() -> [ProxyAgent; N] {
    std::array::from_fn(|_| ProxyAgent::new(ContextKind::Process, "one of a model"))
}

fn waits(who: &mut ProxyAgent, baton: &std::sync::Arc<Baton>) -> bool {
    let place = Place::Elsewhere("a model".into());
    who.waits(&TAKING, place, std::sync::Arc::clone(baton) as _, Waker::noop().clone()).is_ok()
}

/// Two that wait for each other, each showing its wait and looking at the same time: one of them finds
/// it, and only one.
#[test]
fn the_last_who_waits_finds_the_cycle_and_there_is_one_victim() {
    model_bounded(3, || {
        let [mut one, mut other] = agents();
        let (a, b) = (Baton::held_by(one.agent()), Baton::held_by(other.agent()));
        let thread = thread::spawn({
            let (a, b) = (std::sync::Arc::clone(&a), std::sync::Arc::clone(&b));
            move || {
                let waits_on = waits(&mut other, &a);
                if !waits_on {
                    b.release();
                }
                (waits_on, other)
            }
        });
        let waits_on = waits(&mut one, &b);
        if !waits_on {
            a.release();
        }
        let (other_waits_on, _other) = thread.join().unwrap();
        assert!(waits_on != other_waits_on, "one victim: {waits_on} {other_waits_on}");
    });
}

/// A holder that waits, goes on, and takes what the detector waits for: its wait of before and what it
/// holds now were never there at the same time, and are not taken for a cycle.
#[test]
fn a_wait_that_is_over_and_a_holding_that_begins_are_no_cycle() {
    model_bounded(3, || {
        let [mut one, mut other] = agents();
        let (a, b) = (Baton::held_by(one.agent()), Baton::held_by(other.agent()));
        b.release();
        let thread = thread::spawn({
            let (a, b) = (std::sync::Arc::clone(&a), std::sync::Arc::clone(&b));
            move || {
                // Without `b` it waits for `a`, and is called away from that.
                assert!(waits(&mut other, &a));
                other.goes_on();
                let has_b = b.take(other.agent());
                if has_b {
                    b.release();
                }
                other
            }
        });
        // With `a` it waits for `b`, if that is held: by one that does not wait then.
        assert!(waits(&mut one, &b));
        one.goes_on();
        drop(thread.join().unwrap());
    });
}

/// A holder that lets go, and holds again only when it has waited in between: whoever looks sees it wait
/// and sees it hold, but not at once.
#[test]
fn who_lets_go_before_each_wait_is_never_stuck() {
    model_bounded(3, || {
        let [mut one, mut other] = agents();
        let (a, b) = (Baton::held_by(one.agent()), Baton::held_by(other.agent()));
        let thread = thread::spawn({
            let (a, b) = (std::sync::Arc::clone(&a), std::sync::Arc::clone(&b));
            move || {
                b.release();
                assert!(waits(&mut other, &a));
                other.goes_on();
                if b.take(other.agent()) {
                    b.release();
                    assert!(waits(&mut other, &a));
                    other.goes_on();
                }
                other
            }
        });
        assert!(waits(&mut one, &b));
        one.goes_on();
        drop(thread.join().unwrap());
    });
}
