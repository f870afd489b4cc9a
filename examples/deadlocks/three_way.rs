//! A thread, a coroutine and an async task in one cycle.

use std::sync::Arc;

use manyhands::sync::Mutex;
use manyhands::{AsyncPool, CoroutinePool, Thread};

use super::Exhibit;
use super::cast::{Meeting, say_outcome, say_victims};

pub(crate) const EXHIBIT: Exhibit = Exhibit {
    name: "three_way",
    program: "a thread, a coroutine and an async task, each holds what the next one wants",
    std: "has one of the three models",
    parking_lot: "has one of the three models",
    tokio: "hangs: two tasks and a thread in blocking_lock",
    python: "hangs, where the models can be mixed at all",
    run,
};

fn run() -> anyhow::Result<()> {
    let [rock, paper, scissors] =
        ["rock", "paper", "scissors"].map(|name| Arc::new(Mutex::named(name, ())));
    let meeting = Arc::new(Meeting::of(3));
    let take = |first: &Arc<Mutex<()>>, second: &Arc<Mutex<()>>| {
        let (first, second) = (Arc::clone(first), Arc::clone(second));
        let meeting = Arc::clone(&meeting);
        move || {
            let _first = first.lock();
            meeting.come();
            let _second = second.lock();
            "had both"
        }
    };
    let coroutines = CoroutinePool::new(1)?;
    let runtime = AsyncPool::new(1)?;
    let thread = Thread::builder().name("a thread").start(take(&rock, &paper))?;
    let coroutine = coroutines.spawn(take(&paper, &scissors));
    let task = {
        let (scissors, rock) = (Arc::clone(&scissors), Arc::clone(&rock));
        let meeting = Arc::clone(&meeting);
        runtime.spawn_async(async move {
            let _scissors = scissors.lock_async().await;
            meeting.come_async().await;
            let _rock = rock.lock_async().await;
            "had both"
        })
    };
    let outcomes = [
        ("thread", thread.join()),
        ("coroutine", coroutine.result()),
        ("async task", task.result()),
    ];
    say_victims(outcomes.map(|(who, outcome)| say_outcome(who, &outcome)));
    Ok(())
}
