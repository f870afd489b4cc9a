//! C10: coroutines of one thread share data without a lock, and a call that blocks holds up all.
//!
//! Follows the two remarks on coroutines: shared data needs no lock, and one that blocks blocks the
//! whole thread.
//!
//! Better here: the first remark holds only between waits, and that can be seen: who keeps a value
//! across a wait loses what others did meanwhile, who keeps the borrow of a `RefCell` across a wait
//! is told so. The compiler keeps data without a lock from other threads. And the watchdog says on
//! standard error which coroutine held up all others, and where.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use examples::Options;
use manyhands::{sleep, spawn_local, wait_all, yield_now};

/// A hundred coroutines, which change what they share.
fn hundred(change: impl Fn(&RefCell<i32>) + Copy + 'static) -> i32 {
    let shared = Rc::new(RefCell::new(0));
    wait_all((0..100).map(|_| {
        let shared = Rc::clone(&shared);
        spawn_local(move || change(&shared))
    }));
    shared.take()
}

pub(crate) fn main() -> anyhow::Result<()> {
    let options = Options::parse()?;

    let each_at_once = hundred(|number| {
        for _ in 0..100 {
            *number.borrow_mut() += 1;
            yield_now(); // the others have their turns, and the borrow is over
        }
    });
    println!("changed between waits: {each_at_once} of 10000");

    let read_wait_write = hundred(|number| {
        let read = *number.borrow();
        yield_now();
        *number.borrow_mut() = read + 1;
    });
    println!("kept across a wait: {read_wait_write} of 100");

    let shared = Rc::new(RefCell::new(Vec::new()));
    let of_keeper = Rc::clone(&shared);
    let keeper = spawn_local(move || {
        let mut borrowed = of_keeper.borrow_mut();
        yield_now();
        borrowed.push("keeper");
    });
    let second = spawn_local(move || match shared.try_borrow_mut() {
        Ok(mut borrowed) => borrowed.push("second"),
        Err(error) => println!("borrowed across a wait: {error}"),
    });
    keeper.result()?;
    second.result()?;

    println!("a sleep that switches: a gap of {:.2} s", gap(options, sleep)?.as_secs_f64());
    let blocked = gap(options, std::thread::sleep)?;
    println!("a sleep that blocks: a gap of {:.2} s", blocked.as_secs_f64());
    Ok(())
}

/// For how long a coroutine that wants a turn every 10 ms had none while another slept for 0.5 s.
fn gap(options: Options, sleep_of_the_other: fn(Duration)) -> anyhow::Result<Duration> {
    let (tick, long) = (options.scaled(0.01), options.scaled(0.5));
    let ticker = spawn_local(move || {
        let mut longest = Duration::ZERO;
        let end = Instant::now() + long * 2;
        while Instant::now() < end {
            let start = Instant::now();
            sleep(tick);
            longest = longest.max(start.elapsed());
        }
        longest
    });
    let other = manyhands::coroutines::spawn_named("sleeper", move || sleep_of_the_other(long));
    let longest = ticker.result()?;
    other.result()?;
    Ok(longest)
}
