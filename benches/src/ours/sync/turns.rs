//! Two coroutines of one hub that pass something on to each other.

use std::rc::Rc;

use anyhow::Context;
use manyhands::sync::{Condvar, Event, Mutex, Queue, Semaphore};
use manyhands::{spawn_local, yield_now};

use crate::rivals::expect_sum;
use crate::usage::Rate;

/// Runs two coroutines on the hub of this thread, which do `count` things together, after a tenth of
/// that; how many a second.
fn run<A, B>(count: u64, pair: impl Fn(u64) -> (A, B)) -> anyhow::Result<f64>
where
    A: FnOnce() -> anyhow::Result<u64> + 'static,
    B: FnOnce() -> anyhow::Result<u64> + 'static,
{
    let once = |count| {
        let (one, other) = pair(count);
        let (one, other) = (spawn_local(one), spawn_local(other));
        let one = one.result().context("a coroutine failed")??;
        expect_sum(one + other.result().context("a coroutine failed")??, count)
    };
    once(count / 10)?;
    let rate = Rate::start();
    once(count)?;
    Ok(rate.of(count))
}

/// One gives the other a permit and waits for one itself.
pub(crate) fn semaphore(count: u64) -> anyhow::Result<f64> {
    let turns = |first: u64, count: u64, mine: &Rc<Semaphore>, theirs: &Rc<Semaphore>| {
        let (mine, theirs) = (Rc::clone(mine), Rc::clone(theirs));
        move || {
            let mut sum = 0;
            for number in (first..count).step_by(2) {
                mine.acquire().forget();
                sum += number;
                theirs.release(1)?;
            }
            Ok(sum)
        }
    };
    run(count, |count| {
        let (one, other) = (Rc::new(Semaphore::unbounded(1)), Rc::new(Semaphore::unbounded(0)));
        (turns(0, count, &one, &other), turns(1, count, &other, &one))
    })
}

/// One sets the other's event and waits for its own.
pub(crate) fn event(count: u64) -> anyhow::Result<f64> {
    let turns = |first: u64, count: u64, mine: &Rc<Event>, theirs: &Rc<Event>| {
        let (mine, theirs) = (Rc::clone(mine), Rc::clone(theirs));
        move || {
            let mut sum = 0;
            for number in (first..count).step_by(2) {
                mine.wait();
                mine.clear();
                sum += number;
                theirs.set();
            }
            Ok(sum)
        }
    };
    run(count, |count| {
        let (one, other) = (Rc::new(Event::new()), Rc::new(Event::new()));
        one.set();
        (turns(0, count, &one, &other), turns(1, count, &other, &one))
    })
}

/// A number under a lock that is counted up by turns, by whoever is notified of it.
pub(crate) fn condvar(count: u64) -> anyhow::Result<f64> {
    let turns = |first: u64, count: u64, shared: &Rc<(Mutex<u64>, Condvar)>| {
        let shared = Rc::clone(shared);
        move || {
            let (next, changed) = &*shared;
            let mut sum = 0;
            for number in (first..count).step_by(2) {
                *changed.wait_for(next.lock(), |next| *next == number) += 1;
                sum += number;
                changed.notify_one();
            }
            Ok(sum)
        }
    };
    run(count, |count| {
        let shared = Rc::new((Mutex::new(0), Condvar::new()));
        (turns(0, count, &shared), turns(1, count, &shared))
    })
}

/// One puts numbers into a queue with room for so many, the other takes them out; without an end of the
/// room the first lets the other go on after each `at_a_time`.
pub(crate) fn queue(count: u64, room: Option<usize>, at_a_time: u64) -> anyhow::Result<f64> {
    run(count, |count| {
        let queue = Rc::new(room.map_or_else(Queue::unbounded, Queue::new));
        let puts = Rc::clone(&queue);
        let put = move || {
            for number in 0..count {
                puts.put(number)?;
                if room.is_none() && number.is_multiple_of(at_a_time) {
                    yield_now();
                }
            }
            Ok(0)
        };
        let add_up = move || (0..count).try_fold(0, |sum, _| Ok(sum + queue.get()?));
        (put, add_up)
    })
}
