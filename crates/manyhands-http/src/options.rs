//! How a session is set up.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::header::USER_AGENT;
use http::{HeaderMap, HeaderName, HeaderValue};
use manyhands_executor::RetryPolicy;

use crate::error::{HttpError, HttpErrorKind, Phase};
use crate::response::Response;
use crate::session::Session;
use crate::tls::{self, Trust, Versions};

/// What is called with every response.
pub(crate) type Hook = Arc<dyn Fn(&Response) + Send + Sync>;

/// Where the requests of a session go through.
#[derive(Debug, Clone)]
pub(crate) enum Proxying {
    Environment,
    None,
    Through(String),
}

/// Everything that a session is set up with.
#[derive(Clone)]
pub(crate) struct Options {
    pub(crate) timeout: Option<Duration>,
    pub(crate) idle_timeout: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) retries: RetryPolicy,
    pub(crate) retry_any_method: bool,
    pub(crate) retry_after_limit: Duration,
    pub(crate) max_body: u64,
    pub(crate) per_host: Option<usize>,
    pub(crate) redirects: usize,
    pub(crate) cookies: bool,
    pub(crate) headers: HeaderMap,
    pub(crate) proxying: Proxying,
    pub(crate) versions: Versions,
    pub(crate) trust: Trust,
    pub(crate) hooks: Vec<Hook>,
}

impl Default for Options {
    fn default() -> Options {
        let mut headers = HeaderMap::new();
        let name = concat!("manyhands/", env!("CARGO_PKG_VERSION"));
        headers.insert(USER_AGENT, HeaderValue::from_static(name));
        Options {
            timeout: None,
            idle_timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(10),
            retries: RetryPolicy::new(1),
            retry_any_method: false,
            retry_after_limit: Duration::from_secs(120),
            max_body: 256 << 20,
            per_host: None,
            redirects: 10,
            cookies: true,
            headers,
            proxying: Proxying::Environment,
            versions: Versions::default(),
            trust: Trust::default(),
            hooks: Vec::new(),
        }
    }
}

/// Sets up a [`Session`]; made by [`Session::builder`].
///
/// ```
/// use std::time::Duration;
/// use manyhands_executor::RetryPolicy;
/// use manyhands_http::Session;
///
/// let session = Session::builder()
///     .timeout(Duration::from_secs(20))
///     .retries(RetryPolicy::new(4))
///     .per_host(8)
///     .header("accept-language", "en")
///     .build()?;
/// # Ok::<(), manyhands_http::HttpError>(())
/// ```
#[derive(Clone, Default)]
#[must_use = "call `build`"]
pub struct SessionBuilder {
    options: Options,
    flaw: Option<String>,
}

impl SessionBuilder {
    /// Limits one attempt, from looking up the host to the last byte of the body. Default: no
    /// limit, but see [`idle_timeout`](Self::idle_timeout).
    pub fn timeout(mut self, limit: Duration) -> SessionBuilder {
        self.options.timeout = Some(limit);
        self
    }

    /// Limits how long nothing at all may come from the server, before the response or in the
    /// middle of its body. While a request with a body is sent, there is a second more for each
    /// 64 KiB of it. Default: 30 s.
    pub fn idle_timeout(mut self, limit: Duration) -> SessionBuilder {
        self.options.idle_timeout = limit;
        self
    }

    /// Limits how long making and securing a connection may take, with looking up the host.
    /// Default: 10 s.
    pub fn connect_timeout(mut self, limit: Duration) -> SessionBuilder {
        self.options.connect_timeout = limit;
        self
    }

    /// Says how often to try, and with which pauses. Default: once.
    ///
    /// Tried again are requests whose method is idempotent (all but POST and PATCH), when there was
    /// no complete response (host not found, no connection, a time limit, connection broken off)
    /// or one with status 408, 425, 429, 500, 502, 503 or 504. A request that never reached the
    /// server is tried again whatever its method.
    ///
    /// `Retry-After` is honoured: the pause is then at least that long, and with 429 and 503 it
    /// holds back all requests of the session to that host.
    pub fn retries(mut self, policy: RetryPolicy) -> SessionBuilder {
        self.options.retries = policy;
        self
    }

    /// Whether requests of all methods are tried again. For servers that know a request that comes
    /// twice. Default: no.
    pub fn retry_any_method(mut self, yes: bool) -> SessionBuilder {
        self.options.retry_any_method = yes;
        self
    }

    /// The longest `Retry-After` to put up with: a response that asks for more is the final one.
    /// Default: 120 s.
    pub fn retry_after_limit(mut self, limit: Duration) -> SessionBuilder {
        self.options.retry_after_limit = limit;
        self
    }

    /// Limits bodies, after decompression, to so many bytes. Default: 256 MiB, and no limit where
    /// the body is written elsewhere.
    pub fn max_body(mut self, bytes: u64) -> SessionBuilder {
        self.options.max_body = bytes;
        self
    }

    /// Limits how many requests the session has under way to one host (scheme, name and port) at a
    /// time, over all threads; 0 counts as 1. A redirect counts for the host that it came from.
    /// Default: no limit.
    pub fn per_host(mut self, requests: usize) -> SessionBuilder {
        self.options.per_host = Some(requests.max(1));
        self
    }

    /// Follows at most so many redirects in a row; with 0 a redirect is the response. Default: 10.
    pub fn redirects(mut self, at_most: usize) -> SessionBuilder {
        self.options.redirects = at_most;
        self
    }

    /// Whether cookies are kept and sent back, for all requests of the session. Default: yes.
    pub fn cookies(mut self, yes: bool) -> SessionBuilder {
        self.options.cookies = yes;
        self
    }

    /// Sends this header with every request that does not set it.
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> SessionBuilder {
        let (name, value) = (name.as_ref(), value.as_ref());
        match (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
            (Ok(name), Ok(value)) => {
                self.options.headers.insert(name, value);
            }
            _ => self.note(format!("{name:?} with that value cannot be a header")),
        }
        self
    }

    /// Goes through this proxy (`http://host:port`). Default: as the environment variables
    /// `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` say.
    pub fn proxy(mut self, url: impl Into<String>) -> SessionBuilder {
        self.options.proxying = Proxying::Through(url.into());
        self
    }

    /// Goes through no proxy, whatever the environment says.
    pub fn no_proxy(mut self) -> SessionBuilder {
        self.options.proxying = Proxying::None;
        self
    }

    /// Speaks HTTP/1.1 only. Default: over TLS, HTTP/2 with servers that speak it.
    pub fn http1_only(mut self) -> SessionBuilder {
        self.options.versions = Versions::Http1;
        self
    }

    /// Speaks HTTP/2 only, also without TLS, to servers that are known to speak it.
    pub fn http2_only(mut self) -> SessionBuilder {
        self.options.versions = Versions::Http2;
        self
    }

    /// Trusts the authorities whose certificates are in this PEM text, besides those that the
    /// machine trusts.
    pub fn root_certificates(mut self, pem: impl AsRef<[u8]>) -> SessionBuilder {
        match tls::certificates(pem.as_ref()) {
            Ok(certificates) => self.options.trust.roots.extend(certificates),
            Err(flaw) => self.note(flaw),
        }
        self
    }

    /// Takes whoever answers for the server, whatever its certificate: anybody on the way can read
    /// and change everything. For tests. Default: no.
    pub fn accept_any_certificate(mut self, yes: bool) -> SessionBuilder {
        self.options.trust.anybody = yes;
        self
    }

    /// Calls `hook` with every response, on the thread that has it, before anybody else sees it.
    /// It must not block. Several are called in turn.
    pub fn on_response(mut self, hook: impl Fn(&Response) + Send + Sync + 'static) -> Self {
        self.options.hooks.push(Arc::new(hook));
        self
    }

    /// Makes the session. Connects to nothing.
    ///
    /// # Errors
    /// [`HttpErrorKind::InvalidRequest`] if a header, the proxy's URL or a certificate is not
    /// valid.
    pub fn build(self) -> Result<Session, HttpError> {
        let invalid = |url: &str, why: String| {
            Err(HttpError::new(HttpErrorKind::InvalidRequest, Phase::Preparing, url, why))
        };
        if let Some(flaw) = self.flaw {
            return invalid("session", flaw);
        }
        if let Proxying::Through(proxy) = &self.options.proxying
            && let Err(error) = reqwest::Proxy::all(proxy)
        {
            return invalid(proxy, format!("not the URL of a proxy: {error}"));
        }
        Ok(Session::with(self.options))
    }

    fn note(&mut self, flaw: String) {
        self.flaw.get_or_insert(flaw);
    }
}

impl fmt::Debug for SessionBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionBuilder").field("flaw", &self.flaw).finish_non_exhaustive()
    }
}
