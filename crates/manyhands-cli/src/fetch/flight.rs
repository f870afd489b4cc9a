//! One URL from the request to the record.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use manyhands::http::{HttpError, HttpErrorKind, Phase, Response, Session, Url};
use serde::{Deserialize, Serialize};

use super::record::Record;
use super::store::{Destination, Writer, is_failure};

/// Standard output is closed, so there is nobody left to fetch for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Closed;

impl From<Closed> for io::Error {
    fn from(_: Closed) -> io::Error {
        io::ErrorKind::BrokenPipe.into()
    }
}

/// Fetches one URL.
///
/// # Errors
/// Only [`Closed`].
pub(crate) async fn fetch(
    session: Session,
    url: Url,
    destination: Destination,
) -> Result<Record, Closed> {
    let request = session.get(url.as_str()).into_writer(destination.opener());
    match request.await {
        Ok((response, writer)) => Ok(received(url, &response, writer)),
        Err(error) if matches!(destination, Destination::Stdout) && is_closed(&error) => {
            Err(Closed)
        }
        Err(error) => Ok(failed(url, &error)),
    }
}

fn received(url: Url, response: &Response, writer: Option<Writer>) -> Record {
    let status = response.status();
    let mut record = Record {
        url: url.into(),
        status: Some(status.as_u16()),
        bytes: response.body_length(),
        elapsed: response.elapsed(),
        attempts: response.attempts(),
        path: None,
        error: None,
        reason: None,
    };
    if is_failure(status.as_u16()) {
        record.error = Some(format!("the status is {status}"));
        record.reason = Some(format!("status {}", status.as_u16()));
        return record;
    }
    match writer.map_or(Ok(None), Writer::finish) {
        Ok(path) => record.path = path.map(PathBuf::into_os_string),
        Err(error) => {
            record.error = Some(format!("the file cannot be given its name: {error}"));
            record.reason = Some("not stored".to_owned());
        }
    }
    record
}

fn failed(url: Url, error: &HttpError) -> Record {
    Record {
        url: url.into(),
        status: error.status().map(|status| status.as_u16()),
        bytes: 0,
        elapsed: error.elapsed(),
        attempts: error.attempts(),
        path: None,
        error: Some(format!("{}: {}", error.phase(), error.message())),
        reason: Some(reason(error)),
    }
}

/// What went wrong, in few words and without what is particular to one URL.
fn reason(error: &HttpError) -> String {
    let words = match error.kind() {
        HttpErrorKind::Dns => "host not found",
        HttpErrorKind::Connect => "no connection",
        HttpErrorKind::Tls => "no secure connection",
        HttpErrorKind::Disconnected => "connection broken off",
        HttpErrorKind::Protocol => "no HTTP",
        HttpErrorKind::Redirect => "redirects without end",
        HttpErrorKind::Decode => "damaged body",
        HttpErrorKind::Write => "not stored",
        HttpErrorKind::Timeout if error.phase() <= Phase::Connecting => "no connection in time",
        HttpErrorKind::Timeout => "no response in time",
        _ => "not sent",
    };
    words.to_owned()
}

fn is_closed(error: &HttpError) -> bool {
    error.kind() == HttpErrorKind::Write
        && error
            .source()
            .and_then(|source| source.downcast_ref::<io::Error>())
            .is_some_and(|source| source.kind() == io::ErrorKind::BrokenPipe)
}
