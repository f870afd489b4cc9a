//! A2: a bound on how many pages a crawler fetches at a time.
//!
//! Follows the program that fetches fifty pages with aiohttp under `asyncio.Semaphore(10)`: once
//! likewise, with fifty tasks that take turns at a `Semaphore`, and once with a pool of ten.
//!
//! Better here: one session for all pages, so that connections are kept alive (the original makes
//! one per request); and with the pool no task exists before there is room for it.
//!
//! URLs may be given as arguments; without any, a local site is fetched.

use std::sync::Arc;
use std::time::Instant;

use examples::{Options, Site};
use manyhands::http::{HttpError, Session};
use manyhands::sync::Semaphore;
use manyhands::{AsyncPool, Task, as_completed, spawn_async};

const AT_A_TIME: usize = 10;

async fn crawl(session: Session, url: String) -> Result<(), HttpError> {
    let response = session.get(&*url).await?.error_for_status()?;
    println!("craw url:{url} {}", response.text().chars().count());
    Ok(())
}

async fn crawl_in_turn(
    places: Arc<Semaphore>,
    session: Session,
    url: String,
) -> Result<(), HttpError> {
    let _place = places.acquire_async().await;
    crawl(session, url).await
}

/// Waits for all, and prints how long they took in all.
fn wait_for_all(
    how: &str,
    tasks: impl Iterator<Item = Task<Result<(), HttpError>>>,
) -> anyhow::Result<()> {
    let start = Instant::now();
    for task in as_completed(tasks.collect::<Vec<_>>()) {
        task.result()??;
    }
    println!("{how}: use time second: {:.3}", start.elapsed().as_secs_f64());
    Ok(())
}

pub(crate) fn main() -> anyhow::Result<()> {
    let (options, mut urls) = Options::with_words()?;
    let site = Site::start(options.scale())?;
    if urls.is_empty() {
        urls = site.numbered_pages();
    }
    let session = Session::new();

    let places = Arc::new(Semaphore::named("places at the site", AT_A_TIME));
    let in_turn = urls
        .iter()
        .map(|url| spawn_async(crawl_in_turn(Arc::clone(&places), session.clone(), url.clone())));
    wait_for_all("a semaphore", in_turn)?;
    println!("with a semaphore the site saw at most {} at a time", site.peak());

    let ten_at_a_time = AsyncPool::new(AT_A_TIME)?;
    let one_by_one =
        urls.into_iter().map(|url| ten_at_a_time.spawn_async(crawl(session.clone(), url)));
    wait_for_all("a pool of ten", one_by_one)?;
    println!("at most {} at a time", ten_at_a_time.statistics().in_flight_peak);
    println!("the site saw at most {} at a time", site.peak());
    Ok(())
}
