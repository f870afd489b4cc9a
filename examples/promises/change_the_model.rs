//! Changing the model is changing one value.
//!
//! `change_the_model threads:8` counts primes and fetches pages with eight threads, and so on for
//! each name that `Model::possible` lists; without an argument it does it with several. The results
//! are the same; only the time is not.

use std::time::{Duration, Instant};

use examples::{Options, Site};
use manyhands::http::{HttpError, Session};
use manyhands::{AnyExecutor, ExecutorExt, InProcess, TaskError};

/// A plain function: what every executor can run, wherever its workers are.
fn count_primes((from, until): (u64, u64)) -> u64 {
    let is_prime =
        |n: &u64| *n > 1 && (2..).take_while(|d| d * d <= *n).all(|d| !n.is_multiple_of(d));
    (from..until).filter(is_prime).count() as u64
}

/// A future: what every executor can run whose workers share this memory.
async fn size(session: Session, url: String) -> Result<u64, HttpError> {
    Ok(session.get(url).await?.error_for_status()?.body_length())
}

fn work(executor: &AnyExecutor, urls: &[String], pause: Duration) -> anyhow::Result<(u64, u64)> {
    // Submitted first, so that the fetching goes on while the primes are counted.
    let session = Session::new();
    let sizes: Vec<_> =
        urls.iter().map(|url| executor.spawn_async(size(session.clone(), url.clone()))).collect();
    let step = 1000;
    let pieces = (0..20).map(|piece| (piece * step, (piece + 1) * step));
    let primes = executor.map(count_primes, pieces).sum::<Result<u64, TaskError>>()?;
    let mut bytes = 0;
    for size in sizes {
        bytes += size.result()??;
    }
    // A plain function that waits is fine under every model too.
    executor.for_each(manyhands::sleep, [pause, pause])?;
    Ok((primes, bytes))
}

pub(crate) fn main() -> anyhow::Result<()> {
    let (options, mut models) = Options::with_words()?;
    if models.is_empty() {
        models = ["sequential", "threads:4", "async:12"].map(str::to_owned).into();
    }
    let urls = Site::start(options.scale())?.front_pages();
    for model in models {
        let executor: AnyExecutor = model.parse()?;
        let start = Instant::now();
        let (primes, bytes) = work(&executor, &urls, options.scaled(0.1))?;
        let took = start.elapsed().as_secs_f64();
        println!("{model:12} {primes} primes, {bytes} bytes, {took:.3} s");
    }
    Ok(())
}
