//! H1: pages fetched by coroutines, one for each, in one thread.
//!
//! Follows the program that patches everything and calls `requests.get` in a greenlet for each of
//! three URLs: all are fetched at the same time.
//!
//! Better here: nothing is patched. `Session::get(…).send()` waits wherever it is called; in a
//! coroutine it suspends that coroutine.
//!
//! URLs may be given as arguments; without any, fifty pages of a local site are fetched.

use std::time::Instant;

use examples::{Options, Site};
use manyhands::http::{HttpError, Session};
use manyhands::{spawn_local, wait_all};

fn task(session: &Session, url: &str) -> Result<u64, HttpError> {
    let response = session.get(url).send()?;
    println!("{}", response.status().as_u16());
    Ok(response.body_length())
}

pub(crate) fn main() -> anyhow::Result<()> {
    let (options, mut urls) = Options::with_words()?;
    let mut site = None;
    if urls.is_empty() {
        urls = site.insert(Site::start(options.scale())?).numbered_pages();
    }
    let session = Session::new();
    let start = Instant::now();
    let tasks: Vec<_> = urls
        .into_iter()
        .map(|url| {
            let session = session.clone();
            spawn_local(move || task(&session, &url))
        })
        .collect();
    wait_all(&tasks);
    let took = start.elapsed();

    let pages = tasks.len();
    let mut bytes = 0;
    for task in tasks {
        bytes += task.result()??;
    }
    println!("{pages} pages, {bytes} bytes, in {:.2} s", took.as_secs_f64());
    if let Some(site) = site {
        println!("fetched at a time, at most: {}", site.peak());
    }
    Ok(())
}
