//! The session: what requests have in common, and where they start.

use std::fmt;
use std::sync::Arc;

use crate::client::Clients;
use crate::fetch::Fetch;
use crate::hosts::Hosts;
use crate::options::{Options, SessionBuilder};
use crate::request::Request;

/// What many requests have in common: connections that are kept alive, cookies, headers, limits,
/// patience. The same client under every model.
///
/// A session is used from any thread, any coroutine and any async task at once; clones are the same
/// session. In blocking code a request is sent with [`send`](Fetch::send), in async code it is
/// awaited:
///
/// ```no_run
/// use manyhands_http::{HttpError, Session};
///
/// fn blocking(session: &Session) -> Result<String, HttpError> {
///     let response = session.get("https://example.org/").send()?;
///     Ok(response.text().into_owned())
/// }
///
/// async fn asynchronous(session: &Session) -> Result<String, HttpError> {
///     let response = session.get("https://example.org/").await?;
///     Ok(response.text().into_owned())
/// }
/// ```
///
/// A runtime of your own that requests are awaited in needs its I/O and its timers enabled
/// (`Builder::enable_all`); without, tokio panics.
///
/// # Connections
///
/// A connection belongs to the runtime that it was made in: each thread that sends requests in
/// blocking style has connections of its own, as Python's `requests` needs a session per thread;
/// all tasks of an async runtime share theirs. Limits per host, pauses that a server asks for,
/// cookies and looked-up names are shared by all. A connection of a thread stands still while the
/// thread does not wait, and is closed when the thread ends; a server that closes it in between is
/// noticed at the next request, which then takes a fresh one.
#[derive(Clone)]
#[doc(alias = "requests.Session")]
#[doc(alias = "aiohttp.ClientSession")]
pub struct Session {
    shared: Arc<Shared>,
}

/// What the clones of a session share.
pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) hosts: Hosts,
    pub(crate) clients: Clients,
}

impl Session {
    /// A session as [`SessionBuilder`] has it by default.
    pub fn new() -> Session {
        Session::with(Options::default())
    }

    /// Begins to set up a session.
    pub fn builder() -> SessionBuilder {
        SessionBuilder::default()
    }

    pub(crate) fn with(options: Options) -> Session {
        let hosts = Hosts::new(options.per_host);
        let clients = Clients::new(&options);
        Session { shared: Arc::new(Shared { options, hosts, clients }) }
    }

    pub(crate) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    /// A request, ready to be sent.
    pub fn request(&self, request: impl Into<Request>) -> Fetch {
        Fetch::new(self.shared(), request.into())
    }

    /// A GET request.
    pub fn get(&self, url: impl Into<String>) -> Fetch {
        self.request(Request::get(url))
    }

    /// A HEAD request.
    pub fn head(&self, url: impl Into<String>) -> Fetch {
        self.request(Request::head(url))
    }

    /// A POST request.
    pub fn post(&self, url: impl Into<String>) -> Fetch {
        self.request(Request::post(url))
    }

    /// A PUT request.
    pub fn put(&self, url: impl Into<String>) -> Fetch {
        self.request(Request::put(url))
    }

    /// A PATCH request.
    pub fn patch(&self, url: impl Into<String>) -> Fetch {
        self.request(Request::patch(url))
    }

    /// A DELETE request.
    pub fn delete(&self, url: impl Into<String>) -> Fetch {
        self.request(Request::delete(url))
    }
}

impl Default for Session {
    fn default() -> Session {
        Session::new()
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("clients", &self.shared.clients.len()).finish()
    }
}
