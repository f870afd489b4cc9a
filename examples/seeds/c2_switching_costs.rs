//! C2: switching without anything to wait for is slower than running in sequence.
//!
//! Follows the two programs that add and multiply a hundred million numbers each, once one function
//! after the other (10.99 s there) and once with a switch after every number (52.76 s).
//!
//! Better here: a switch takes some tens of nanoseconds, where the original's took two hundred. The
//! ratio is no smaller, because a compiled loop takes next to nothing; what it says is the same:
//! coroutines are for work that waits.
//!
//! How many numbers may be given as an argument; without, a tenth of the original's.

use std::cell::OnceCell;
use std::hint::black_box;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::Context;
use examples::Options;
use manyhands::coroutines::Coroutine;

fn in_sequence(count: u64) {
    let mut sum: u64 = 1;
    for i in 0..count {
        sum = black_box(sum.wrapping_add(i));
    }
    let mut product: u64 = 1;
    for i in 0..count {
        product = black_box(product.wrapping_mul(i));
    }
}

fn switching(count: u64) {
    let g2: Rc<OnceCell<Coroutine<()>>> = Rc::default();
    let of_f1 = Rc::clone(&g2);
    let g1 = Coroutine::new(move |me, ()| {
        let g2 = of_f1.get().expect("there are both before one starts");
        let mut sum: u64 = 1;
        for i in 0..count {
            sum = black_box(sum.wrapping_add(i));
            me.switch_to(g2, ());
        }
    });
    let f1 = g1.clone();
    let _ = g2.set(Coroutine::new(move |me, ()| {
        let mut product: u64 = 1;
        for i in 0..count {
            product = black_box(product.wrapping_mul(i));
            me.switch_to(&f1, ());
        }
    }));
    g1.switch(());
}

fn timed(run: impl FnOnce()) -> Duration {
    let start = Instant::now();
    run();
    start.elapsed()
}

pub(crate) fn main() -> anyhow::Result<()> {
    let (_, words) = Options::with_words()?;
    let count = match words.first() {
        None => 10_000_000,
        Some(word) => word.parse().with_context(|| format!("not a number: {word:?}"))?,
    };
    let sequence = timed(|| in_sequence(count));
    println!("in sequence: run time is {}", sequence.as_secs_f64());
    let switched = timed(|| switching(count));
    println!("switching: run time is {}", switched.as_secs_f64());

    println!("ratio: {:.1}", switched.as_secs_f64() / sequence.as_secs_f64());
    let extra = switched.saturating_sub(sequence).as_nanos() as f64;
    println!("a switch: {:.1} ns", extra / (2 * count.max(1)) as f64);
    Ok(())
}
