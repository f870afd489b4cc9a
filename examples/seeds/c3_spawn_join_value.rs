//! C3: start coroutines, wait for them, take their values.
//!
//! Follows the programs with `gevent.spawn(eat, 'egon')`, `gevent.spawn(play, name='egon')`,
//! `g1.join()`, `g2.join()`, `gevent.joinall([g1, g2])` and `g1.value`.
//!
//! Better here: what a coroutine returns and how it failed are one value, which `result` gives, so a
//! failure cannot be taken for a `None`; and neither closure nor result need be `Send`.

use std::time::Duration;

use examples::Options;
use manyhands::coroutines::join_all;
use manyhands::{Task, sleep, spawn_local};

fn eat(name: &str, pause: Duration) -> &'static str {
    println!("{name} eat 1");
    sleep(pause);
    println!("{name} eat 2");
    "eaten"
}

fn play(name: &str, pause: Duration) -> &'static str {
    println!("{name} play 1");
    sleep(pause);
    println!("{name} play 2");
    "played"
}

pub(crate) fn main() -> anyhow::Result<()> {
    let options = Options::parse()?;
    let (long, short) = (options.scaled(2.0), options.scaled(1.0));
    let start = || -> [Task<&'static str>; 2] {
        [spawn_local(move || eat("egon", long)), spawn_local(move || play("egon", short))]
    };

    let [g1, g2] = start();
    g1.wait();
    g2.wait();
    println!("主");

    let values = join_all(start());
    println!("主");
    for value in values {
        println!("value: {}", value?);
    }
    Ok(())
}
