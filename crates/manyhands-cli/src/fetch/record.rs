//! What became of one URL, for people and for programs.

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use crate::units::{mebibytes, seconds};

/// What became of one URL.
#[derive(Debug, Serialize)]
pub(crate) struct Record {
    /// The URL as it was given; of a wrong line its text.
    pub url: String,
    /// The status of the response, if there was one.
    pub status: Option<u16>,
    /// How many bytes of body came, after decompression.
    pub bytes: u64,
    /// How long it took, pauses between attempts included.
    #[serde(rename = "elapsed_s", serialize_with = "in_seconds")]
    pub elapsed: Duration,
    /// How many attempts were made; 0 if none.
    pub attempts: u32,
    /// The file with the body, if one was stored.
    pub path: Option<PathBuf>,
    /// What went wrong, if anything.
    pub error: Option<String>,
    /// The same in a word or two, to be counted by.
    #[serde(skip)]
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
            line.push_str(&format!("  → {}", path.display()));
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
        serde_json::to_string(self)
    }
}

/// A number of bytes with three digits and a unit.
pub(crate) fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} KiB", bytes as f64 / 1024.0),
        _ => mebibytes(bytes),
    }
}

fn in_seconds<S: serde::Serializer>(length: &Duration, out: S) -> Result<S::Ok, S::Error> {
    // Microseconds are as exact as this is measured.
    out.serialize_f64((length.as_secs_f64() * 1e6).round() / 1e6)
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
