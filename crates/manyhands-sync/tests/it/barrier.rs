//! `Barrier` from outside.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use manyhands_sync::{Barrier, BarrierError, BarrierErrorKind, BarrierWaitResult};
use manyhands_wait::{CancelToken, timeout, with_cancel_token};

use crate::patience::{Gate, eventually};
use crate::polling::ByHand;

const PARTIES: usize = 5;

/// Runs `f` in as many threads as there are parties; what they returned.
fn in_all<R: Send>(f: impl Fn(usize) -> R + Sync) -> Vec<R> {
    std::thread::scope(|scope| {
        let f = &f;
        let threads: Vec<_> = (0..PARTIES).map(|party| scope.spawn(move || f(party))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// Follows CPython's `BarrierTests.test_barrier`, with the indices of `test_wait_return`.
#[test]
fn acceptance_112_ten_passes_in_lockstep_with_unique_indices() {
    let barrier = Barrier::new(PARTIES);
    let steps: Vec<AtomicUsize> = (0..20).map(|_| AtomicUsize::new(0)).collect();
    let results: Vec<Vec<BarrierWaitResult>> = in_all(|_| {
        let pass = |step: usize| {
            // Everybody has made this step, and nobody the next one, in every pass.
            steps[step].fetch_add(1, Ordering::SeqCst);
            let result = barrier.wait().unwrap();
            assert_eq!(steps[step].load(Ordering::SeqCst), PARTIES);
            result
        };
        (0..20).map(pass).collect()
    });
    for step in 0..20 {
        let all: Vec<BarrierWaitResult> = results.iter().map(|of_one| of_one[step]).collect();
        let indices: HashSet<usize> = all.iter().map(BarrierWaitResult::index).collect();
        assert_eq!(indices, (0..PARTIES).collect());
        assert_eq!(all.iter().filter(|result| result.is_leader()).count(), 1);
    }
    assert!(!barrier.is_broken());
    assert_eq!(barrier.waiting(), 0);
}

/// Follows CPython's `BarrierTests.test_action`.
#[test]
fn acceptance_113_the_action_runs_once_before_anybody_goes_on() {
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let barrier = Barrier::new(PARTIES).with_action(move || {
        counted.fetch_add(1, Ordering::SeqCst);
    });
    for round in 1..=3 {
        in_all(|_| {
            barrier.wait().unwrap();
            assert_eq!(runs.load(Ordering::SeqCst), round);
        });
    }
}

#[test]
fn while_the_action_runs_newcomers_wait_for_the_next_round() {
    let (entered, gate) = (Arc::new(Gate::default()), Arc::new(Gate::default()));
    let inside = (Arc::clone(&entered), Arc::clone(&gate));
    let barrier = Barrier::new(2).with_action(move || {
        inside.0.open();
        inside.1.pass();
    });
    std::thread::scope(|scope| {
        let first = ByHand::pending(barrier.wait_async());
        let last = scope.spawn(|| barrier.wait().unwrap());
        entered.pass();
        let next = ByHand::pending(barrier.wait_async());
        assert_eq!(barrier.waiting(), 1, "the newcomer has not arrived");
        gate.open();
        assert!(last.join().unwrap().is_leader());
        assert_eq!(first.ready().unwrap().index(), 0);
        let mut next = next;
        assert!(next.poll().is_pending());
        assert_eq!(barrier.waiting(), 1);
        assert!(barrier.wait().unwrap().is_leader());
        assert_eq!(next.ready().unwrap().index(), 0);
    });
}

#[test]
fn a_panic_of_the_action_breaks_the_barrier_and_goes_on_in_the_leader() {
    let runs = AtomicUsize::new(0);
    let runs: &'static AtomicUsize = Box::leak(Box::new(runs));
    let barrier = Barrier::new(2).with_action(|| {
        assert_ne!(runs.fetch_add(1, Ordering::SeqCst), 0, "the first action fails");
    });
    let waiting = ByHand::pending(barrier.wait_async());
    assert!(catch_unwind(AssertUnwindSafe(|| barrier.wait())).is_err());
    assert_eq!(waiting.ready().unwrap_err().kind(), BarrierErrorKind::ActionFailed);
    assert!(barrier.is_broken());
    barrier.reset();
    let waiting = ByHand::pending(barrier.wait_async());
    assert!(barrier.wait().is_ok());
    assert!(waiting.ready().is_ok());
    assert_eq!(runs.load(Ordering::SeqCst), 2);
}

/// Follows CPython's `BarrierTests.test_abort`.
#[test]
fn acceptance_114_abort_breaks_it_for_all() {
    let barrier = Barrier::new(PARTIES);
    let failed = in_all(|party| {
        if party == PARTIES / 2 {
            eventually("the others wait", || barrier.waiting() == PARTIES - 1);
            barrier.abort();
            return None;
        }
        Some(barrier.wait().unwrap_err().kind())
    });
    assert_eq!(failed.iter().flatten().count(), PARTIES - 1);
    assert!(failed.into_iter().flatten().all(|kind| kind == BarrierErrorKind::Aborted));
    assert!(barrier.is_broken());
    assert_eq!(barrier.wait().unwrap_err().kind(), BarrierErrorKind::Aborted);
    assert!(ByHand::new(barrier.wait_async()).ready().is_err());
}

/// Follows CPython's `BarrierTests.test_reset`.
#[test]
fn acceptance_115_reset_frees_waiters_with_an_error() {
    let barrier = Barrier::new(PARTIES);
    let results = in_all(|party| {
        let first = if party == PARTIES / 2 {
            eventually("the others wait", || barrier.waiting() == PARTIES - 1);
            barrier.reset();
            None
        } else {
            Some(barrier.wait().unwrap_err().kind())
        };
        assert!(!barrier.is_broken());
        barrier.wait().unwrap();
        first
    });
    assert_eq!(results.iter().filter(|kind| **kind == Some(BarrierErrorKind::Reset)).count(), 4);
}

/// Follows CPython's `BarrierTests.test_abort_and_reset`.
#[test]
fn acceptance_116_reusable_after_abort_and_reset() {
    let (barrier, other) = (Barrier::new(PARTIES), Barrier::new(PARTIES));
    in_all(|party| {
        if party == PARTIES / 2 {
            eventually("the others wait", || barrier.waiting() == PARTIES - 1);
            barrier.abort();
        } else {
            barrier.wait().unwrap_err();
        }
        // All have seen it broken before one of them resets it.
        if other.wait().unwrap().is_leader() {
            barrier.reset();
        }
        other.wait().unwrap();
        barrier.wait().unwrap();
    });
    assert!(!barrier.is_broken());
}

/// Follows CPython's `BarrierTests.test_timeout`: one is late.
#[test]
fn acceptance_117_a_late_one_breaks_it() {
    let barrier = Barrier::new(PARTIES);
    let kinds = in_all(|party| {
        if party == PARTIES / 2 {
            eventually("the time of the others is over", || barrier.is_broken());
        }
        barrier.wait_timeout(Duration::from_millis(20)).unwrap_err().kind()
    });
    assert_eq!(kinds, [BarrierErrorKind::TimedOut; PARTIES]);
}

/// Follows CPython's `BarrierTests.test_single_thread`.
#[test]
fn acceptance_117_one_party_never_waits() {
    let barrier = Barrier::new(1);
    for _ in 0..2 {
        let result = barrier.wait().unwrap();
        assert!(result.is_leader());
        assert_eq!(result.index(), 0);
    }
    assert!(ByHand::new(barrier.wait_async()).ready().unwrap().is_leader());
    assert!(barrier.wait_timeout(Duration::ZERO).is_ok());
}

/// Whether a barrier was passed whose action took longer than one of the parties had to wait; `None`
/// if its time was over before the other one came.
fn passed_by_a_long_action(limit: Duration) -> Option<bool> {
    let gate = Arc::new(Gate::default());
    let inside = Arc::clone(&gate);
    let acting = Arc::new(AtomicUsize::new(0));
    let acts = Arc::clone(&acting);
    let barrier = Barrier::new(2).with_action(move || {
        acts.store(1, Ordering::SeqCst);
        inside.pass();
    });
    std::thread::scope(|scope| {
        let timed = scope.spawn(|| {
            let end = Instant::now() + limit;
            (barrier.wait_timeout(limit), end)
        });
        eventually("one waits", || barrier.waiting() == 1 || barrier.is_broken());
        let latest_end = Instant::now() + limit;
        let last = scope.spawn(|| barrier.wait());
        eventually("all are there", || acting.load(Ordering::SeqCst) == 1 || last.is_finished());
        eventually("the time is over", || Instant::now() > latest_end);
        gate.open();
        let (timed, end) = timed.join().unwrap();
        assert!(Instant::now() > end);
        last.join().unwrap().is_ok().then_some(timed.is_ok())
    })
}

#[test]
fn the_time_of_a_wait_does_not_count_while_the_action_runs() {
    let limits = [50, 500, 5_000, 50_000].map(Duration::from_millis);
    assert_eq!(limits.into_iter().find_map(passed_by_a_long_action), Some(true));
}

#[test]
fn one_that_leaves_before_all_have_arrived_breaks_it() {
    let (barrier, token) = (Barrier::new(3), CancelToken::new());
    std::thread::scope(|scope| {
        let stays = scope.spawn(|| barrier.wait());
        let leaves = scope.spawn(|| with_cancel_token(&token, || barrier.wait()));
        eventually("two wait", || barrier.waiting() == 2);
        token.cancel();
        assert!(leaves.join().unwrap().is_err());
        assert_eq!(stays.join().unwrap().unwrap_err().kind(), BarrierErrorKind::Left);
    });
    assert!(barrier.is_broken());

    barrier.reset();
    let stays = ByHand::pending(barrier.wait_async());
    assert!(timeout(Duration::from_millis(5), || barrier.wait()).is_err());
    assert_eq!(stays.ready().unwrap_err().kind(), BarrierErrorKind::Left);

    barrier.reset();
    let stays = ByHand::pending(barrier.wait_async());
    drop(ByHand::pending(barrier.wait_async()));
    drop(ByHand::new(barrier.wait_async())); // never arrived
    assert_eq!(stays.ready().unwrap_err().kind(), BarrierErrorKind::Left);
}

#[test]
fn one_that_leaves_after_all_have_arrived_harms_nobody() {
    let barrier = Barrier::new(3);
    let first = ByHand::pending(barrier.wait_async());
    let second = ByHand::pending(barrier.wait_async());
    assert!(barrier.wait().is_ok());
    drop(first);
    assert_eq!(second.ready().unwrap().index(), 1);
    assert!(!barrier.is_broken());
}

#[test]
fn a_reset_while_the_action_runs_is_the_end_of_its_round() {
    for abort in [false, true] {
        let (entered, gate) = (Arc::new(Gate::default()), Arc::new(Gate::default()));
        let inside = (Arc::clone(&entered), Arc::clone(&gate));
        let runs = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&runs);
        let barrier = Barrier::new(2).with_action(move || {
            if counted.fetch_add(1, Ordering::SeqCst) == 0 {
                inside.0.open();
                inside.1.pass();
            }
        });
        let expected = if abort { BarrierErrorKind::Aborted } else { BarrierErrorKind::Reset };
        std::thread::scope(|scope| {
            let first = ByHand::pending(barrier.wait_async());
            let last = scope.spawn(|| barrier.wait());
            entered.pass();
            if abort {
                barrier.abort();
                assert!(ByHand::new(barrier.wait_async()).ready().is_err());
            } else {
                barrier.reset();
            }
            assert_eq!(first.ready().unwrap_err().kind(), expected);
            // The action is away: nobody may arrive, or the next round would pass without it.
            let next = (!abort).then(|| ByHand::pending(barrier.wait_async()));
            assert_eq!(barrier.waiting(), 0);
            gate.open();
            assert_eq!(last.join().unwrap().unwrap_err().kind(), expected);
            if let Some(mut next) = next {
                assert!(next.poll().is_pending());
                assert!(barrier.wait().unwrap().is_leader());
                assert!(next.ready().is_ok());
                assert_eq!(runs.load(Ordering::SeqCst), 2);
            }
            assert_eq!(barrier.is_broken(), abort);
        });
    }
}

/// Newcomers, who wait for the end of the action of others, are of the round after that: whether one's time
/// ends, or it goes away before that end or after it.
#[test]
fn a_newcomer_that_leaves_breaks_the_round_that_it_waits_for() {
    type Newcomer<'a> = Option<ByHand<'a, Result<BarrierWaitResult, BarrierError>>>;
    type Leave = fn(&Barrier, &mut Newcomer<'_>);
    let times_out: Leave = |barrier, _| {
        let late = barrier.wait_timeout(Duration::from_millis(2)).unwrap_err();
        assert_eq!(late.kind(), BarrierErrorKind::TimedOut);
    };
    let goes: Leave = |_, newcomer| drop(newcomer.take());
    let stays: Leave = |_, _| ();
    for (during, after, expected) in [
        (times_out, stays, Some(BarrierErrorKind::TimedOut)),
        (goes, stays, Some(BarrierErrorKind::Left)),
        (stays, goes, Some(BarrierErrorKind::Left)),
        (stays, stays, None),
    ] {
        let (entered, gate) = (Arc::new(Gate::default()), Arc::new(Gate::default()));
        let inside = (Arc::clone(&entered), Arc::clone(&gate));
        let runs = AtomicUsize::new(0);
        let barrier = Barrier::new(2).with_action(move || {
            if runs.fetch_add(1, Ordering::SeqCst) == 0 {
                inside.0.open();
                inside.1.pass();
            }
        });
        std::thread::scope(|scope| {
            let first = ByHand::pending(barrier.wait_async());
            let last = scope.spawn(|| barrier.wait());
            entered.pass();
            let mut newcomer = Some(ByHand::pending(barrier.wait_async()));
            let mut other = ByHand::pending(barrier.wait_async());
            during(&barrier, &mut newcomer);
            gate.open();
            assert!(last.join().unwrap().unwrap().is_leader());
            assert!(first.ready().is_ok(), "all of this round had arrived");
            after(&barrier, &mut newcomer);
            assert_eq!(barrier.is_broken(), expected.is_some());
            match expected {
                Some(kind) => assert_eq!(other.ready().unwrap_err().kind(), kind),
                None => {
                    assert!(other.poll().is_pending());
                    assert!(newcomer.unwrap().ready().is_ok() && other.ready().is_ok());
                }
            }
        });
    }
}

#[test]
#[should_panic(expected = "at least one context")]
fn a_barrier_for_nobody_is_refused() {
    let _ = Barrier::new(0);
}

#[test]
fn errors_and_debug_tell_the_name() {
    let barrier = Barrier::named("start", 2);
    assert_eq!((barrier.name(), barrier.parties()), (Some("start"), 2));
    let waiting = ByHand::pending(barrier.wait_async());
    assert_eq!(
        format!("{barrier:?}"),
        r#"Barrier { name: "start", parties: 2, waiting: 1, broken: None }"#
    );
    barrier.abort();
    let error = waiting.ready().unwrap_err();
    assert_eq!(
        error.to_string(),
        "barrier 'start' is broken: it was aborted; `reset` makes it usable again"
    );
}

/// Threads that come and leave at random, and now and then one that resets: nobody hangs, and who
/// passes does so in groups of the right size.
#[test]
fn it_holds_under_threads_that_leave() {
    let barrier = Barrier::new(3);
    let passed = Mutex::new(Vec::new());
    in_all(|party| {
        for round in 0..120u64 {
            let limit = match (round + party as u64) % 7 {
                0 => Duration::ZERO,
                1 => Duration::from_micros(100),
                _ => Duration::from_millis(20),
            };
            match barrier.wait_timeout(limit) {
                Ok(result) => passed.lock().unwrap().push(result.index()),
                Err(_) => barrier.reset(),
            }
        }
    });
    let passed = passed.into_inner().unwrap();
    for index in 0..3 {
        let count = passed.iter().filter(|of_one| **of_one == index).count();
        assert_eq!(count * 3, passed.len(), "index {index} of {passed:?}");
    }
}
