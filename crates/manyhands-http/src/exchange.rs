//! A whole exchange: turns, attempts, pauses.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use manyhands_io::drive;
use manyhands_wait::{Reason, TimedOut};
use url::Url;

use crate::attempt::{Attempt, Patience};
use crate::error::HttpError;
use crate::request::{Request, shown};
use crate::response::{Head, Response};
use crate::retry;
use crate::session::Shared;
use crate::sink::{Memory, Sink, Writer};

pub(crate) static RESPONSE: Reason = Reason::new("HTTP response");

/// Sends a request and collects the body in memory.
pub(crate) async fn in_memory(
    shared: Arc<Shared>,
    request: Request,
) -> Result<Response, HttpError> {
    // Some kilobytes, which whoever spawns this future would copy from place to place.
    let fetched = Box::pin(fetch(Arc::clone(&shared), request)).await?;
    Ok(fetched.response(&shared))
}

/// Sends a request and waits until the body is in memory.
///
/// The thread's reactor drives it all but for the session's hooks: they are the caller's code, and
/// may wait.
#[track_caller]
pub(crate) fn in_memory_blocking(
    shared: Arc<Shared>,
    request: Request,
) -> Result<Response, HttpError> {
    match drive(&RESPONSE, None, fetch(Arc::clone(&shared), request)) {
        Ok(fetched) => Ok(fetched?.response(&shared)),
        Err(TimedOut) => unreachable!("a wait without a limit does not time out"),
    }
}

/// What a request has fetched, before the hooks have seen it.
struct Fetched {
    received: Received,
    body: Bytes,
}

impl Fetched {
    fn response(self, shared: &Shared) -> Response {
        self.received.response(shared, self.body)
    }
}

async fn fetch(shared: Arc<Shared>, request: Request) -> Result<Fetched, HttpError> {
    let mut memory = Memory::default();
    let received = Exchange::new(&shared, &request)?.run(&mut memory).await?;
    Ok(Fetched { received, body: memory.into_bytes() })
}

/// Sends a request and hands the body to a writer.
pub(crate) async fn to_writer<F, W>(
    shared: Arc<Shared>,
    request: Request,
    open: F,
) -> Result<(Response, Option<W>), HttpError>
where
    F: FnMut(&Head) -> std::io::Result<Option<W>> + Send,
    W: std::io::Write + Send,
{
    let mut writer = Writer::new(open);
    let received = Exchange::new(&shared, &request)?.run(&mut writer).await?;
    Ok((received.response(&shared, Bytes::new()), writer.into_writer()))
}

/// One request on its way, with all its attempts.
struct Exchange<'a> {
    shared: &'a Shared,
    request: &'a Request,
    target: Url,
    shown: String,
    client: reqwest::Client,
}

/// How an exchange ended, if well.
struct Received {
    head: Head,
    length: u64,
    attempts: u32,
    elapsed: Duration,
}

impl Received {
    fn response(self, shared: &Shared, body: Bytes) -> Response {
        let response =
            Response::new(self.head, body, self.length).after(self.attempts, self.elapsed);
        shared.options.hooks.iter().for_each(|hook| hook(&response));
        response
    }
}

/// How one attempt ended.
enum Outcome {
    Received(Head, u64),
    Failed(HttpError),
    /// It is to be tried again, not before this time has passed.
    Again(Duration),
}

impl<'a> Exchange<'a> {
    fn new(shared: &'a Shared, request: &'a Request) -> Result<Exchange<'a>, HttpError> {
        let target = request.target()?;
        let shown = shown(&target);
        let client = shared.clients.here(&shared.options, &shown)?;
        Ok(Exchange { shared, request, target, shown, client })
    }

    async fn run<S: Sink>(self, sink: &mut S) -> Result<Received, HttpError> {
        let policy = self.request.retries.unwrap_or(self.shared.options.retries);
        let mut started = None;
        let mut attempts = 1;
        loop {
            let turn = self.shared.hosts.turn(&self.target).await;
            let started = *started.get_or_insert_with(Instant::now);
            let is_last = attempts >= policy.attempts();
            let outcome = self.attempt(sink, is_last).await;
            // The pause before the next attempt does not take up a place.
            drop(turn);
            match outcome {
                Outcome::Received(head, length) => {
                    let elapsed = started.elapsed();
                    return Ok(Received { head, length, attempts, elapsed });
                }
                Outcome::Failed(error) => return Err(error.after(attempts, started.elapsed())),
                Outcome::Again(at_least) => {
                    tokio::time::sleep(policy.delay(attempts).max(at_least)).await;
                }
            }
            attempts += 1;
        }
    }

    async fn attempt<S: Sink>(&self, sink: &mut S, is_last: bool) -> Outcome {
        let opened = match self.parameters().send().await {
            Ok(opened) => opened,
            Err(error) if !is_last && self.may_repeat(&error) => {
                return Outcome::Again(Duration::ZERO);
            }
            Err(error) => return Outcome::Failed(error),
        };
        if !is_last
            && self.is_repeatable()
            && retry::is_passing(opened.head.status)
            && let Some(pause) = self.pause(&opened.head)
        {
            opened.drain().await;
            return Outcome::Again(pause);
        }
        let limit = self.request.max_body;
        let limit = limit.unwrap_or_else(|| sink.limit(self.shared.options.max_body));
        match opened.receive(sink, limit).await {
            Ok((head, length)) => Outcome::Received(head, length),
            Err(error) if !is_last && self.may_repeat(&error) => Outcome::Again(Duration::ZERO),
            Err(error) => Outcome::Failed(error),
        }
    }

    fn parameters(&self) -> Attempt<'_> {
        let options = &self.shared.options;
        Attempt {
            client: &self.client,
            request: self.request,
            target: &self.target,
            shown: &self.shown,
            patience: Patience {
                whole: self.request.timeout.or(options.timeout),
                idle: self.request.idle_timeout.unwrap_or(options.idle_timeout),
                connect: options.connect_timeout,
            },
        }
    }

    /// How long the server wants to be left alone; `None` if that is too long. When the server is
    /// overloaded, the session leaves it alone altogether.
    fn pause(&self, head: &Head) -> Option<Duration> {
        let Some(pause) = retry::retry_after(&head.headers) else { return Some(Duration::ZERO) };
        if pause > self.shared.options.retry_after_limit {
            return None;
        }
        if matches!(head.status.as_u16(), 429 | 503) {
            self.shared.hosts.pause(&self.target, pause);
        }
        Some(pause)
    }

    fn is_repeatable(&self) -> bool {
        self.shared.options.retry_any_method || self.request.method.is_idempotent()
    }

    fn may_repeat(&self, error: &HttpError) -> bool {
        // What never reached the server does nothing twice.
        retry::may_pass(error) && (self.is_repeatable() || error.is_connect())
    }
}
