//! Why a request has no response: one opaque error with a kind, a phase and the URL.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use http::StatusCode;

/// What sort of failure an [`HttpError`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HttpErrorKind {
    /// The URL cannot be parsed, or has a scheme other than `http` and `https`, or no host.
    InvalidUrl,
    /// The request cannot be made: a header or a body is not valid.
    InvalidRequest,
    /// The host's name could not be looked up.
    Dns,
    /// No connection could be made.
    Connect,
    /// The connection could not be secured, most often because of the server's certificate.
    Tls,
    /// A time limit of the request passed.
    Timeout,
    /// The server, or the network, broke the connection off before the end of the response.
    Disconnected,
    /// What the server sent is not HTTP.
    Protocol,
    /// There were too many redirects, or one leads nowhere.
    Redirect,
    /// The body is larger than the request allows.
    BodyTooLarge,
    /// The body could not be decompressed or decoded, or is not the JSON that was asked for.
    Decode,
    /// The response has an error status; only from
    /// [`Response::error_for_status`](crate::Response::error_for_status).
    Status,
    /// What the body was to be written to failed.
    Write,
    /// The task that ran the request was cancelled.
    Cancelled,
    /// The request could not be run: this place has no reactor, or the task that was to run it was
    /// rejected, panicked or lost.
    NotRun,
}

/// How far a request had come when it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// The request was being put together.
    Preparing,
    /// The host's name was being looked up.
    Resolving,
    /// The connection was being made and secured.
    Connecting,
    /// The request was being sent, or was sent and nothing had come back.
    Waiting,
    /// A redirect was being followed.
    Redirecting,
    /// The response's body was coming in.
    Receiving,
    /// The response was there and was being evaluated.
    Evaluating,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Phase::Preparing => "preparing the request",
            Phase::Resolving => "looking up the host",
            Phase::Connecting => "connecting",
            Phase::Waiting => "waiting for the response",
            Phase::Redirecting => "following redirects",
            Phase::Receiving => "receiving the body",
            Phase::Evaluating => "evaluating the response",
        })
    }
}

/// Why a request has no response, or a response not what was asked of it.
///
/// Its text has the URL, the phase and the cause: `http://a.example/: connecting: Connection
/// refused (os error 111)`. User name and password are left out of the URL.
pub struct HttpError {
    inner: Box<Inner>,
}

struct Inner {
    kind: HttpErrorKind,
    phase: Phase,
    url: String,
    message: String,
    attempts: u32,
    elapsed: Duration,
    status: Option<StatusCode>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl HttpError {
    /// What sort of failure it is.
    pub fn kind(&self) -> HttpErrorKind {
        self.inner.kind
    }

    /// How far the request had come.
    pub fn phase(&self) -> Phase {
        self.inner.phase
    }

    /// The URL that was asked for, without user name and password; as it was given, if it is none.
    pub fn url(&self) -> &str {
        &self.inner.url
    }

    /// What happened, in words, without URL and phase.
    pub fn message(&self) -> &str {
        &self.inner.message
    }

    /// How many times the request was tried, at least 1 once it was sent at all.
    pub fn attempts(&self) -> u32 {
        self.inner.attempts
    }

    /// How long it took to fail, pauses between attempts included.
    pub fn elapsed(&self) -> Duration {
        self.inner.elapsed
    }

    /// The status of the response, if there was one.
    pub fn status(&self) -> Option<StatusCode> {
        self.inner.status
    }

    /// Whether a time limit passed.
    pub fn is_timeout(&self) -> bool {
        self.kind() == HttpErrorKind::Timeout
    }

    /// Whether no connection could be made or secured: the server has not seen the request.
    pub fn is_connect(&self) -> bool {
        matches!(self.kind(), HttpErrorKind::Dns | HttpErrorKind::Connect | HttpErrorKind::Tls)
            || (self.is_timeout() && self.phase() <= Phase::Connecting)
    }

    pub(crate) fn new(
        kind: HttpErrorKind,
        phase: Phase,
        url: impl Into<String>,
        message: impl Into<String>,
    ) -> HttpError {
        HttpError {
            inner: Box::new(Inner {
                kind,
                phase,
                url: url.into(),
                message: message.into(),
                attempts: 0,
                elapsed: Duration::ZERO,
                status: None,
                source: None,
            }),
        }
    }

    pub(crate) fn caused_by(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.inner.source = Some(source.into());
        self
    }

    pub(crate) fn with_status(mut self, status: StatusCode) -> Self {
        self.inner.status = Some(status);
        self
    }

    pub(crate) fn after(mut self, attempts: u32, elapsed: Duration) -> Self {
        self.inner.attempts = attempts;
        self.inner.elapsed = elapsed;
        self
    }
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.url(), self.phase(), self.message())?;
        match self.attempts() {
            0 | 1 => Ok(()),
            attempts => write!(f, " (after {attempts} attempts)"),
        }
    }
}

impl fmt::Debug for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpError")
            .field("kind", &self.kind())
            .field("phase", &self.phase())
            .field("url", &self.url())
            .field("message", &self.message())
            .field("attempts", &self.attempts())
            .field("status", &self.status())
            .field("source", &self.inner.source)
            .finish_non_exhaustive()
    }
}

impl Error for HttpError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.inner.source.as_deref().map(|source| source as _)
    }
}
