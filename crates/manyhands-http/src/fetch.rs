//! A request at a session, ready to be sent: blocking, or awaited.

use std::fmt;
use std::future::IntoFuture;
use std::io::{self, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use manyhands_executor::RetryPolicy;
use manyhands_wait::TimedOut;
use serde::Serialize;

use crate::error::{HttpError, HttpErrorKind, Phase};
use crate::exchange::{self, RESPONSE};
use crate::request::Request;
use crate::response::{Head, Response};
use crate::session::Shared;

/// The future of a request.
pub type Sending<T> = Pin<Box<dyn Future<Output = Result<T, HttpError>> + Send>>;

/// A request at a session, ready to be sent: with [`send`](Fetch::send) from threads and
/// coroutines, with `.await` from async code.
///
/// ```no_run
/// # use manyhands_http::{HttpError, Session};
/// # use std::time::Duration;
/// # let session = Session::new();
/// let items: Vec<String> = session
///     .get("https://api.example/items")
///     .query([("page", "2")])
///     .timeout(Duration::from_secs(5))
///     .send()?
///     .error_for_status()?
///     .json()?;
/// # Ok::<(), HttpError>(())
/// ```
#[must_use = "nothing is sent before `send` or `.await`"]
pub struct Fetch {
    shared: Arc<Shared>,
    request: Request,
}

impl Fetch {
    pub(crate) fn new(shared: Arc<Shared>, request: Request) -> Fetch {
        Fetch { shared, request }
    }

    /// Adds pairs to the URL's query, encoded.
    pub fn query<K, V>(self, pairs: impl IntoIterator<Item = (K, V)>) -> Fetch
    where
        K: Into<String>,
        V: Into<String>,
    {
        self.with(|request| request.query(pairs))
    }

    /// Sets a header.
    pub fn header(self, name: impl AsRef<str>, value: impl AsRef<str>) -> Fetch {
        self.with(|request| request.header(name, value))
    }

    /// Sets headers.
    pub fn headers(self, headers: HeaderMap) -> Fetch {
        self.with(|request| request.headers(headers))
    }

    /// Says who asks, by a token.
    pub fn bearer_auth(self, token: impl AsRef<str>) -> Fetch {
        self.with(|request| request.bearer_auth(token))
    }

    /// Sets the body.
    pub fn body(self, body: impl Into<Bytes>) -> Fetch {
        self.with(|request| request.body(body))
    }

    /// Makes `value`, as JSON, the body.
    pub fn json<T: Serialize + ?Sized>(self, value: &T) -> Fetch {
        self.with(|request| request.json(value))
    }

    /// Makes the pairs, encoded as an HTML form, the body.
    pub fn form<K, V>(self, pairs: impl IntoIterator<Item = (K, V)>) -> Fetch
    where
        K: AsRef<str>,
        V: AsRef<str>,
    {
        self.with(|request| request.form(pairs))
    }

    /// Limits one attempt, from looking up the host to the last byte of the body.
    pub fn timeout(self, limit: Duration) -> Fetch {
        self.with(|request| request.timeout(limit))
    }

    /// Limits how long nothing at all may come from the server.
    pub fn idle_timeout(self, limit: Duration) -> Fetch {
        self.with(|request| request.idle_timeout(limit))
    }

    /// Says how often to try, and with which pauses.
    pub fn retries(self, policy: RetryPolicy) -> Fetch {
        self.with(|request| request.retries(policy))
    }

    /// Limits the body, after decompression, to so many bytes.
    pub fn max_body(self, bytes: u64) -> Fetch {
        self.with(|request| request.max_body(bytes))
    }

    /// Hands the body, piece by piece as it comes, to a writer instead of collecting it in memory.
    ///
    /// `open` makes the writer once the head of the response is there; with `None` the body is
    /// thrown away. It is called again if an attempt fails in the middle of the body and the next
    /// one starts it over. Writing happens on the thread that drives the request.
    ///
    /// ```no_run
    /// # use std::fs::File;
    /// # let session = manyhands_http::Session::new();
    /// let (response, _file) = session
    ///     .get("https://example.org/large")
    ///     .into_writer(|head| head.status().is_success().then(|| File::create("large")).transpose())
    ///     .send()?;
    /// println!("{} bytes", response.body_length());
    /// # Ok::<(), manyhands_http::HttpError>(())
    /// ```
    pub fn into_writer<F, W>(self, open: F) -> Download<F>
    where
        F: FnMut(&Head) -> io::Result<Option<W>> + Send + 'static,
        W: Write + Send + 'static,
    {
        Download { fetch: self, open }
    }

    /// Sends the request and waits for the response with its body.
    ///
    /// Works from every place where [`manyhands_io::wait`] does, and like it ends early, by
    /// unwinding, if the running task is cancelled or its deadline passes.
    ///
    /// # Errors
    /// [`HttpError`] if there is no complete response. A response with an error status is one.
    /// [`HttpErrorKind::NotRun`] in a task of a current-thread runtime, where only `.await` works.
    #[track_caller]
    pub fn send(self) -> Result<Response, HttpError> {
        check_place(&self.request)?;
        exchange::in_memory_blocking(self.shared, self.request)
    }

    fn with(mut self, change: impl FnOnce(Request) -> Request) -> Fetch {
        self.request = change(self.request);
        self
    }
}

impl IntoFuture for Fetch {
    type Output = Result<Response, HttpError>;
    type IntoFuture = Sending<Response>;

    fn into_future(self) -> Sending<Response> {
        Box::pin(exchange::in_memory(self.shared, self.request))
    }
}

impl fmt::Debug for Fetch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetch").field("request", &self.request).finish_non_exhaustive()
    }
}

/// A request whose body goes to a writer; made by [`Fetch::into_writer`].
///
/// Sent, it yields the response, without its body, and the writer, flushed, if there is one.
#[derive(Debug)]
#[must_use = "nothing is sent before `send` or `.await`"]
pub struct Download<F> {
    fetch: Fetch,
    open: F,
}

impl<F> Download<F> {
    /// Sends the request and waits until the body is written.
    ///
    /// # Errors
    /// As [`Fetch::send`], and [`HttpErrorKind::Write`] if `open` or the writer fails.
    #[track_caller]
    pub fn send<W>(self) -> Result<(Response, Option<W>), HttpError>
    where
        F: FnMut(&Head) -> io::Result<Option<W>> + Send + 'static,
        W: Write + Send + 'static,
    {
        check_place(&self.fetch.request)?;
        let sending = exchange::to_writer(self.fetch.shared, self.fetch.request, self.open);
        match manyhands_io::wait_for(&RESPONSE, None, sending) {
            Ok(outcome) => outcome,
            Err(TimedOut) => unreachable!("a wait without a limit does not time out"),
        }
    }
}

impl<F, W> IntoFuture for Download<F>
where
    F: FnMut(&Head) -> io::Result<Option<W>> + Send + 'static,
    W: Write + Send + 'static,
{
    type Output = Result<(Response, Option<W>), HttpError>;
    type IntoFuture = Sending<(Response, Option<W>)>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(exchange::to_writer(self.fetch.shared, self.fetch.request, self.open))
    }
}

fn check_place(request: &Request) -> Result<(), HttpError> {
    manyhands_io::prepare().map_err(|error| {
        let message = format!("the request cannot be driven here: {error}");
        HttpError::new(HttpErrorKind::NotRun, Phase::Preparing, request.shown(), message)
            .caused_by(error)
    })
}
