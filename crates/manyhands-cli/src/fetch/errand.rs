//! One URL fetched by a worker process: the function that runs there, and what it is given.

use std::io::{self, Write};
use std::sync::OnceLock;

use manyhands::http::{Session, Url};
use serde::{Deserialize, Serialize};

use super::client::ClientOptions;
use super::flight::{Closed, fetch};
use super::record::Record;
use super::store::Destination;

/// All that a worker needs to know.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Errand {
    /// How to fetch; the same for all errands of a process.
    pub options: ClientOptions,
    /// What.
    pub url: String,
    /// Where its body goes.
    pub destination: Destination,
}

/// Fetches the URL in this process, and returns what became of it.
///
/// # Errors
/// Only [`Closed`].
pub(crate) fn run_errand(errand: Errand) -> Result<Record, Closed> {
    let Errand { options, url, destination } = errand;
    let parsed = match Url::parse(&url) {
        Ok(parsed) => parsed,
        Err(error) => return Ok(Record::not_tried(url, error.to_string(), "not a URL")),
    };
    let session = match session(&options) {
        Ok(session) => session,
        Err(error) => return Ok(Record::not_tried(url, error, "not sent")),
    };
    let record = manyhands::wait(fetch(session, parsed, destination));
    // A worker ends without the clean-up that prints what is left at the end of a program. If nobody
    // reads any more, the fetching has met that already, or there was nothing left.
    let _ = io::stdout().flush();
    record
}

/// The one session of this process, so that connections are used again.
fn session(options: &ClientOptions) -> Result<Session, String> {
    static SESSION: OnceLock<Result<Session, String>> = OnceLock::new();
    let made = || options.session().map_err(|error| error.to_string());
    SESSION.get_or_init(made).clone()
}
