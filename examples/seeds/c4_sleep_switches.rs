//! C4: a sleep that switches, and one that holds everybody up.
//!
//! Follows the programs with `gevent.sleep(2)` and `gevent.sleep(1)`, two seconds in all, and with
//! `time.sleep`, which gevent does not see unless it is patched: three seconds.
//!
//! Better here: `manyhands::sleep` switches in a coroutine, blocks on a thread, and can be cancelled
//! in both. The standard library's knows nothing of coroutines: it holds the thread, and with it
//! all of its coroutines. Nothing is patched; `block` has code that blocks run on another thread.

use std::time::{Duration, Instant};

use examples::Options;
use manyhands::coroutines::block;
use manyhands::{spawn_local, wait_all};

/// How to sleep.
type Sleep = fn(Duration);

fn eat(sleep: Sleep, pause: Duration) {
    println!("eat food 1");
    sleep(pause);
    println!("eat food 2");
}

fn play(sleep: Sleep, pause: Duration) {
    println!("play 1");
    sleep(pause);
    println!("play 2");
}

pub(crate) fn main() -> anyhow::Result<()> {
    let options = Options::parse()?;
    let (long, short) = (options.scaled(2.0), options.scaled(1.0));
    let ways: [(&str, Sleep); 3] = [
        ("a sleep that switches", manyhands::sleep),
        ("a sleep that holds the thread", std::thread::sleep),
        ("the same on other threads", |pause| block(move || std::thread::sleep(pause))),
    ];
    for (name, sleep) in ways {
        let start = Instant::now();
        wait_all([spawn_local(move || eat(sleep, long)), spawn_local(move || play(sleep, short))]);
        println!("主");
        println!("{name}: {:.2} s", start.elapsed().as_secs_f64());
    }
    Ok(())
}
