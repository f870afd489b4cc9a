//! L6: noodles and fork.
//!
//! Follows the program in which three scientists eat twice each, once with the noodles first and once
//! with the fork first, and which hangs as soon as one has the noodles and another the fork; and the
//! one in which noodles and fork are two names for one `RLock`, where all eat.
//!
//! Better here: the cycle is found when it closes. One of the two is told, in words, puts down what
//! they have, and tries again; so all six meals are eaten with two locks also. The second program
//! owes its luck to the one lock under two names: two re-entrant locks would hang in Python as well.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use examples::Options;
use manyhands::sync::{Barrier, Mutex, ReentrantMutex};
use manyhands::{Thread, sleep};

const NAMES: [&str; 3] = ["哪吒", "egon", "yuan"];

/// One eater with the noodles in hand and one with the fork, both asking for the other thing.
fn until_the_cycle_is_told() -> anyhow::Result<()> {
    let (noodles, fork) =
        (Arc::new(Mutex::named("noodles", ())), Arc::new(Mutex::named("fork", ())));
    let both_hold = Arc::new(Barrier::new(2));
    let eater = |name: &str, first: &Arc<Mutex<()>>, second: &Arc<Mutex<()>>| {
        let (first, second) = (Arc::clone(first), Arc::clone(second));
        let both_hold = Arc::clone(&both_hold);
        Thread::builder().name(name).start(move || {
            let _first = first.lock();
            let _index = both_hold.wait();
            let _second = second.lock();
        })
    };
    let eaters = [eater("egon", &noodles, &fork)?, eater("yuan", &fork, &noodles)?];
    for eater in eaters {
        match eater.join() {
            Ok(()) => println!("one ate"),
            Err(error) => println!("{error}"),
        }
    }
    Ok(())
}

/// Eats; whoever is told of a cycle puts down what they have, and begins with what they lack.
fn eat<'a>(
    name: &str,
    mut first: &'a Mutex<&'static str>,
    mut second: &'a Mutex<&'static str>,
    pause: Duration,
) {
    loop {
        let held = first.lock();
        println!("{name} 抢到了{}", *held);
        sleep(pause);
        match second.lock_checked() {
            Ok(other) => {
                println!("{name} 抢到了{}", *other);
                println!("{name} 吃面");
                return;
            }
            Err(_) => println!("{name} puts down {}", *held),
        }
        drop(held);
        std::mem::swap(&mut first, &mut second);
    }
}

fn six_meals_with_two_locks(pause: Duration) -> anyhow::Result<()> {
    let noodles = Arc::new(Mutex::named("noodles", "面条"));
    let fork = Arc::new(Mutex::named("fork", "叉子"));
    let mut eaters = Vec::new();
    for name in NAMES {
        for noodles_first in [true, false] {
            let (noodles, fork) = (Arc::clone(&noodles), Arc::clone(&fork));
            eaters.push(Thread::builder().name(name).start(move || {
                let (first, second) = if noodles_first { (noodles, fork) } else { (fork, noodles) };
                eat(name, &first, &second, pause);
            })?);
        }
    }
    eaters.into_iter().try_for_each(Thread::join)?;
    println!("with two locks: all ate twice");
    Ok(())
}

fn six_meals_with_one_lock(pause: Duration) -> anyhow::Result<()> {
    let fork = Arc::new(ReentrantMutex::named("noodles and fork", ()));
    let noodles = Arc::clone(&fork);
    let meals = Arc::new(AtomicUsize::new(0));
    let mut eaters = Vec::new();
    for name in NAMES {
        for noodles_first in [true, false] {
            let (noodles, fork, meals) =
                (Arc::clone(&noodles), Arc::clone(&fork), Arc::clone(&meals));
            eaters.push(Thread::builder().name(name).start(move || {
                let (first, second) = if noodles_first { (noodles, fork) } else { (fork, noodles) };
                let _first = first.lock();
                if !noodles_first {
                    sleep(pause);
                }
                let _second = second.lock();
                println!("{name} 吃面");
                meals.fetch_add(1, Ordering::Relaxed);
            })?);
        }
    }
    eaters.into_iter().try_for_each(Thread::join)?;
    println!("with one re-entrant lock: {} meals", meals.load(Ordering::Relaxed));
    Ok(())
}

pub(crate) fn main() -> anyhow::Result<()> {
    let options = Options::parse()?;
    until_the_cycle_is_told()?;
    six_meals_with_two_locks(options.scaled(0.05))?;
    six_meals_with_one_lock(options.scaled(1.0))
}
