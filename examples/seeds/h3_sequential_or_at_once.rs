//! H3: twenty-four small pages one after the other, and all at once.
//!
//! Follows the program that runs `grequests.map` and a loop of `requests.get` under cProfile: 0.132 s
//! against 1.149 s there, and the remark that such work gains a factor of five at least. `manyhands
//! compare --workload json` has the same experiment with medians and a picture.
//!
//! Better here: `map` runs them all on the calling thread, without a patched socket module and
//! without a thread for each.
//!
//! URLs may be given as arguments; without any, a local site is fetched.

use std::time::{Duration, Instant};

use examples::{Options, Site};
use manyhands::http::{HttpError, Response, Session};

fn haha(urls: &[String]) -> Result<Vec<Response>, HttpError> {
    Session::new().map(urls, urls.len()).collect()
}

fn hehe(urls: &[String]) -> Result<Vec<Response>, HttpError> {
    let session = Session::new();
    urls.iter().map(|url| session.get(url).send()).collect()
}

fn timed<T>(run: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    (run(), start.elapsed())
}

pub(crate) fn main() -> anyhow::Result<()> {
    let (options, mut urls) = Options::with_words()?;
    if urls.is_empty() {
        urls = Site::start(options.scale())?.hourly_pages();
    }
    let (at_once, haha_took) = timed(|| haha(&urls));
    println!("{:.3} haha", haha_took.as_secs_f64());
    let (in_sequence, hehe_took) = timed(|| hehe(&urls));
    println!("{:.3} hehe", hehe_took.as_secs_f64());

    let same = at_once?.iter().zip(&in_sequence?).all(|(one, other)| one.bytes() == other.bytes());
    println!("{} pages, the same both times: {same}", urls.len());
    println!("{:.1} times as fast", hehe_took.as_secs_f64() / haha_took.as_secs_f64());
    Ok(())
}
