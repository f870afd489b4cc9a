//! Clients of a web handler, each of which asks again as soon as it has its answer.

use std::time::Instant;

use anyhow::{Context, ensure};
use tokio::task::JoinSet;

use crate::measure::percentile;
use crate::rivals::reqwest;

/// Sends `requests` by each of `clients`; how long the median one took, in seconds.
///
/// # Errors
/// When a request fails or its answer is not `expected`.
pub(super) fn median_latency_s(
    url: &str,
    clients: usize,
    requests: usize,
    expected: &str,
) -> anyhow::Result<f64> {
    // Once, so that the server has been through everything before it counts.
    reqwest::runtime(None)?.block_on(async {
        let client = reqwest::client()?;
        timed(&client, url, expected).await?;
        let mut tasks = JoinSet::new();
        for _ in 0..clients {
            let (client, url, expected) = (client.clone(), url.to_owned(), expected.to_owned());
            tasks.spawn(async move {
                let mut times_s = Vec::with_capacity(requests);
                for _ in 0..requests {
                    times_s.push(timed(&client, &url, &expected).await?);
                }
                anyhow::Ok(times_s)
            });
        }
        let mut times_s = Vec::new();
        while let Some(ended) = tasks.join_next().await {
            times_s.extend(ended.context("a client failed")??);
        }
        Ok(percentile(&mut times_s, 0.5))
    })
}

async fn timed(client: &reqwest::Client, url: &str, expected: &str) -> anyhow::Result<f64> {
    let started = Instant::now();
    let answer = reqwest::text_of(client, url).await?;
    ensure!(answer == expected, "{url} answered {answer:?} instead of {expected:?}");
    Ok(started.elapsed().as_secs_f64())
}
