//! Readers who take turns so that there is always one: the writer must get in all the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use manyhands::Thread;
use manyhands::sync::RwLock;

use super::Exhibit;
use super::cast::say;

pub(crate) const EXHIBIT: Exhibit = Exhibit {
    name: "writer_starvation",
    program: "readers overlap without end; a writer wants in",
    std: "the writer gets in (futex based RwLock prefers writers); other platforms may starve it",
    parking_lot: "the writer gets in",
    tokio: "the writer gets in: its lock is fair",
    python: "has no such lock",
    run,
};

fn run() -> anyhow::Result<()> {
    let board = Arc::new(RwLock::named("board", 0));
    let enough = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let (board, enough) = (Arc::clone(&board), Arc::clone(&enough));
            Thread::spawn(move || {
                let mut reads = 0_u64;
                while !enough.load(Ordering::Relaxed) {
                    let board = board.read();
                    std::hint::black_box(&*board);
                    reads += 1;
                    // Long enough that another one comes meanwhile.
                    std::thread::sleep(Duration::from_micros(200));
                }
                reads
            })
        })
        .collect();
    let start = Instant::now();
    for _ in 0..20 {
        *board.write() += 1;
    }
    let took = start.elapsed();
    enough.store(true, Ordering::Relaxed);
    for reader in readers {
        reader.join()?;
    }
    let soon = if took < Duration::from_secs(10) { "soon" } else { "late" };
    say("the writer wrote 20 times", format!("{soon}, the board says {}", *board.read()));
    Ok(())
}
