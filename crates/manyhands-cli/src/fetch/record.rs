//! What became of one URL, for people and for programs.

use std::borrow::Cow;
use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::units::{mebibytes, seconds};

/// What became of one URL. It comes from where the URL was fetched, which may be another process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// The URL as it was given; of a wrong line its text.
    pub url: String,
    /// The status of the response, if there was one.
    pub status: Option<u16>,
    /// How many bytes of body came, after decompression.
    pub bytes: u64,
    /// How long it took, pauses between attempts included.
    pub elapsed: Duration,
    /// How many attempts were made; 0 if none.
    pub attempts: u32,
    /// The path of the file with the body, if one was stored.
    pub path: Option<OsString>,
    /// What went wrong, if anything.
    pub error: Option<String>,
    /// The same in a word or two, to be counted by.
    pub reason: Option<String>,
}

impl Record {
    /// The record of something that was never asked for.
    pub(crate) fn not_tried(url: String, error: String, reason: &str) -> Record {
        Record {
            url,
            status: None,
            bytes: 0,
            elapsed: Duration::ZERO,
            attempts: 0,
            path: None,
            error: Some(error),
            reason: Some(reason.to_owned()),
        }
    }

    /// Whether everything is as it should be.
    pub(crate) fn is_fine(&self) -> bool {
        self.error.is_none()
    }

    /// One line for people: status, size, time, URL, and what became of it.
    pub(crate) fn line(&self) -> String {
        let status = self.status.map_or("-".to_owned(), |status| status.to_string());
        let url = &self.url;
        let took = seconds(self.elapsed.as_secs_f64());
        let mut line = format!("{status:>3}  {:>10}  {took:>9}  {url}", size(self.bytes));
        if self.attempts > 1 {
            line.push_str(&format!("  ({} attempts)", self.attempts));
        }
        if let Some(path) = &self.path {
            line.push_str(&format!("  → {}", Path::new(path).display()));
        }
        if let Some(error) = &self.error {
            line.push_str(&format!("  {error}"));
        }
        line
    }

    /// One line for programs: an object.
    ///
    /// # Errors
    /// None that is known: there is nothing in a record that JSON cannot say.
    pub(crate) fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string(&RecordObject {
            url: &self.url,
            status: self.status,
            bytes: self.bytes,
            // Microseconds are as exact as this is measured.
            elapsed_s: (self.elapsed.as_secs_f64() * 1e6).round() / 1e6,
            attempts: self.attempts,
            path: self.path.as_deref().map(|path| path.to_string_lossy()),
            error: self.error.as_deref(),
        })
    }
}

/// A record as programs read it.
#[derive(Debug, Serialize)]
struct RecordObject<'a> {
    url: &'a str,
    status: Option<u16>,
    bytes: u64,
    elapsed_s: f64,
    attempts: u32,
    path: Option<Cow<'a, str>>,
    error: Option<&'a str>,
}

/// A number of bytes with three digits and a unit.
pub(crate) fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} KiB", bytes as f64 / 1024.0),
        _ => mebibytes(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_have_all_members_always() {
        let record = Record::not_tried("nonsense".into(), "stdin:3: is not a URL".into(), "x");
        assert_eq!(
            record.json().expect("a record is simple"),
            r#"{"url":"nonsense","status":null,"bytes":0,"elapsed_s":0.0,"attempts":0,"path":null,"error":"stdin:3: is not a URL"}"#
        );
    }

    #[test]
    fn lines_say_what_matters() {
        let record = Record {
            url: "http://a.example/".into(),
            status: Some(200),
            bytes: 2048,
            elapsed: Duration::from_millis(1234),
            attempts: 3,
            path: Some("pages/a.example".into()),
            error: None,
            reason: None,
        };
        assert_eq!(
            record.line(),
            "200     2.0 KiB    1.234 s  http://a.example/  (3 attempts)  → pages/a.example"
        );
    }
}
