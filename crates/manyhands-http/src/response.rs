//! A response: status, headers, body, and how it came about.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use encoding_rs::{Encoding, UTF_8};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, StatusCode, Version};
use serde::de::DeserializeOwned;
use url::Url;

use crate::error::{HttpError, HttpErrorKind, Phase};
use crate::request::shown;

/// What is known of a response before its body has come.
#[derive(Debug, Clone)]
pub struct Head {
    pub(crate) status: StatusCode,
    pub(crate) version: Version,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
}

impl Head {
    /// The status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The version of HTTP that was spoken.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The URL that answered: after redirects the last one.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The headers. Those that describe a compression are gone: the body is decompressed.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// A header as text; `None` if it is not there or not ASCII. Of several the first.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// How long the body will be, if the server says so and it is not compressed.
    pub fn content_length(&self) -> Option<u64> {
        self.header(CONTENT_LENGTH.as_str())?.parse().ok()
    }
}

/// A response with its body.
///
/// A response with an error status (404, 500) is a response like any other; ask
/// [`is_success`](Response::is_success), or turn it into an error with
/// [`error_for_status`](Response::error_for_status).
#[derive(Clone)]
pub struct Response {
    head: Head,
    body: Bytes,
    body_length: u64,
    attempts: u32,
    elapsed: Duration,
}

impl Response {
    pub(crate) fn new(head: Head, body: Bytes, body_length: u64) -> Response {
        Response { head, body, body_length, attempts: 1, elapsed: Duration::ZERO }
    }

    pub(crate) fn after(mut self, attempts: u32, elapsed: Duration) -> Response {
        self.attempts = attempts;
        self.elapsed = elapsed;
        self
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.head.status
    }

    /// Whether the status is one of success (200 to 299).
    pub fn is_success(&self) -> bool {
        self.head.status.is_success()
    }

    /// The version of HTTP that was spoken.
    pub fn version(&self) -> Version {
        self.head.version
    }

    /// The URL that answered: after redirects the last one.
    pub fn url(&self) -> &Url {
        &self.head.url
    }

    /// The headers. Those that describe a compression are gone: the body is decompressed.
    pub fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    /// A header as text; `None` if it is not there or not ASCII. Of several the first.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.header(name)
    }

    /// Status, headers and all else that came before the body.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The body, decompressed. Empty if it was written elsewhere.
    pub fn bytes(&self) -> &Bytes {
        &self.body
    }

    /// The body, decompressed, without a copy.
    pub fn into_bytes(self) -> Bytes {
        self.body
    }

    /// How many bytes the body had after decompression, wherever they went.
    pub fn body_length(&self) -> u64 {
        self.body_length
    }

    /// The body as text, in the character set that the server names, else UTF-8. What cannot be
    /// read becomes U+FFFD.
    pub fn text(&self) -> Cow<'_, str> {
        self.charset().decode(&self.body).0
    }

    /// The body, read as JSON.
    ///
    /// # Errors
    /// [`HttpErrorKind::Decode`] if it is not JSON of that shape.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, HttpError> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let message = format!("the body is not the JSON asked for: {error}");
            self.error(HttpErrorKind::Decode, message).caused_by(error)
        })
    }

    /// How many attempts it took, at least 1.
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// How long it took, from the first attempt to the last byte of the body, pauses between
    /// attempts included. Waiting for a place under the session's limit per host is not.
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// The response itself if its status is below 400.
    ///
    /// # Errors
    /// [`HttpErrorKind::Status`] otherwise, with the status.
    pub fn error_for_status(self) -> Result<Response, HttpError> {
        let status = self.status();
        if status.is_client_error() || status.is_server_error() {
            return Err(self.error(HttpErrorKind::Status, format!("the status is {status}")));
        }
        Ok(self)
    }

    fn error(&self, kind: HttpErrorKind, message: String) -> HttpError {
        HttpError::new(kind, Phase::Evaluating, shown(self.url()), message)
            .with_status(self.status())
            .after(self.attempts, self.elapsed)
    }

    fn charset(&self) -> &'static Encoding {
        self.header(CONTENT_TYPE.as_str())
            .and_then(|value| {
                value.split(';').skip(1).find_map(|parameter| {
                    let (name, label) = parameter.split_once('=')?;
                    name.trim().eq_ignore_ascii_case("charset").then_some(label)
                })
            })
            .and_then(|label| Encoding::for_label(label.trim().trim_matches('"').as_bytes()))
            .unwrap_or(UTF_8)
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status())
            .field("url", &shown(self.url()))
            .field("body_length", &self.body_length)
            .field("attempts", &self.attempts)
            .field("elapsed", &self.elapsed)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn response(status: u16, content_type: &'static str, body: &'static [u8]) -> Response {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        let head = Head {
            status: StatusCode::from_u16(status).unwrap(),
            version: Version::HTTP_11,
            url: "http://a.example/".parse().unwrap(),
            headers,
        };
        Response::new(head, Bytes::from_static(body), body.len() as u64)
    }

    #[test]
    fn text_is_read_in_its_character_set() {
        assert_eq!(response(200, "text/plain", "ä".as_bytes()).text(), "ä");
        assert_eq!(response(200, "text/plain; Charset=\"ISO-8859-1\"", b"\xe4").text(), "ä");
        assert_eq!(response(200, "text/plain; charset=none-such", b"a\xff").text(), "a\u{fffd}");
    }

    #[test]
    fn json_of_another_shape_is_an_error_that_says_so() {
        let response = response(200, "application/json", b"{\"a\": 1}");
        assert_eq!(response.json::<serde_json::Value>().unwrap()["a"], 1);
        let error = response.json::<Vec<u32>>().unwrap_err();
        assert_eq!(error.kind(), HttpErrorKind::Decode);
        assert!(error.to_string().starts_with("http://a.example/: evaluating"), "{error}");
    }

    #[test]
    fn statuses_from_400_on_are_errors_when_asked() {
        assert!(response(302, "", b"").error_for_status().is_ok());
        let error = response(404, "", b"").error_for_status().unwrap_err();
        assert_eq!(
            (error.kind(), error.status()),
            (HttpErrorKind::Status, Some(StatusCode::NOT_FOUND))
        );
    }
}
