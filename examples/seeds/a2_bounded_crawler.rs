//! A2: a bound on how many pages a crawler fetches at a time.
//!
//! Follows the program that fetches fifty pages with aiohttp under `asyncio.Semaphore(10)`. The
//! bound is the pool's size here; `Semaphore` itself comes later.
//!
//! Better here: one session for all pages, so that connections are kept alive (the original makes
//! one per request), and no task exists before there is room for it.
//!
//! URLs may be given as arguments; without any, a local site is fetched.

use std::time::Instant;

use examples::{Options, Site};
use manyhands::http::{HttpError, Session};
use manyhands::{AsyncPool, as_completed};

async fn crawl(session: Session, url: String) -> Result<(), HttpError> {
    let response = session.get(&*url).await?.error_for_status()?;
    println!("craw url:{url} {}", response.text().chars().count());
    Ok(())
}

pub(crate) fn main() -> anyhow::Result<()> {
    let (options, mut urls) = Options::with_words()?;
    let site = Site::start(options.scale())?;
    if urls.is_empty() {
        urls = site.numbered_pages();
    }
    let session = Session::new();
    let ten_at_a_time = AsyncPool::new(10)?;

    let start = Instant::now();
    let tasks: Vec<_> = urls
        .into_iter()
        .map(|url| ten_at_a_time.spawn_async(crawl(session.clone(), url)))
        .collect();
    for task in as_completed(tasks) {
        task.result()??;
    }
    println!("use time second: {:.3}", start.elapsed().as_secs_f64());
    println!("at most {} at a time", ten_at_a_time.statistics().in_flight_peak);
    println!("the site saw at most {} at a time", site.peak());
    Ok(())
}
