//! G2: threads use all cores.
//!
//! Follows what the tutorials say of the global interpreter lock: that only one thread executes at any
//! moment, however many cores there are, so that threads make computing no faster (1.84 s in
//! sequence, 1.77 s with two threads, measured with Python 3.11) and processes are needed.
//!
//! Better here: there is no such lock. Two tasks hand each other a ball without ever leaving their
//! cores, which takes two threads that execute at the same moment; and a sum is computed in half the
//! time by twice the threads, if nobody else wants the cores. `manyhands compare --workload cpu`
//! measures that with medians and CPU times.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use examples::Options;
use manyhands::{AnyExecutor, ExecutorExt, TaskError, ThreadPool, scope, sleep};

const PIECES: u64 = 64;
/// The shortest of so many runs counts: the others had to share the cores with something else.
const RUNS: usize = 3;

fn sum_of_squares((from, until): (u64, u64)) -> u64 {
    (from..until).map(|n| std::hint::black_box(n).wrapping_mul(n)).fold(0, u64::wrapping_add)
}

fn run(model: &str, numbers: u64) -> anyhow::Result<(u64, Duration)> {
    let executor: AnyExecutor = model.parse()?;
    let step = numbers / PIECES;
    let mut shortest = Duration::MAX;
    let mut sum = 0;
    for _ in 0..RUNS {
        let start = Instant::now();
        let pieces = (0..PIECES).map(|piece| (piece * step, (piece + 1) * step));
        let sums: Result<Vec<u64>, TaskError> = executor.map(sum_of_squares, pieces).collect();
        sum = sums?.into_iter().fold(0, u64::wrapping_add);
        shortest = shortest.min(start.elapsed());
    }
    Ok((sum, shortest))
}

/// A ball between two players, each of whom watches it without a pause.
struct Ball {
    throws: AtomicU64,
    game_over: AtomicBool,
}

impl Ball {
    /// Plays until there were many throws, or for some seconds, and returns the shortest time that
    /// a hundred throws took. With one thread at a time, each would take a switch of threads.
    fn play(&self, player: u64) -> Duration {
        let mut shortest = Duration::MAX;
        let start = Instant::now();
        while !self.game_over.load(Ordering::Relaxed) {
            let hundred = Instant::now();
            for _ in 0..50 {
                while self.throws.load(Ordering::Acquire) % 2 != player {
                    if self.game_over.load(Ordering::Relaxed) {
                        return shortest;
                    }
                    std::hint::spin_loop();
                }
                self.throws.fetch_add(1, Ordering::Release);
            }
            let took = hundred.elapsed();
            shortest = shortest.min(took);
            let throws = self.throws.load(Ordering::Relaxed);
            if throws > 100_000 || start.elapsed() > Duration::from_secs(30) {
                self.game_over.store(true, Ordering::Relaxed);
            }
            if took > Duration::from_millis(10) {
                // On a busy machine both may sit on one core. Who wakes up is placed anew.
                sleep(Duration::from_millis(1));
            }
        }
        shortest
    }
}

pub(crate) fn main() -> anyhow::Result<()> {
    let numbers = (2e8 * Options::parse()?.scale()) as u64;
    let cores = std::thread::available_parallelism()?.get();
    if cores > 1 {
        let pool = ThreadPool::new(2)?;
        let ball = Ball { throws: AtomicU64::new(0), game_over: AtomicBool::new(false) };
        let shortest = scope(&pool, |scope| {
            let first = scope.spawn(|| ball.play(0));
            let second = scope.spawn(|| ball.play(1));
            Ok::<_, TaskError>(first.result()?.min(second.result()?))
        })??;
        println!("100 throws from core to core: {:.1} µs", shortest.as_secs_f64() * 1e6);
    }
    let (sum, alone) = run("sequential", numbers)?;
    println!("sequential: {:.3} s, sum {sum}", alone.as_secs_f64());
    let (sum, together) = run(&format!("threads:{cores}"), numbers)?;
    println!("threads:{cores}: {:.3} s, sum {sum}", together.as_secs_f64());
    println!("speed-up on {cores} cores: {:.2}", alone.as_secs_f64() / together.as_secs_f64());
    Ok(())
}
