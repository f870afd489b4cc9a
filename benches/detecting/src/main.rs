//! parking_lot with its feature `deadlock_detection`, as a rival of the suite `sync`.
//!
//! `detecting lock THREADS MS` lets so many threads take a lock by turns for so many milliseconds,
//! `detecting lock 1 COUNT` one thread so often, and `detecting cycle THREADS` lets them wait for each other in
//! a circle until that is found. Prints one line of JSON. Ends when standard input does.
#![forbid(unsafe_code)]

use std::error::Error;
use std::io::{Write, copy, sink, stdin, stdout};
use std::process::exit;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use parking_lot::deadlock::check_deadlock;

fn main() -> Result<(), Box<dyn Error>> {
    thread::spawn(|| {
        let _end_of_input = copy(&mut stdin().lock(), &mut sink());
        exit(3);
    });
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let line = match words[..] {
        ["lock", "1", count] => format!("{{\"ns\": {}}}", alone(count.parse()?)?),
        ["lock", threads, ms] => {
            format!("{{\"ns\": {}}}", together(threads.parse()?, ms.parse()?)?)
        }
        ["cycle", threads] => format!("{{\"ms\": {}}}", cycle(threads.parse()?)?),
        _ => return Err("it is: lock 1 COUNT, lock THREADS MS, or cycle THREADS".into()),
    };
    writeln!(stdout(), "{line}")?;
    // Threads that wait for each other never end.
    exit(0)
}

/// Nanoseconds of taking and releasing a lock that nobody else wants.
fn alone(count: u64) -> Result<f64, Box<dyn Error>> {
    let total = Mutex::new(0_u64);
    (0..count / 10).for_each(|_| *std::hint::black_box(&total).lock() += 1);
    let started = Instant::now();
    (0..count).for_each(|_| *std::hint::black_box(&total).lock() += 1);
    let ns = started.elapsed().as_secs_f64() * 1e9 / count as f64;
    match total.into_inner() == count / 10 + count {
        true => Ok(ns),
        false => Err("an addition is missing".into()),
    }
}

/// Nanoseconds for each time that one of the threads had the lock.
fn together(threads: usize, ms: u64) -> Result<f64, Box<dyn Error>> {
    let total = Mutex::new(0_u64);
    let (begin, end) = (Barrier::new(threads + 1), AtomicBool::new(false));
    let turns = || {
        begin.wait();
        let mut count = 0_u64;
        while !end.load(Ordering::Relaxed) {
            *total.lock() += 1;
            count += 1;
        }
        count
    };
    let (counted, elapsed) = thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(turns)).collect();
        begin.wait();
        let started = Instant::now();
        thread::sleep(Duration::from_millis(ms));
        end.store(true, Ordering::Relaxed);
        let elapsed = started.elapsed();
        let counts = running.into_iter().map(|thread| thread.join().map_err(|_| "a thread failed"));
        (counts.sum::<Result<u64, _>>(), elapsed)
    });
    match counted? == total.into_inner() {
        true => Ok(elapsed.as_secs_f64() * 1e9 / counted? as f64),
        false => Err("an addition is missing".into()),
    }
}

/// Milliseconds from the last wait of a circle until somebody who looks all the time has found it.
fn cycle(threads: usize) -> Result<f64, Box<dyn Error>> {
    let locks: Arc<Vec<Mutex<()>>> = Arc::new((0..threads).map(|_| Mutex::new(())).collect());
    let (all_hold, last_wait) = (Arc::new(Barrier::new(threads)), Arc::new(OnceLock::new()));
    for at in 0..threads {
        let (locks, all_hold) = (Arc::clone(&locks), Arc::clone(&all_hold));
        let last_wait = Arc::clone(&last_wait);
        thread::spawn(move || {
            let _held = locks[at].lock();
            all_hold.wait();
            if at == 0 {
                // The others wait by then.
                thread::sleep(Duration::from_millis(200));
                let _ = last_wait.set(Instant::now());
            }
            let _never = locks[(at + 1) % threads].lock();
        });
    }
    let last_wait: Instant = *last_wait.wait();
    loop {
        let found = check_deadlock();
        if let Some(circle) = found.first() {
            let ms = last_wait.elapsed().as_secs_f64() * 1e3;
            return match circle.len() == threads {
                true => Ok(ms),
                false => Err(format!("{} of {threads} threads were found", circle.len()).into()),
            };
        }
        if last_wait.elapsed() > Duration::from_secs(10) {
            return Err("nothing was found".into());
        }
    }
}
