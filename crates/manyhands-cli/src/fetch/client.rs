//! How the command fetches, as data that can be sent to other processes, and the session that is made
//! of it.

use std::time::Duration;

use manyhands::http::{HttpError, RetryPolicy, Session};
use serde::{Deserialize, Serialize};

use super::args::FetchArgs;

/// What the arguments say of every request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ClientOptions {
    attempts: u32,
    timeout: Option<Duration>,
    per_host: Option<u16>,
    headers: Vec<(String, String)>,
}

impl ClientOptions {
    /// Those of the arguments.
    pub(crate) fn of(args: &FetchArgs) -> ClientOptions {
        ClientOptions {
            attempts: u32::from(args.retries) + 1,
            timeout: args.timeout,
            per_host: args.per_host,
            headers: args.headers.clone(),
        }
    }

    /// A session that fetches like this.
    ///
    /// # Errors
    /// If a header cannot be sent.
    pub(crate) fn session(&self) -> Result<Session, HttpError> {
        let mut session = Session::builder()
            // One site's answer has no business in another request of the list.
            .cookies(false)
            .retries(RetryPolicy::new(self.attempts));
        if let Some(limit) = self.timeout {
            session = session.timeout(limit);
        }
        if let Some(limit) = self.per_host {
            session = session.per_host(limit.into());
        }
        for (name, value) in &self.headers {
            session = session.header(name, value);
        }
        session.build()
    }
}
