//! H2: a list of requests, mapped five at a time, with the responses in order.
//!
//! Follows the program that makes a list of `grequests.get(url)` and calls
//! `grequests.map(requests, size=5)`, and the one after it that adds two ranges with the built-in
//! `map` and a lambda.
//!
//! Better here: a request that fails is an error in its place, with the URL and the cause, where
//! grequests has `None`; and `Session::map`, on which this rests, also takes an endless list.
//!
//! URLs may be given as arguments; without any, a local site is fetched.

use examples::{Options, Site};
use manyhands::http::{self, Request};
use manyhands::{ExecutorExt, Sequential};

pub(crate) fn main() -> anyhow::Result<()> {
    let (options, mut urls) = Options::with_words()?;
    if urls.is_empty() {
        urls = Site::start(options.scale())?.front_pages();
        urls.truncate(3);
    }
    let requests: Vec<Request> = urls.iter().map(Request::from).collect();
    let mut shown = Vec::new();
    for outcome in http::map(requests, 5) {
        shown.push(match outcome {
            Ok(response) => format!("<Response [{}]>", response.status().as_u16()),
            Err(error) => error.to_string(),
        });
    }
    println!("[{}]", shown.join(", "));

    let executor = Sequential::new();
    for sum in executor.map(|(x, y): (u32, u32)| x + y, (1..10).zip(2..11)) {
        println!("{}", sum?);
    }
    Ok(())
}
