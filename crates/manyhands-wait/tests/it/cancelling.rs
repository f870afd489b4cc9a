//! Cancel tokens: what they end, how often, and whom else they concern.

use std::future::{pending, poll_fn};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use manyhands_wait::{
    CancelSource, CancelToken, Cancelled, Layer, Parker, check_cancelled, is_cancelled, sleep,
    wait, wait_timeout, with_cancel_token, with_parker,
};

use crate::patience::{Gate, LONG, eventually};

/// Has `token` cancelled by another thread once this thread is seen to wait.
fn cancel_once_waiting(token: &CancelToken) -> std::thread::JoinHandle<()> {
    let me = manyhands_wait::Context::current();
    let token = token.clone();
    std::thread::spawn(move || {
        eventually("the thread waits", || {
            let seen = manyhands_wait::dump().contexts.into_iter().find(|seen| seen.id == me.id());
            seen.is_some_and(|seen| seen.wait.is_some())
        });
        token.cancel();
    })
}

#[test]
fn a_sleep_is_ended() {
    let token = CancelToken::new();
    let canceller = cancel_once_waiting(&token);
    assert_eq!(with_cancel_token(&token, || sleep(LONG)), Err(Cancelled));
    canceller.join().unwrap();
}

#[test]
fn any_wait_is_ended() {
    let token = CancelToken::new();
    let canceller = cancel_once_waiting(&token);
    assert_eq!(with_cancel_token(&token, || wait(pending::<()>())), Err(Cancelled));
    canceller.join().unwrap();
}

#[test]
fn code_that_does_not_wait_finishes() {
    let token = CancelToken::new();
    token.cancel();
    assert_eq!(with_cancel_token(&token, || 5), Ok(5));
    assert_eq!(with_cancel_token(&token, check_cancelled), Err(Cancelled));
    assert_eq!(with_cancel_token(&token, || sleep(Duration::ZERO)), Err(Cancelled));
}

#[test]
fn a_loop_that_computes_is_ended_by_a_check() {
    let token = CancelToken::new();
    let begun = Gate::default();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            begun.pass();
            token.cancel();
        });
        let ended = with_cancel_token(&token, || {
            begun.open();
            loop {
                check_cancelled();
                std::hint::spin_loop();
            }
        });
        let Err(Cancelled) = ended;
    });
}

#[test]
fn it_is_asked_without_being_ended() {
    let token = CancelToken::new();
    let seen = with_cancel_token(&token, || {
        let before = is_cancelled();
        token.cancel();
        (before, is_cancelled())
    });
    assert_eq!(seen, Ok((false, true)));
    assert!(!is_cancelled(), "outside nothing is cancelled");
}

#[test]
fn it_is_delivered_once() {
    // The destructor that runs on the way out waits, and is not ended again.
    struct Waits<'a>(&'a AtomicBool);
    impl Drop for Waits<'_> {
        fn drop(&mut self) {
            sleep(Duration::from_millis(5));
            check_cancelled();
            assert!(is_cancelled());
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let waited = AtomicBool::new(false);
    let token = CancelToken::new();
    token.cancel();
    let ended = with_cancel_token(&token, || {
        let _waits = Waits(&waited);
        sleep(LONG);
    });
    assert_eq!(ended, Err(Cancelled));
    assert!(waited.load(Ordering::Relaxed));
}

#[test]
fn code_that_catches_everything_goes_on() {
    // `catch_unwind` in the code swallows the cancellation; it is not delivered a second time.
    let token = CancelToken::new();
    token.cancel();
    let value = with_cancel_token(&token, || {
        let caught = std::panic::catch_unwind(check_cancelled);
        let payload = caught.unwrap_err();
        assert!(manyhands_wait::Interrupt::is(&*payload));
        sleep(Duration::from_millis(1));
        "went on"
    });
    assert_eq!(value, Ok("went on"));
}

#[test]
fn a_caught_cancellation_can_go_on_unwinding() {
    let token = CancelToken::new();
    token.cancel();
    let ended: Result<(), Cancelled> = with_cancel_token(&token, || {
        let payload = std::panic::catch_unwind(check_cancelled).unwrap_err();
        std::panic::resume_unwind(payload)
    });
    assert_eq!(ended, Err(Cancelled));
}

#[test]
fn a_panic_is_not_taken_for_a_cancellation() {
    let token = CancelToken::new();
    token.cancel();
    let caught =
        std::panic::catch_unwind(|| with_cancel_token(&token, || std::panic::panic_any("own")));
    assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"own"));
}

#[test]
fn the_outer_token_ends_the_inner_code_too() {
    let (outer, inner) = (CancelToken::new(), CancelToken::new());
    outer.cancel();
    let ended = with_cancel_token(&outer, || {
        let ended = with_cancel_token(&inner, || sleep(LONG));
        unreachable!("the inner token was not cancelled, but says {ended:?}");
    });
    assert_eq!(ended, Err(Cancelled));
}

#[test]
fn the_inner_token_leaves_the_outer_code_alone() {
    let (outer, inner) = (CancelToken::new(), CancelToken::new());
    inner.cancel();
    let went_on = with_cancel_token(&outer, || {
        assert_eq!(with_cancel_token(&inner, || sleep(LONG)), Err(Cancelled));
        sleep(Duration::from_millis(1));
        is_cancelled()
    });
    assert_eq!(went_on, Ok(false));
}

#[test]
fn when_both_are_cancelled_the_outer_one_counts() {
    let (outer, inner) = (CancelToken::new(), CancelToken::new());
    outer.cancel();
    inner.cancel();
    let ended = with_cancel_token(&outer, || {
        let _ended = with_cancel_token(&inner, || sleep(LONG));
        unreachable!("everything around the inner code ends");
    });
    assert_eq!(ended, Err(Cancelled));
}

#[test]
fn children_are_cancelled_with_their_parent_but_not_the_other_way_round() {
    let parent = CancelToken::new();
    let (first, second) = (parent.child(), parent.child());
    let grandchild = first.child();
    first.cancel();
    assert!(grandchild.is_cancelled());
    assert!(!second.is_cancelled() && !parent.is_cancelled());
    parent.cancel();
    assert!(second.is_cancelled());
    assert!(parent.child().is_cancelled(), "a child that comes late");
}

#[test]
fn a_child_lives_on_a_parent_that_was_dropped() {
    let parent = CancelToken::new();
    let canceller = parent.clone();
    let middle = parent.child();
    let child = middle.child();
    drop((parent, middle));
    canceller.cancel();
    assert!(child.is_cancelled());
}

#[test]
fn children_made_while_the_parent_is_cancelled_are_cancelled() {
    for _ in 0..300 {
        let parent = CancelToken::new();
        let children = std::thread::scope(|scope| {
            let makers: Vec<_> = (0..2).map(|_| scope.spawn(|| parent.child())).collect();
            parent.cancel();
            makers.into_iter().map(|maker| maker.join().unwrap()).collect::<Vec<_>>()
        });
        assert!(children.iter().all(CancelToken::is_cancelled));
    }
}

#[test]
fn the_future_of_a_token_is_ready_when_it_is_cancelled() {
    let token = CancelToken::new();
    assert!(wait_timeout(token.cancelled(), Duration::from_millis(5)).is_err());
    std::thread::scope(|scope| {
        let waiters: Vec<_> = (0..4).map(|_| scope.spawn(|| wait(token.cancelled()))).collect();
        token.cancel();
        waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
    });
    wait(token.cancelled());
}

#[test]
fn one_token_ends_many_threads() {
    let token = CancelToken::new();
    let (begun, ended) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let end = with_cancel_token(&token, || {
                    begun.fetch_add(1, Ordering::Relaxed);
                    sleep(LONG);
                });
                assert_eq!(end, Err(Cancelled));
                ended.fetch_add(1, Ordering::Relaxed);
            });
        }
        eventually("all have begun", || begun.load(Ordering::Relaxed) == 8);
        token.cancel();
        token.cancel();
    });
    assert_eq!(ended.load(Ordering::Relaxed), 8);
}

#[test]
fn cancelling_races_with_the_end_of_the_wait() {
    // Either the value or the cancellation, and never a hang.
    for _ in 0..500 {
        let (token, gate) = (CancelToken::new(), CancelToken::new());
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| with_cancel_token(&token, || wait(gate.cancelled())));
            scope.spawn(|| token.cancel());
            gate.cancel();
            let _either = waiter.join().unwrap();
        });
    }
}

#[test]
fn registrations_do_not_pile_up() {
    // A waker that stayed registered would keep its `Arc` alive.
    struct Counted;
    impl std::task::Wake for Counted {
        fn wake(self: Arc<Self>) {}
    }
    let token = CancelToken::new();
    let counted = Arc::new(Counted);
    let waker = std::task::Waker::from(Arc::clone(&counted));
    let mut cx = std::task::Context::from_waker(&waker);
    for _ in 0..100 {
        let mut future = std::pin::pin!(token.cancelled());
        for _ in 0..3 {
            assert!(future.as_mut().poll(&mut cx).is_pending());
        }
    }
    drop(waker);
    assert_eq!(Arc::strong_count(&counted), 1);
}

/// Who has registered with it, and how often anybody has.
#[derive(Default)]
struct Registry {
    wakers: Mutex<Vec<(usize, Waker)>>,
    count: AtomicUsize,
}

impl CancelSource for Registry {
    fn is_cancelled(&self) -> bool {
        false
    }

    fn register(&self, waker: &Waker) -> usize {
        let key = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        self.wakers.lock().unwrap().push((key, waker.clone()));
        key
    }

    fn unregister(&self, key: usize) {
        self.wakers.lock().unwrap().retain(|(of, _)| *of != key);
    }
}

/// A parker that nobody can wake.
struct Deaf;

impl Parker for Deaf {
    fn waker(&self) -> Waker {
        Waker::noop().clone()
    }

    fn park(&self, until: Option<Instant>) {
        let until = until.expect("the wait has an end");
        std::thread::sleep(until.saturating_duration_since(Instant::now()));
    }
}

#[test]
fn the_waker_of_a_wait_stays_with_the_source_until_its_layer_is_left() {
    let source = Registry::default();
    let wait_in_vain = || {
        let outcome = wait_timeout(pending::<()>(), Duration::from_millis(1));
        assert!(outcome.is_err());
        (source.wakers.lock().unwrap().len(), source.count.load(Ordering::Relaxed))
    };
    Layer::new().source(&source).enter(|| {
        assert_eq!(wait_in_vain(), (1, 1));
        assert_eq!(wait_in_vain(), (1, 1));
        // The waker is another one: it is registered besides, for as long as its wait lasts.
        assert_eq!(with_parker(&Deaf, wait_in_vain), (1, 2));
        assert_eq!(wait_in_vain(), (1, 2));
    });
    assert!(source.wakers.lock().unwrap().is_empty());
}

/// A wait that has another waker takes nothing away from the one in whose poll it is.
#[test]
fn a_wait_can_be_cancelled_after_one_by_another_parker_inside_of_it() {
    let source = Registry::default();
    let wakes_it = |waker: &Waker| {
        let wakers = source.wakers.lock().unwrap();
        wakers.iter().any(|(_, registered)| registered.will_wake(waker))
    };
    Layer::new().source(&source).enter(|| {
        wait(poll_fn(|cx| {
            if !wakes_it(cx.waker()) {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            with_parker(&Deaf, || {
                let inside = wait_timeout(pending::<()>(), Duration::from_millis(1));
                assert!(inside.is_err());
            });
            assert!(wakes_it(cx.waker()), "cancelling wakes it no more");
            Poll::Ready(())
        }));
    });
}
