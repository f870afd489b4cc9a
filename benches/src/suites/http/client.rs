//! The clients: parts of this program that fetch a list of pages and tell what it cost them.

use std::time::Instant;

use anyhow::{Context, ensure};
use manyhands::http::{HttpError, Response, Session};
use serde_json::json;

use super::site::BODY_BYTES;
use crate::ours;
use crate::rivals::reqwest;
use crate::usage::{cpu_s, resident_and_peak_bytes};

/// The model under which [`Session::map`] is used: the calling thread drives everything.
pub(super) const NO_EXECUTOR: &str = "none";

/// As many threads as requests at a time.
pub(super) const THREADS: &str = "threads";

/// What the words of a client say: BASE COUNT IN_FLIGHT HOW.
struct Order {
    base: String,
    count: usize,
    in_flight: usize,
    how: String,
}

impl Order {
    fn read(words: &[String]) -> anyhow::Result<Order> {
        let [base, count, in_flight, how] = words else {
            anyhow::bail!("a client needs BASE COUNT IN_FLIGHT HOW, not {words:?}");
        };
        let number = |word: &String| word.parse().with_context(|| format!("{word} is no number"));
        let (count, in_flight) = (number(count)?, number(in_flight)?);
        Ok(Order { base: base.clone(), count, in_flight, how: how.clone() })
    }

    fn urls(&self) -> impl Iterator<Item = String> + use<> {
        let base = self.base.clone();
        (0..self.count).map(move |n| format!("{base}/{n}"))
    }

    /// Runs `fetch`, which returns the number of bytes that came, and prints what it took.
    fn measure(&self, fetch: impl FnOnce() -> anyhow::Result<usize>) -> anyhow::Result<()> {
        let (cpu, started) = (cpu_s()?, Instant::now());
        let bytes = fetch()?;
        let (wall_s, cpu_s) = (started.elapsed().as_secs_f64(), cpu_s()? - cpu);
        ensure!(bytes == self.count * BODY_BYTES, "{bytes} bytes of {} pages", self.count);
        let (_, peak_bytes) = resident_and_peak_bytes()?;
        println!("{}", json!({ "wall_s": wall_s, "cpu_s": cpu_s, "peak_bytes": peak_bytes }));
        Ok(())
    }
}

/// manyhands; HOW is the name of an executor, or [`NO_EXECUTOR`].
pub(super) fn play_ours(words: &[String]) -> anyhow::Result<()> {
    let order = Order::read(words)?;
    order.measure(|| {
        let session = Session::builder().no_proxy().build().context("cannot make a session")?;
        if order.how == NO_EXECUTOR {
            return sum(session.map(order.urls(), order.in_flight));
        }
        let executor = ours::by_name(&order.how)?;
        sum(session.map_on(&executor, order.urls(), order.in_flight))
    })
}

fn sum(responses: impl Iterator<Item = Result<Response, HttpError>>) -> anyhow::Result<usize> {
    let mut bytes = 0;
    for response in responses {
        let response = response.context("a page was not fetched")?;
        ensure!(
            response.status().is_success(),
            "{} answered {}",
            response.url(),
            response.status()
        );
        bytes += response.bytes().len();
    }
    Ok(bytes)
}

/// reqwest; HOW is the number of workers, 0 for everything on one thread, or [`THREADS`].
pub(super) fn play_reqwest(words: &[String]) -> anyhow::Result<()> {
    let order = Order::read(words)?;
    if order.how == THREADS {
        return order.measure(|| reqwest::fetch_all_by_threads(order.urls(), order.in_flight));
    }
    let workers: usize = order.how.parse().context("how many workers?")?;
    order.measure(|| {
        let client = reqwest::client()?;
        let runtime = reqwest::runtime(workers.try_into().ok())?;
        runtime.block_on(reqwest::fetch_all(&client, order.urls(), order.in_flight))
    })
}
