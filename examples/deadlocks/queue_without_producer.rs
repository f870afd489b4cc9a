//! Consumers at a queue into which nobody puts anything any more.

use std::sync::Arc;

use manyhands::Thread;
use manyhands::sync::{Queue, QueueShutdown};

use super::Exhibit;
use super::cast::{Suspicions, say};

pub(crate) const EXHIBIT: Exhibit = Exhibit {
    name: "queue_without_producer",
    program: "two consumers wait at a queue whose producer has gone without closing it",
    std: "mpsc ends when all senders are dropped; a queue of one's own hangs",
    parking_lot: "has no queue",
    tokio: "mpsc ends when all senders are dropped; one that is kept by mistake hangs",
    python: "hangs",
    run,
};

fn run() -> anyhow::Result<()> {
    let orders = Arc::new(Queue::named("orders", 8));
    let cook = |name: &str| {
        let orders = Arc::clone(&orders);
        Thread::builder().name(name).start(move || orders.iter().sum::<u32>())
    };
    let cooks = [cook("first cook")?, cook("second cook")?];
    for order in 1..=4 {
        orders.put(order)?;
    }
    let closed = Arc::clone(&orders);
    let _suspicions = Suspicions::cured_by(move || closed.shutdown(QueueShutdown::Drain))?;
    let sums = cooks.into_iter().map(Thread::join).collect::<Result<Vec<_>, _>>()?;
    say("after it was closed, cooked in all", sums.iter().sum::<u32>());
    Ok(())
}
