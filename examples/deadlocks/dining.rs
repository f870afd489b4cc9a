//! The dining philosophers, each with the fork at the left in hand.

use std::sync::Arc;
use std::time::{Duration, Instant};

use manyhands::Thread;
use manyhands::sync::Mutex;

use super::Exhibit;
use super::cast::{Meeting, say, say_victims};

pub(crate) const FIVE: Exhibit = Exhibit {
    name: "dining_5",
    program: "five philosophers, each with the left fork in hand, take the right one",
    std: "hangs",
    parking_lot: "hangs; deadlock_detection lists all five",
    tokio: "the tasks hang",
    python: "hangs",
    run: || dine(5),
};

pub(crate) const HUNDRED: Exhibit =
    Exhibit { name: "dining_100", program: "the same with a hundred", run: || dine(100), ..FIVE };

fn dine(number: usize) -> anyhow::Result<()> {
    let forks: Arc<Vec<Mutex<()>>> =
        Arc::new((0..number).map(|n| Mutex::named(format!("fork {n}"), ())).collect());
    let meeting = Arc::new(Meeting::of(number));

    let start = Instant::now();
    let philosophers = (0..number).map(|n| {
        let (forks, meeting) = (Arc::clone(&forks), Arc::clone(&meeting));
        Thread::builder().name(format!("philosopher {n}")).start(move || {
            let left = forks[n].lock();
            meeting.come();
            let hungry = forks[(n + 1) % number].lock_checked().err();
            drop(left);
            hungry
        })
    });
    let philosophers = philosophers.collect::<Result<Vec<_>, _>>()?;
    let told: Vec<_> = philosophers.into_iter().map(Thread::join).collect::<Result<Vec<_>, _>>()?;

    let took = start.elapsed();
    for deadlock in told.iter().flatten() {
        let report = deadlock.to_string();
        let shown = report.lines().take(4).collect::<Vec<_>>().join("\n");
        say("the one who is told", shown);
        println!("      … {} lines in all", report.lines().count());
        println!("    in the cycle: {}", deadlock.participants().count());
    }
    say_victims(told.iter().map(Option::is_some));
    let in_time = if took < Duration::from_secs(5) { "soon" } else { "late" };
    println!("    all have left the table: {in_time}");
    Ok(())
}
