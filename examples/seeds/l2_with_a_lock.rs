//! L2: a hundred threads count down, each with the lock in hand.
//!
//! Follows the program whose threads do what they can side by side (3 s), and take the lock only
//! around what they share (0.5 s each): 0 is left, after the time of one long pause and a hundred
//! short ones. The lock is around the shared part and nothing more.
//!
//! Better here: the lock owns the number, so there is no way to it but through the guard; and the
//! guard lets go on every way out, which Python needs `with` or `finally` for. The pauses are a tenth
//! of the original's unless `--scale` says otherwise.

use std::sync::Arc;
use std::time::Instant;

use examples::Options;
use manyhands::sync::Mutex;
use manyhands::{Context, Thread, sleep};

pub(crate) fn main() -> anyhow::Result<()> {
    let options = Options::parse()?;
    let (aside, shared) = (options.scaled(0.3), options.scaled(0.05));
    let n = Arc::new(Mutex::named("n", 100));
    let start = Instant::now();
    let threads: Vec<_> = (0..100)
        .map(|_| {
            let n = Arc::clone(&n);
            Thread::spawn(move || {
                sleep(aside);
                println!("{} start to run", Context::current().name());
                let mut n = n.lock();
                let read = *n;
                sleep(shared);
                *n = read - 1;
            })
        })
        .collect();
    threads.into_iter().try_for_each(Thread::join)?;
    println!("主:{:.3} n:{}", start.elapsed().as_secs_f64(), *n.lock());

    // A panic lets go of the lock as well.
    let careless = Arc::clone(&n);
    let failed = Thread::spawn(move || {
        let _n = careless.lock();
        panic!("dropped on the way");
    })
    .join();
    println!("after a panic: {}, n:{}", failed.is_err(), *n.lock());
    Ok(())
}
