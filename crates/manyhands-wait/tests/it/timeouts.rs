//! Deadlines around stretches of code, one in the other.

use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use manyhands_wait::{
    CancelToken, TimedOut, check_cancelled, current_deadline, is_cancelled, sleep, timeout, wait,
    wait_timeout, with_cancel_token,
};

use crate::patience::LONG;

const SHORT: Duration = Duration::from_millis(10);

#[test]
fn the_deadline_ends_a_wait() {
    let started = Instant::now();
    assert_eq!(timeout(SHORT, || wait(pending::<()>())), Err(TimedOut));
    assert!(started.elapsed() >= SHORT);
}

#[test]
fn the_deadline_ends_a_loop_that_checks() {
    let Err(TimedOut) = timeout(SHORT, || {
        loop {
            check_cancelled();
        }
    });
}

#[test]
fn a_value_that_comes_late_without_a_wait_counts() {
    let value = timeout(Duration::ZERO, || {
        std::thread::sleep(Duration::from_millis(2));
        assert!(is_cancelled());
        8
    });
    assert_eq!(value, Ok(8));
}

#[test]
fn the_inner_one_ends_only_its_own_code() {
    let value = timeout(LONG, || {
        assert_eq!(timeout(SHORT, || sleep(LONG)), Err(TimedOut));
        assert!(!is_cancelled());
        sleep(Duration::from_millis(1));
        "went on"
    });
    assert_eq!(value, Ok("went on"));
}

#[test]
fn the_outer_one_ends_everything() {
    let ended = timeout(SHORT, || {
        let ended = timeout(LONG, || sleep(LONG));
        unreachable!("the inner one had time left, but says {ended:?}");
    });
    assert_eq!(ended, Err(TimedOut));
}

#[test]
fn when_both_have_passed_the_outer_one_counts() {
    let ended = timeout(Duration::ZERO, || {
        let _ended = timeout(Duration::ZERO, || sleep(LONG));
        unreachable!("everything around the inner code ends");
    });
    assert_eq!(ended, Err(TimedOut));
}

#[test]
fn nesting_is_as_deep_as_one_likes() {
    fn nest(depth: u32) -> Result<u32, TimedOut> {
        if depth == 0 {
            return timeout(SHORT, || sleep(LONG)).map(|()| 0);
        }
        timeout(LONG, || nest(depth - 1))?.map(|inner| inner + 1)
    }
    assert_eq!(nest(100), Err(TimedOut));
}

#[test]
fn the_earliest_deadline_is_known() {
    assert_eq!(current_deadline(), None);
    timeout(LONG, || {
        let outer = current_deadline().unwrap();
        timeout(SHORT, || assert!(current_deadline().unwrap() < outer)).unwrap();
        timeout(LONG * 2, || assert_eq!(current_deadline(), Some(outer))).unwrap();
        assert_eq!(current_deadline(), Some(outer));
    })
    .unwrap();
    assert_eq!(current_deadline(), None);
}

#[test]
fn the_limit_of_one_wait_is_not_the_deadline_around_it() {
    let inner = timeout(LONG, || wait_timeout(pending::<()>(), SHORT));
    assert_eq!(inner, Ok(Err(TimedOut)));
    let outer = timeout(SHORT, || wait_timeout(pending::<()>(), LONG));
    assert_eq!(outer, Err(TimedOut));
}

#[test]
fn a_limit_beyond_the_clock_is_none() {
    let value = timeout(Duration::MAX, || {
        assert_eq!(current_deadline(), None);
        sleep(Duration::from_millis(1));
    });
    assert_eq!(value, Ok(()));
}

#[test]
fn a_panic_goes_through() {
    let caught = std::panic::catch_unwind(|| {
        let _never = timeout(Duration::ZERO, || std::panic::panic_any(9_i32));
    });
    assert_eq!(caught.unwrap_err().downcast_ref(), Some(&9));
}

#[test]
fn destructors_may_wait_after_the_deadline() {
    struct Waits<'a>(&'a AtomicBool);
    impl Drop for Waits<'_> {
        fn drop(&mut self) {
            sleep(Duration::from_millis(5));
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let waited = AtomicBool::new(false);
    let ended = timeout(Duration::ZERO, || {
        let _waits = Waits(&waited);
        sleep(LONG);
    });
    assert_eq!(ended, Err(TimedOut));
    assert!(waited.load(Ordering::Relaxed));
}

#[test]
fn a_token_inside_a_deadline_and_the_other_way_round() {
    let token = CancelToken::new();
    let inside = timeout(SHORT, || with_cancel_token(&token, || sleep(LONG)));
    assert_eq!(inside, Err(TimedOut));
    let around = with_cancel_token(&token, || timeout(SHORT, || sleep(LONG)));
    assert_eq!(around, Ok(Err(TimedOut)));
    token.cancel();
    let cancelled = with_cancel_token(&token, || timeout(LONG, || sleep(LONG)));
    assert!(cancelled.is_err());
}
