//! T1: start a thread with a function, and one with a struct of one's own.
//!
//! Follows the programs that start `threading.Thread(target=…)` and a subclass of `Thread` with a
//! `run` method: the main thread prints first, the greeting comes two seconds later, and nobody
//! joins the second thread, because a process waits for its threads.
//!
//! Better here: `join` gives back what the thread returned, or its panic as an error, and a sleeping
//! thread can be cancelled. There is no class to inherit from: any closure will do.

use std::time::Duration;

use examples::Options;
use manyhands::{Thread, sleep};

struct SayHi {
    name: String,
    pause: Duration,
}

impl SayHi {
    fn run(self) {
        sleep(self.pause);
        println!("{} say hello", self.name);
    }
}

pub(crate) fn main() -> anyhow::Result<()> {
    let pause = Options::parse()?.scaled(2.0);

    let thread = Thread::spawn(move || {
        sleep(pause);
        println!("egon say hello");
    });
    println!("主线程");
    thread.join()?;

    let greeter = SayHi { name: "egon".to_owned(), pause };
    Thread::builder().name("greeter").start(move || greeter.run())?;
    println!("主线程");
    Ok(())
}
