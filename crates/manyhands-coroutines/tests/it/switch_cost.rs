//! What a switch costs, against corosensei's own. Not a gate: figures for a quiet machine.
//!
//! `cargo test --release -p manyhands-coroutines --test it switch_cost -- --ignored --nocapture`

use std::hint::black_box;
use std::time::Instant;

use corosensei::{Coroutine as Raw, CoroutineResult};
use manyhands_coroutines::Coroutine;
use manyhands_coroutines::stack::{Stack, StackSize};

const SWITCHES: u32 = 5_000_000;
const ROUNDS: usize = 11;

type RawCounter = Raw<usize, usize, (), Stack>;

fn raw() -> RawCounter {
    Raw::with_stack(Stack::new(StackSize::DEFAULT).unwrap(), |yielder, mut n| {
        while n != usize::MAX {
            n = yielder.suspend(n + 1);
        }
    })
}

fn ours() -> Coroutine<usize, usize> {
    Coroutine::new(|me, mut n| {
        while n != usize::MAX {
            n = me.suspend(n + 1);
        }
    })
}

/// Nanoseconds of one call of `f`.
fn ns(count: u32, mut f: impl FnMut(usize)) -> f64 {
    let begun = Instant::now();
    for n in 0..count {
        f(n as usize);
    }
    begun.elapsed().as_nanos() as f64 / f64::from(count)
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn compare(what: &str, mut theirs: impl FnMut() -> f64, mut mine: impl FnMut() -> f64) {
    // By turns, so that a busy moment of the machine hits both.
    let (a, b): (Vec<_>, Vec<_>) = (0..ROUNDS).map(|_| (theirs(), mine())).unzip();
    let (a, b) = (median(a), median(b));
    println!("{what}: corosensei {a:.1} ns, Coroutine {b:.1} ns, ratio {:.2}", b / a);
}

#[test]
#[ignore = "a measurement, for release builds on a quiet machine"]
fn switch_cost() {
    for count in [1, 100, 10_000] {
        let mut theirs: Vec<RawCounter> = (0..count).map(|_| raw()).collect();
        let mine: Vec<_> = (0..count).map(|_| ours()).collect();
        compare(
            &format!("resume and suspend over {count} coroutines"),
            || {
                ns(SWITCHES, |n| match theirs[n % count].resume(black_box(n)) {
                    CoroutineResult::Yield(next) => _ = black_box(next),
                    CoroutineResult::Return(()) => unreachable!(),
                })
            },
            || ns(SWITCHES, |n| _ = black_box(mine[n % count].switch(black_box(n)))),
        );
        for (theirs, mine) in theirs.iter_mut().zip(&mine) {
            theirs.resume(usize::MAX);
            mine.switch(usize::MAX);
        }
    }
    compare(
        "make, run, end",
        || {
            ns(SWITCHES / 10, |n| {
                let stack = Stack::new(StackSize::DEFAULT).unwrap();
                let mut coroutine = RawCounter::with_stack(stack, move |_, m| _ = black_box(n + m));
                coroutine.resume(1);
            })
        },
        || {
            ns(SWITCHES / 10, |n| {
                Coroutine::<usize>::new(move |_, m| _ = black_box(n + m)).switch(1);
            })
        },
    );
}
