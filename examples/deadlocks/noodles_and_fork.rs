//! Noodles and fork: who has one of them needs the other too.

use std::sync::Arc;

use manyhands::sync::{Mutex, ReentrantMutex};
use manyhands::{Context, Thread};

use super::Exhibit;
use super::cast::{Meeting, say, say_outcome, say_victims};

pub(crate) const EXHIBIT: Exhibit = Exhibit {
    name: "noodles_and_fork",
    program: "one scientist takes the noodles first, another the fork",
    std: "hangs",
    parking_lot: "hangs; deadlock_detection lists both",
    tokio: "the tasks hang",
    python: "hangs, also with two re-entrant locks",
    run,
};

fn run() -> anyhow::Result<()> {
    let noodles = Arc::new(Mutex::named("noodles", ()));
    let fork = Arc::new(Mutex::named("fork", ()));
    let meeting = Arc::new(Meeting::of(2));

    let scientist = |name: &str, first: &Arc<Mutex<()>>, second: &Arc<Mutex<()>>| {
        let (mut first, mut second) = (Arc::clone(first), Arc::clone(second));
        let meeting = Arc::clone(&meeting);
        Thread::builder().name(name).start(move || {
            let mut tries = 1;
            loop {
                let held = first.lock();
                if tries == 1 {
                    meeting.come();
                }
                match second.lock_checked() {
                    Ok(_) => return format!("ate at try {tries}"),
                    Err(deadlock) => say(&Context::current().name(), deadlock),
                }
                // The one who is told puts down what they have, and begins with the other thing.
                drop(held);
                std::mem::swap(&mut first, &mut second);
                tries += 1;
            }
        })
    };
    let egon = scientist("egon", &noodles, &fork)?;
    let yuan = scientist("yuan", &fork, &noodles)?;
    let outcomes = [("egon", egon.join()), ("yuan", yuan.join())];
    say_victims(outcomes.map(|(who, outcome)| say_outcome(who, &outcome)));

    // One re-entrant lock under both names: no order to get wrong.
    let table = Arc::new(ReentrantMutex::named("table", ()));
    let eaters: Vec<_> = (0..2)
        .map(|_| {
            let (noodles, fork) = (Arc::clone(&table), Arc::clone(&table));
            Thread::spawn(move || {
                let _noodles = noodles.lock();
                let _fork = fork.lock();
            })
        })
        .collect();
    eaters.into_iter().try_for_each(Thread::join)?;
    say("with one re-entrant lock", "both ate");
    Ok(())
}
