//! Many contexts that take several batons at a time, for long: in one order nothing is ever reported, in
//! any order every deadlock is found, has one victim, and nobody hangs.
//!
//! Short here. `cargo xtask stress` runs as many operations as it is told, with a seed of one's own:
//!
//! | variable | meaning | unless set |
//! |---|---|---|
//! | `MANYHANDS_STRESS_OPERATIONS` | how often batons are taken, for each of the two tests | 40,000 |
//! | `MANYHANDS_STRESS_SEED` | what the random numbers begin with | another one each time, printed |
//! | `MANYHANDS_STRESS_CONTEXTS` | how many threads, every other one running a tracked task | 6 |

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use manyhands_wait::{Deadlock, Report, dump, on_report, tracked, wait};

use super::baton::{Baton, Held};
use crate::patience::LONG;

/// How many batons there are.
const BATONS: usize = 5;

fn setting(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name}={text:?} is not a number")),
        Err(_) => default,
    }
}

struct Numbers(u64);

impl Numbers {
    fn new(seed: u64) -> Numbers {
        Numbers(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) % bound
    }
}

/// What all contexts of one run share.
struct Run {
    name: &'static str,
    batons: Vec<Arc<Baton>>,
    /// Counts what was done under each baton, with a load and a store: two at once would lose one.
    under: Vec<AtomicU64>,
    in_order: bool,
    operations: u64,
    victims: AtomicUsize,
}

impl Run {
    /// The batons of one operation, two to four different ones.
    fn choose(&self, numbers: &mut Numbers) -> Vec<usize> {
        let mut all: Vec<usize> = (0..BATONS).collect();
        let mut chosen: Vec<usize> = (0..2 + numbers.below(3))
            .map(|_| all.swap_remove(numbers.below(all.len() as u64) as usize))
            .collect();
        if self.in_order {
            chosen.sort_unstable();
        }
        chosen
    }

    /// Notes that a baton was taken, and now and then lets others come in between.
    fn took(&self, place: usize, numbers: &mut Numbers) {
        let before = self.under[place].load(Ordering::Relaxed);
        if numbers.below(16) == 0 {
            std::thread::yield_now();
        }
        self.under[place].store(before + 1, Ordering::Relaxed);
    }

    fn failed(&self, deadlock: &Deadlock) {
        assert!(!self.in_order, "{}: nobody can be deadlocked: {deadlock}", self.name);
        self.victims.fetch_add(1, Ordering::Relaxed);
    }

    /// Ends the process, telling who waits for what, if nobody gets on for a minute.
    fn watch(&self, over: &AtomicBool) {
        let done = || self.under.iter().map(|count| count.load(Ordering::Relaxed)).sum::<u64>();
        let (mut last, mut since) = (done(), Instant::now());
        while !over.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(10));
            let now = done();
            if now != last {
                (last, since) = (now, Instant::now());
            } else if since.elapsed() > LONG {
                eprintln!("{}: all hang after {now}:\n{}", self.name, dump());
                std::process::abort();
            }
        }
    }

    /// What one context does; returns how many batons it has taken.
    fn on_thread(&self, mut numbers: Numbers) -> u64 {
        let mut taken = 0;
        while taken < self.operations {
            let mut held: Vec<Held> = Vec::new();
            for place in self.choose(&mut numbers) {
                match self.batons[place].take_checked() {
                    Ok(baton) => held.push(baton),
                    Err(deadlock) => {
                        self.failed(&deadlock);
                        break;
                    }
                }
                taken += 1;
                self.took(place, &mut numbers);
            }
        }
        taken
    }

    /// The same as an async task.
    async fn in_task(&self, mut numbers: Numbers) -> u64 {
        let mut taken = 0;
        while taken < self.operations {
            let mut held: Vec<Held> = Vec::new();
            for place in self.choose(&mut numbers) {
                match self.batons[place].take_async().await {
                    Ok(baton) => held.push(baton),
                    Err(deadlock) => {
                        self.failed(&deadlock);
                        break;
                    }
                }
                taken += 1;
                self.took(place, &mut numbers);
            }
        }
        taken
    }
}

/// Runs it; returns how many deadlocks were reported and how many contexts got one.
fn run(name: &'static str, in_order: bool) -> (usize, usize) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos() as u64;
    let seed = setting("MANYHANDS_STRESS_SEED", now % 1_000_000_000);
    let operations = setting("MANYHANDS_STRESS_OPERATIONS", 40_000);
    let contexts = setting("MANYHANDS_STRESS_CONTEXTS", 6).max(1);
    println!("{name}: MANYHANDS_STRESS_SEED={seed}, {operations} operations, {contexts} contexts");
    let run = Run {
        name,
        batons: (0..BATONS).map(|place| Baton::new(format!("{name} {place}"))).collect(),
        under: (0..BATONS).map(|_| AtomicU64::new(0)).collect(),
        in_order,
        operations: operations.div_ceil(contexts),
        victims: AtomicUsize::new(0),
    };
    let reports = Arc::new(AtomicUsize::new(0));
    let _listens = on_report({
        let reports = Arc::clone(&reports);
        move |report| {
            // Other tests may run in this process.
            if let Report::Deadlock(deadlock) = report
                && deadlock.participants().any(|it| it.waits_for().contains(name))
            {
                reports.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    let start = Instant::now();
    let over = AtomicBool::new(false);
    let taken: u64 = std::thread::scope(|scope| {
        let contexts: Vec<_> = (0..contexts)
            .map(|context| {
                let run = &run;
                let numbers = Numbers::new(seed ^ (context << 40));
                scope.spawn(move || match context % 2 {
                    0 => run.on_thread(numbers),
                    _ => wait(tracked(run.in_task(numbers))),
                })
            })
            .collect();
        scope.spawn(|| run.watch(&over));
        let taken = contexts.into_iter().map(|context| context.join().unwrap()).sum();
        over.store(true, Ordering::Relaxed);
        taken
    });
    let under: u64 = run.under.iter().map(|count| count.load(Ordering::Relaxed)).sum();
    assert_eq!(under, taken, "two had one baton at a time");
    let (reports, victims) = (reports.load(Ordering::Relaxed), run.victims.into_inner());
    println!("{name}: {taken} taken, {victims} deadlocks broken, in {:.1?}", start.elapsed());
    (reports, victims)
}

#[test]
fn stress_in_one_order_nothing_is_reported() {
    assert_eq!(run("stress in order", true), (0, 0));
}

#[test]
fn stress_in_any_order_each_deadlock_has_one_victim() {
    let (reports, victims) = run("stress in disorder", false);
    assert_eq!(reports, victims);
    assert!(victims > 0, "not one deadlock: the test shows nothing");
}
