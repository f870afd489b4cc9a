//! A request: what to ask for, and with what patience.

use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use manyhands_executor::RetryPolicy;
use serde::Serialize;
use url::Url;

use crate::error::{HttpError, HttpErrorKind, Phase};

/// A request: what to ask for, and with what patience.
///
/// Everything that is not said here is as the [`Session`](crate::Session) has it. What is wrong
/// with it (the URL, a header) comes to light when it is sent, as an [`HttpError`] of its own, so
/// that a list of requests can be made without a look at each.
///
/// ```
/// use std::time::Duration;
/// use manyhands_http::Request;
///
/// let request = Request::get("https://api.example/items")
///     .query([("page", "2")])
///     .header("accept", "application/json")
///     .timeout(Duration::from_secs(5));
/// ```
#[derive(Debug, Clone)]
pub struct Request {
    pub(crate) method: Method,
    pub(crate) url: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Bytes>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) idle_timeout: Option<Duration>,
    pub(crate) retries: Option<RetryPolicy>,
    pub(crate) max_body: Option<u64>,
    /// What was wrong with the first wrong thing.
    flaw: Option<String>,
}

impl Request {
    /// A request with this method.
    pub fn new(method: Method, url: impl Into<String>) -> Request {
        Request {
            method,
            url: url.into(),
            query: Vec::new(),
            headers: HeaderMap::new(),
            body: None,
            timeout: None,
            idle_timeout: None,
            retries: None,
            max_body: None,
            flaw: None,
        }
    }

    /// A GET request.
    pub fn get(url: impl Into<String>) -> Request {
        Request::new(Method::GET, url)
    }

    /// A HEAD request.
    pub fn head(url: impl Into<String>) -> Request {
        Request::new(Method::HEAD, url)
    }

    /// A POST request.
    pub fn post(url: impl Into<String>) -> Request {
        Request::new(Method::POST, url)
    }

    /// A PUT request.
    pub fn put(url: impl Into<String>) -> Request {
        Request::new(Method::PUT, url)
    }

    /// A PATCH request.
    pub fn patch(url: impl Into<String>) -> Request {
        Request::new(Method::PATCH, url)
    }

    /// A DELETE request.
    pub fn delete(url: impl Into<String>) -> Request {
        Request::new(Method::DELETE, url)
    }

    /// Adds pairs to the URL's query, encoded.
    pub fn query<K, V>(mut self, pairs: impl IntoIterator<Item = (K, V)>) -> Request
    where
        K: Into<String>,
        V: Into<String>,
    {
        self.query.extend(pairs.into_iter().map(|(key, value)| (key.into(), value.into())));
        self
    }

    /// Sets a header, in place of one of that name in the session.
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<str>) -> Request {
        let (name, value) = (name.as_ref(), value.as_ref());
        match (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
            (Ok(name), Ok(value)) => {
                self.headers.insert(name, value);
            }
            (Err(_), _) => self.note(|| format!("{name:?} cannot be the name of a header")),
            (_, Err(_)) => self.note(|| {
                format!("the value of the header {name} has a character that none may have")
            }),
        }
        self
    }

    /// Sets headers, in place of those of the same names.
    pub fn headers(mut self, headers: HeaderMap) -> Request {
        for (name, value) in &headers {
            self.headers.insert(name, value.clone());
        }
        self
    }

    /// Says who asks, by a token (`Authorization: Bearer`). A user name and a password go into the
    /// URL: `https://name:password@host/`.
    pub fn bearer_auth(mut self, token: impl AsRef<str>) -> Request {
        match HeaderValue::from_str(&format!("Bearer {}", token.as_ref())) {
            Ok(mut value) => {
                value.set_sensitive(true);
                self.headers.insert(AUTHORIZATION, value);
            }
            Err(_) => self.note(|| "the token has a character that no header may have".into()),
        }
        self
    }

    /// Sets the body.
    pub fn body(mut self, body: impl Into<Bytes>) -> Request {
        self.body = Some(body.into());
        self
    }

    /// Makes `value`, as JSON, the body.
    pub fn json<T: Serialize + ?Sized>(mut self, value: &T) -> Request {
        match serde_json::to_vec(value) {
            Ok(body) => {
                self.body = Some(body.into());
                self.headers
                    .entry(CONTENT_TYPE)
                    .or_insert(HeaderValue::from_static("application/json"));
            }
            Err(error) => self.note(|| format!("the value cannot be written as JSON: {error}")),
        }
        self
    }

    /// Makes the pairs, encoded as an HTML form, the body.
    pub fn form<K, V>(mut self, pairs: impl IntoIterator<Item = (K, V)>) -> Request
    where
        K: AsRef<str>,
        V: AsRef<str>,
    {
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(pairs);
        self.body = Some(body.finish().into());
        self.headers
            .entry(CONTENT_TYPE)
            .or_insert(HeaderValue::from_static("application/x-www-form-urlencoded"));
        self
    }

    /// Limits one attempt, from looking up the host to the last byte of the body.
    pub fn timeout(mut self, limit: Duration) -> Request {
        self.timeout = Some(limit);
        self
    }

    /// Limits how long nothing at all may come from the server.
    pub fn idle_timeout(mut self, limit: Duration) -> Request {
        self.idle_timeout = Some(limit);
        self
    }

    /// Says how often to try, and with which pauses.
    pub fn retries(mut self, policy: RetryPolicy) -> Request {
        self.retries = Some(policy);
        self
    }

    /// Limits the body, after decompression, to so many bytes.
    pub fn max_body(mut self, bytes: u64) -> Request {
        self.max_body = Some(bytes);
        self
    }

    /// The URL as it was given.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The URL to ask for, with its query.
    pub(crate) fn target(&self) -> Result<Url, HttpError> {
        let invalid = |message: String| {
            HttpError::new(HttpErrorKind::InvalidUrl, Phase::Preparing, &self.url, message)
        };
        if let Some(flaw) = &self.flaw {
            let kind = HttpErrorKind::InvalidRequest;
            return Err(HttpError::new(kind, Phase::Preparing, self.shown(), flaw));
        }
        let mut url = match Url::parse(&self.url) {
            Ok(url) => url,
            Err(url::ParseError::RelativeUrlWithoutBase) => {
                let message = "the URL has no scheme; it starts with http:// or https://";
                return Err(invalid(message.into()));
            }
            Err(error) => return Err(invalid(format!("not a URL: {error}"))),
        };
        if !matches!(url.scheme(), "http" | "https") {
            let scheme = url.scheme();
            return Err(invalid(format!("the scheme {scheme} is neither http nor https")));
        }
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        Ok(url)
    }

    /// The URL as messages show it.
    pub(crate) fn shown(&self) -> String {
        shown_text(&self.url)
    }

    fn note(&mut self, flaw: impl FnOnce() -> String) {
        self.flaw.get_or_insert_with(flaw);
    }
}

impl From<&str> for Request {
    fn from(url: &str) -> Request {
        Request::get(url)
    }
}

impl From<String> for Request {
    fn from(url: String) -> Request {
        Request::get(url)
    }
}

impl From<&String> for Request {
    fn from(url: &String) -> Request {
        Request::get(url)
    }
}

impl From<Url> for Request {
    fn from(url: Url) -> Request {
        Request::get(url)
    }
}

impl From<&Url> for Request {
    fn from(url: &Url) -> Request {
        Request::get(url.as_str())
    }
}

/// What was given as a URL, as messages show it.
pub(crate) fn shown_text(url: &str) -> String {
    Url::parse(url).map_or_else(|_| url.to_owned(), |url| shown(&url))
}

/// The URL as messages show it: without user name and password.
pub(crate) fn shown(url: &Url) -> String {
    if url.username().is_empty() && url.password().is_none() {
        return url.as_str().to_owned();
    }
    let mut url = url.clone();
    // They fail for a URL that cannot have credentials, which then has none to hide.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_added_and_encoded() {
        let request = Request::get("http://a.example/x?y=1").query([("q", "ä b"), ("z", "&")]);
        assert_eq!(request.target().unwrap().as_str(), "http://a.example/x?y=1&q=%C3%A4+b&z=%26");
    }

    #[test]
    fn what_is_wrong_is_said_when_it_is_sent() {
        let kind = |request: Request| {
            let error = request.target().unwrap_err();
            (error.kind(), error.to_string())
        };
        let (kind_of, text) = kind(Request::get("a.example/x"));
        assert_eq!(kind_of, HttpErrorKind::InvalidUrl);
        assert!(text.contains("a.example/x: preparing the request: the URL has no scheme"));
        assert_eq!(kind(Request::get("ftp://a.example/")).0, HttpErrorKind::InvalidUrl);
        assert_eq!(kind(Request::get("http://")).0, HttpErrorKind::InvalidUrl);
        let (kind_of, text) =
            kind(Request::get("http://me:secret@a.example/").header("x y", "1").header("z", "\n"));
        assert_eq!(kind_of, HttpErrorKind::InvalidRequest);
        assert!(text.contains("\"x y\""), "the first flaw is the one reported: {text}");
        assert!(!text.contains("secret"), "{text}");
    }

    #[test]
    fn bodies_say_what_they_are() {
        let json = Request::post("http://a.example/").json(&[1, 2]);
        assert_eq!(json.body.as_deref(), Some(&b"[1,2]"[..]));
        assert_eq!(json.headers[CONTENT_TYPE], "application/json");
        let form = Request::post("http://a.example/").form([("a", "1 2"), ("b", "ä")]);
        assert_eq!(form.body.as_deref(), Some(&b"a=1+2&b=%C3%A4"[..]));
    }
}
