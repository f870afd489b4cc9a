//! E7: `apply_async` with a callback, `close`, `join`.
//!
//! Follows the part of the crawler with `multiprocessing.Pool(3)`: `p.apply_async(get_page,
//! args=(url,), callback=parse_page)` for five URLs, `p.close()`, `p.join()`. Its output is that of the
//! same crawler with `ProcessPoolExecutor` (E4), and it is one line for each URL with its size.
//!
//! Better here: there is one pool for both. A callback for values is `on_value` (the page comes
//! without a future around it, as there), one for errors is `on_error`; `close` and `join` are two ways
//! of `shutdown`. What comes after `close` is a failed task that says so. There, a page that cannot be
//! fetched and has no `error_callback` is never heard of.
//!
//! URLs may be given as arguments; without any, a local site is fetched.

use std::process::id;

use examples::{Options, Site};
use manyhands::{Bytes, Executor, ExecutorExt, ProcessPool, Shutdown, http};

type Page = (String, Bytes);

/// Panics if there is no such page, as the original does.
fn get_page(url: String) -> Page {
    println!("<进程{}> get {url}", id());
    let response = http::get(&*url).and_then(http::Response::error_for_status);
    match response {
        Ok(response) => (url, response.into_bytes().into()),
        Err(error) => panic!("{error}"),
    }
}

fn parse_page((url, text): &Page) {
    println!("<进程{}> parse {url}", id());
    println!("url:<{url}> size:[{}]", text.len());
}

pub(crate) fn main() -> anyhow::Result<()> {
    let (options, mut urls) = Options::with_words()?;
    if urls.is_empty() {
        urls = Site::start(options.scale())?.front_pages().into_iter().take(5).collect();
    }
    let pool = ProcessPool::new(3)?;
    for url in urls.clone() {
        let task = pool.submit(get_page, url);
        task.on_value(parse_page);
        task.on_error(|error| println!("{}", error.message()));
    }
    pool.shutdown(Shutdown::DETACH); // close
    for late in urls.into_iter().take(1) {
        pool.submit(get_page, late).on_error(|error| println!("too late: {error}"));
    }
    pool.shutdown(Shutdown::WAIT); // join
    println!("joined");
    Ok(())
}
