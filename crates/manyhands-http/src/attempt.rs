//! One attempt: send the request, look at the head of the response, take in the body.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::time::{Sleep, sleep_until};
use url::Url;

use crate::classify;
use crate::error::{HttpError, HttpErrorKind, Phase};
use crate::phase::Track;
use crate::request::Request;
use crate::response::Head;
use crate::sink::Sink;

/// The least speed of an upload that is put up with, in bytes a second.
const SLOWEST_UPLOAD: u64 = 64 << 10;
/// How many kept connections may turn out to be closed in a row before that is a failure.
const UNLUCKY: usize = 3;
/// A body that nobody wants is taken in up to this size and for this long, so that its connection
/// can be used again.
const WORTH_DRAINING: (u64, Duration) = (64 << 10, Duration::from_secs(1));

/// How long an attempt may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// In all.
    pub(crate) whole: Option<Duration>,
    /// Without a sign of life.
    pub(crate) idle: Duration,
    /// For the connection; kept by the client.
    pub(crate) connect: Duration,
}

/// What an attempt is made with.
#[derive(Clone, Copy)]
pub(crate) struct Attempt<'a> {
    pub(crate) client: &'a reqwest::Client,
    pub(crate) request: &'a Request,
    pub(crate) target: &'a Url,
    /// The URL for messages.
    pub(crate) shown: &'a str,
    pub(crate) patience: Patience,
}

impl<'a> Attempt<'a> {
    /// Sends the request and waits for the head of the response.
    pub(crate) async fn send(self) -> Result<Opened<'a>, HttpError> {
        let mut limits = Limits::new(self.patience);
        // A connection that the server has closed in the meantime is not taken for a live one.
        manyhands_io::catch_up().await;
        for _ in 0..UNLUCKY {
            let track = Track::new();
            match self.send_once(&mut limits, &track).await {
                Err(error) if self.met_a_closing_door(&error, &track) => {}
                sent => return sent.map(|(head, response)| self.opened(head, response, limits)),
            }
        }
        let (head, response) = self.send_once(&mut limits, &Track::new()).await?;
        Ok(self.opened(head, response, limits))
    }

    /// Whether the server closed a kept connection at the moment when the request was sent on it.
    /// That is not the request's fault, and one that may be repeated goes out again at once.
    fn met_a_closing_door(self, error: &HttpError, track: &Track) -> bool {
        error.kind() == HttpErrorKind::Disconnected
            && error.phase() == Phase::Waiting
            && !track.has_connected()
            && self.request.method.is_idempotent()
    }

    fn opened(self, head: Head, response: reqwest::Response, limits: Limits) -> Opened<'a> {
        Opened { head, response, limits, shown: self.shown }
    }

    async fn send_once(
        self,
        limits: &mut Limits,
        track: &Track,
    ) -> Result<(Head, reqwest::Response), HttpError> {
        let classified =
            |error| classify::before_response(error, self.shown, track, self.patience.connect);
        let request = self.build().map_err(classified)?;
        let upload = self.request.body.as_ref().map_or(0, |body| body.len() as u64);
        let extra = Duration::from_secs(upload / SLOWEST_UPLOAD);
        let sent = track.follow(self.client.execute(request));
        let mut response = match limits.keep(extra, sent).await {
            Ok(sent) => sent.map_err(classified)?,
            Err(limit) => return Err(limit.passed(track.phase(), self.shown)),
        };
        let head = Head {
            status: response.status(),
            version: response.version(),
            url: response.url().clone(),
            headers: std::mem::take(response.headers_mut()),
        };
        Ok((head, response))
    }

    fn build(self) -> reqwest::Result<reqwest::Request> {
        let method = self.request.method.clone();
        // Takes user name and password out of the URL and into a header.
        let mut builder = self.client.request(method, self.target.clone());
        if !self.request.headers.is_empty() {
            builder = builder.headers(self.request.headers.clone());
        }
        if let Some(body) = &self.request.body {
            builder = builder.body(body.clone());
        }
        builder.build()
    }
}

/// A response of which the body is still to come.
pub(crate) struct Opened<'a> {
    pub(crate) head: Head,
    response: reqwest::Response,
    limits: Limits,
    shown: &'a str,
}

impl Opened<'_> {
    /// Takes the body in, up to `at_most` bytes. Returns the head and the length of the body.
    pub(crate) async fn receive<S: Sink>(
        mut self,
        sink: &mut S,
        at_most: u64,
    ) -> Result<(Head, u64), HttpError> {
        let failed = |kind, message: String| {
            HttpError::new(kind, Phase::Receiving, self.shown, message)
                .with_status(self.head.status)
        };
        let too_large = |what: &str| {
            let message = format!("{what} the {at_most} bytes that `max_body` allows");
            failed(HttpErrorKind::BodyTooLarge, message)
        };
        let cannot_write = |error: std::io::Error| {
            let message = format!("the body cannot be written: {error}");
            failed(HttpErrorKind::Write, message).caused_by(error)
        };
        if let Some(length) = self.response.content_length().filter(|length| *length > at_most) {
            return Err(too_large(&format!("the body has {length} bytes, more than")));
        }
        sink.begin(&self.head).map_err(cannot_write)?;
        let mut length: u64 = 0;
        loop {
            let piece = match self.limits.keep(Duration::ZERO, self.response.chunk()).await {
                Ok(Ok(Some(piece))) => piece,
                Ok(Ok(None)) => break,
                Ok(Err(error)) => return Err(classify::in_body(error, self.shown)),
                Err(limit) => return Err(limit.passed(Phase::Receiving, self.shown)),
            };
            length = length.saturating_add(piece.len() as u64);
            if length > at_most {
                return Err(too_large("the body is longer than"));
            }
            sink.write(piece).map_err(cannot_write)?;
        }
        sink.end().map_err(cannot_write)?;
        Ok((self.head, length))
    }

    /// Takes in what is left if that is little, so that the connection can be used again.
    pub(crate) async fn drain(mut self) {
        let (at_most, time) = WORTH_DRAINING;
        if self.response.content_length().is_some_and(|length| length > at_most) {
            return;
        }
        let drained = async {
            let mut length = 0;
            while let Ok(Some(piece)) = self.response.chunk().await {
                length += piece.len() as u64;
                if length > at_most {
                    return;
                }
            }
        };
        // Either way nobody is interested in how it went.
        let _ = tokio::time::timeout(time, drained).await;
    }
}

/// The time limits of an attempt that has begun.
struct Limits {
    deadline: Option<Instant>,
    patience: Patience,
    /// One for all steps of the attempt. A limit that moves on leaves it as it is: when it fires
    /// too early it is set again, which few attempts live to see.
    timer: Option<Pin<Box<Sleep>>>,
}

/// A time limit that has passed.
enum Passed {
    Whole(Duration),
    Idle(Duration),
}

impl Limits {
    fn new(patience: Patience) -> Limits {
        let deadline = patience.whole.and_then(|whole| Instant::now().checked_add(whole));
        Limits { deadline, patience, timer: None }
    }

    /// Waits for `step` for as long as is allowed, and `extra` for what it has to carry.
    async fn keep<F: Future>(&mut self, extra: Duration, step: F) -> Result<F::Output, Passed> {
        let mut step = pin!(step);
        // Known once the step turns out not to be ready at once.
        let mut until = None;
        poll_fn(|cx| {
            if let Poll::Ready(output) = step.as_mut().poll(cx) {
                return Poll::Ready(Ok(output));
            }
            let until = *until.get_or_insert_with(|| self.until(extra));
            let Some(at) = until else { return Poll::Pending };
            ready!(self.poll_timer(at, cx));
            let passed = match self.patience.whole {
                Some(whole) if self.deadline == until => Passed::Whole(whole),
                _ => Passed::Idle(self.patience.idle.saturating_add(extra)),
            };
            Poll::Ready(Err(passed))
        })
        .await
    }

    /// When a step that begins now, and has `extra` to carry, must have ended.
    fn until(&self, extra: Duration) -> Option<Instant> {
        let idle = Instant::now().checked_add(self.patience.idle.saturating_add(extra));
        match (self.deadline, idle) {
            (Some(deadline), Some(idle)) => Some(deadline.min(idle)),
            (deadline, idle) => deadline.or(idle),
        }
    }

    /// Ready when it is `at` or later.
    fn poll_timer(&mut self, at: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let at = tokio::time::Instant::from_std(at);
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(at)));
        if timer.deadline() > at {
            timer.as_mut().reset(at);
        }
        ready!(timer.as_mut().poll(cx));
        while timer.deadline() < at {
            timer.as_mut().reset(at);
            ready!(timer.as_mut().poll(cx));
        }
        Poll::Ready(())
    }
}

impl Passed {
    fn passed(self, phase: Phase, shown: &str) -> HttpError {
        let message = match self {
            Passed::Whole(limit) => format!("the time limit of {limit:?} passed"),
            Passed::Idle(limit) => format!("nothing came for {limit:?}"),
        };
        HttpError::new(HttpErrorKind::Timeout, phase, shown, message)
    }
}
