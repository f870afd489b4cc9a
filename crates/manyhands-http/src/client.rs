//! The HTTP client of a session: one per runtime, all with the same trust, cookies and look-ups.

use std::sync::{Arc, OnceLock};

use manyhands_io::PerRuntime;
use reqwest::cookie::Jar;
use reqwest::{Proxy, redirect};
use rustls::ClientConfig;

use crate::error::{HttpError, HttpErrorKind, Phase};
use crate::options::{Options, Proxying};
use crate::phase::Tracked;
use crate::resolver::Resolver;
use crate::tls::{self, Versions};

/// Makes the clients of one session.
///
/// A client's connections are served by tasks of the runtime that they were made in, and progress
/// only while that is turned. So there is a client for each runtime; what does not depend on one is
/// made once, which makes a client cheap.
pub(crate) struct Clients {
    clients: PerRuntime<Result<reqwest::Client, Arc<str>>>,
    tls: OnceLock<ClientConfig>,
    cookies: Option<Arc<Jar>>,
    resolver: Resolver,
}

impl Clients {
    pub(crate) fn new(options: &Options) -> Clients {
        Clients {
            clients: PerRuntime::new(),
            tls: OnceLock::new(),
            cookies: options.cookies.then(Arc::default),
            resolver: Resolver::default(),
        }
    }

    /// The client of the runtime in whose context the caller is.
    pub(crate) fn here(&self, options: &Options, url: &str) -> Result<reqwest::Client, HttpError> {
        let not_run = |why: &str| HttpError::new(HttpErrorKind::NotRun, Phase::Preparing, url, why);
        match self.clients.get_or_init(|| self.make(options)) {
            Some(Ok(client)) => Ok(client),
            Some(Err(why)) => Err(not_run(&why)),
            None => Err(not_run(
                "there is no tokio runtime here to drive the request: call `send` in blocking \
                 code, and `.await` it in a tokio runtime",
            )),
        }
    }

    /// How many runtimes have a client.
    pub(crate) fn len(&self) -> usize {
        self.clients.len()
    }

    fn make(&self, options: &Options) -> Result<reqwest::Client, Arc<str>> {
        let tls = self.tls.get_or_init(|| tls::config(options.versions, &options.trust));
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls.clone())
            .dns_resolver(self.resolver.clone())
            .connector_layer(Tracked)
            .connect_timeout(options.connect_timeout)
            .default_headers(options.headers.clone())
            .redirect(match options.redirects {
                0 => redirect::Policy::none(),
                at_most => redirect::Policy::limited(at_most),
            });
        builder = match &options.proxying {
            Proxying::Environment => builder,
            Proxying::None => builder.no_proxy(),
            Proxying::Through(proxy) => builder.proxy(Proxy::all(proxy).map_err(words)?),
        };
        builder = match options.versions {
            Versions::Negotiated => builder,
            Versions::Http1 => builder.http1_only(),
            Versions::Http2 => builder.http2_prior_knowledge(),
        };
        if let Some(cookies) = &self.cookies {
            builder = builder.cookie_provider(Arc::clone(cookies));
        }
        builder.build().map_err(words)
    }
}

fn words(error: reqwest::Error) -> Arc<str> {
    format!("the HTTP client cannot be made: {error}").into()
}
