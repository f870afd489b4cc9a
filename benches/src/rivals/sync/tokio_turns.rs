//! Two tasks of tokio on one thread that pass something on to each other.

use std::sync::{Arc, Mutex as StdMutex, PoisonError};

use anyhow::Context;
use tokio::runtime::Builder;
use tokio::sync::{Mutex, Notify, Semaphore, mpsc};

use crate::rivals::expect_sum;
use crate::usage::Rate;

pub(crate) const SEMAPHORE: &str = "tokio Semaphore";
pub(crate) const NOTIFY: &str = "tokio Notify";
pub(crate) const MUTEX_NOTIFY: &str = "tokio Mutex, Notify";
pub(crate) const STD_MUTEX_NOTIFY: &str = "std Mutex, tokio Notify";
pub(crate) const MPSC: &str = "tokio mpsc";

/// Runs two tasks on a runtime of one thread, which do `count` things together, after a tenth of that;
/// how many a second.
fn run<A, B>(count: u64, pair: impl Fn(u64) -> (A, B)) -> anyhow::Result<f64>
where
    A: Future<Output = anyhow::Result<u64>> + Send + 'static,
    B: Future<Output = anyhow::Result<u64>> + Send + 'static,
{
    let runtime = Builder::new_current_thread().build().context("cannot make a runtime")?;
    runtime.block_on(async {
        let once = async |count| {
            let (one, other) = pair(count);
            let (one, other) = (tokio::spawn(one), tokio::spawn(other));
            let sum =
                one.await.context("a task failed")?? + other.await.context("a task failed")??;
            expect_sum(sum, count)
        };
        once(count / 10).await?;
        let rate = Rate::start();
        once(count).await?;
        Ok(rate.of(count))
    })
}

/// One gives the other a permit and waits for one itself.
pub(crate) fn semaphore(count: u64) -> anyhow::Result<f64> {
    async fn turns(numbers: Numbers, mine: Arc<Semaphore>, theirs: Arc<Semaphore>) -> Sum {
        let mut sum = 0;
        for number in numbers {
            mine.acquire().await.context("the semaphore is closed")?.forget();
            sum += number;
            theirs.add_permits(1);
        }
        Ok(sum)
    }
    run(count, |count| {
        let (one, other) = (Arc::new(Semaphore::new(1)), Arc::new(Semaphore::new(0)));
        let first = turns(evens(count), Arc::clone(&one), Arc::clone(&other));
        (first, turns(odds(count), other, one))
    })
}

/// One notifies the other and waits to be notified.
pub(crate) fn notify(count: u64) -> anyhow::Result<f64> {
    async fn turns(numbers: Numbers, mine: Arc<Notify>, theirs: Arc<Notify>) -> Sum {
        let mut sum = 0;
        for number in numbers {
            mine.notified().await;
            sum += number;
            theirs.notify_one();
        }
        Ok(sum)
    }
    run(count, |count| {
        let (one, other) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        one.notify_one();
        let first = turns(evens(count), Arc::clone(&one), Arc::clone(&other));
        (first, turns(odds(count), other, one))
    })
}

/// A number under a lock that is counted up by turns, by whoever is notified of it.
pub(crate) fn mutex_and_notify(count: u64) -> anyhow::Result<f64> {
    async fn turns(numbers: Numbers, shared: Arc<(Mutex<u64>, Notify)>) -> Sum {
        let (next, changed) = &*shared;
        let mut sum = 0;
        for number in numbers {
            let mut guard = next.lock().await;
            while *guard != number {
                // Notified from here on, though it has not been polled.
                let notified = changed.notified();
                drop(guard);
                notified.await;
                guard = next.lock().await;
            }
            *guard += 1;
            drop(guard);
            sum += number;
            changed.notify_one();
        }
        Ok(sum)
    }
    run(count, |count| {
        let shared = Arc::new((Mutex::new(0), Notify::new()));
        (turns(evens(count), Arc::clone(&shared)), turns(odds(count), shared))
    })
}

/// The same with a lock that blocks its thread, which nobody ever waits for here.
pub(crate) fn std_mutex_and_notify(count: u64) -> anyhow::Result<f64> {
    async fn turns(numbers: Numbers, shared: Arc<(StdMutex<u64>, Notify)>) -> Sum {
        let (next, changed) = &*shared;
        let step = |number: u64| {
            let mut next = next.lock().unwrap_or_else(PoisonError::into_inner);
            let is_mine = *next == number;
            *next += u64::from(is_mine);
            is_mine
        };
        let mut sum = 0;
        for number in numbers {
            while !step(number) {
                changed.notified().await;
            }
            sum += number;
            changed.notify_one();
        }
        Ok(sum)
    }
    run(count, |count| {
        let shared = Arc::new((StdMutex::new(0), Notify::new()));
        (turns(evens(count), Arc::clone(&shared)), turns(odds(count), shared))
    })
}

/// One puts numbers into a queue with room for so many, the other takes them out.
pub(crate) fn queue(count: u64, room: Option<usize>) -> anyhow::Result<f64> {
    async fn bounded(count: u64, sender: mpsc::Sender<u64>) -> Sum {
        for number in 0..count {
            sender.send(number).await.context("the queue is closed")?;
        }
        Ok(0)
    }
    async fn add_up(mut receiver: mpsc::Receiver<u64>) -> Sum {
        let mut sum = 0;
        while let Some(number) = receiver.recv().await {
            sum += number;
        }
        Ok(sum)
    }
    async fn unbounded(count: u64, sender: mpsc::UnboundedSender<u64>) -> Sum {
        for number in 0..count {
            sender.send(number).context("the queue is closed")?;
            // Nothing else lets the other one go on.
            if number % UNBOUNDED_AT_A_TIME == 0 {
                tokio::task::yield_now().await;
            }
        }
        Ok(0)
    }
    async fn add_up_unbounded(mut receiver: mpsc::UnboundedReceiver<u64>) -> Sum {
        let mut sum = 0;
        while let Some(number) = receiver.recv().await {
            sum += number;
        }
        Ok(sum)
    }
    match room {
        Some(room) => run(count, |count| {
            let (sender, receiver) = mpsc::channel(room);
            (bounded(count, sender), add_up(receiver))
        }),
        None => run(count, |count| {
            let (sender, receiver) = mpsc::unbounded_channel();
            (unbounded(count, sender), add_up_unbounded(receiver))
        }),
    }
}

/// After so many a producer lets its consumer go on, where nothing else makes it.
pub(crate) const UNBOUNDED_AT_A_TIME: u64 = 1024;

type Sum = anyhow::Result<u64>;
type Numbers = std::iter::StepBy<std::ops::Range<u64>>;

fn evens(count: u64) -> Numbers {
    (0..count).step_by(2)
}

fn odds(count: u64) -> Numbers {
    (1..count).step_by(2)
}
