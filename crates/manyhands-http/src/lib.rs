//! HTTP from threads, coroutines and async code alike.
//!
//! A [`Session`] is a client (HTTP/1.1 and HTTP/2, TLS, gzip, brotli and zstd, cookies, redirects,
//! proxies) whose requests are sent in blocking style ([`Fetch::send`]) or awaited, from anywhere:
//! the reactor of wherever the caller waits drives them, and no hidden thread. Many requests go
//! through [`Session::map`], driven by the calling thread alone, or through [`Session::map_on`] on
//! any executor: the same client under every model, so that comparing models compares the models.
//!
//! ```no_run
//! let response = manyhands_http::get("https://example.org/")?;
//! println!("{} after {:?}", response.status(), response.elapsed());
//! println!("{}", response.text());
//! # Ok::<(), manyhands_http::HttpError>(())
//! ```
//!
//! Failures are [`HttpError`]s: their text has the URL, the phase and the cause, and
//! [`kind`](HttpError::kind) tells them apart. A response with an error status is a response.
//!
//! The session retries ([`SessionBuilder::retries`]), limits requests per host
//! ([`SessionBuilder::per_host`]) and honours `Retry-After`. Host names are looked up by the
//! system's resolver on a blocking thread of tokio, once for all who ask together.

#![forbid(unsafe_code)]

mod attempt;
mod classify;
mod client;
mod error;
mod exchange;
mod fetch;
mod flights;
mod hosts;
mod map;
mod map_on;
mod options;
mod phase;
mod request;
mod resolver;
mod response;
mod retry;
mod session;
mod sink;
mod tls;

use std::sync::LazyLock;

pub use error::{HttpError, HttpErrorKind, Phase};
pub use fetch::{Download, Fetch, Sending};
pub use http::{HeaderMap, Method, StatusCode, Version};
pub use manyhands_executor::RetryPolicy;
pub use options::SessionBuilder;
pub use request::Request;
pub use response::{Head, Response};
pub use session::Session;
pub use url::Url;

static DEFAULT: LazyLock<Session> = LazyLock::new(Session::new);

/// Sends a GET request and waits for the response, in a session that the whole program shares.
///
/// # Errors
/// As [`Fetch::send`].
#[track_caller]
pub fn get(url: impl Into<String>) -> Result<Response, HttpError> {
    DEFAULT.get(url).send()
}

/// Sends many requests, at most `size` under way at a time, and collects what comes of each in the
/// order of the list, in a session that the whole program shares. See [`Session::map`].
pub fn map<I>(requests: I, size: usize) -> Vec<Result<Response, HttpError>>
where
    I: IntoIterator<Item: Into<Request>>,
{
    DEFAULT.map(requests, size).collect()
}
