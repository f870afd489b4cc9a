//! From the client's errors to ours.

use std::error::Error;
use std::io;
use std::time::Duration;

use rustls::CertificateError;

use crate::error::{HttpError, HttpErrorKind, Phase};
use crate::phase::Track;
use crate::resolver::LookupFailed;

/// What went wrong before there was a response. `connect` is the client's limit for connecting.
pub(crate) fn before_response(
    error: reqwest::Error,
    url: &str,
    track: &Track,
    connect: Duration,
) -> HttpError {
    let mut causes = Causes::of(&error);
    let (kind, phase) = if causes.lookup {
        (HttpErrorKind::Dns, Phase::Resolving)
    } else if error.is_redirect() {
        (HttpErrorKind::Redirect, Phase::Redirecting)
    } else if causes.tls.is_some() {
        (HttpErrorKind::Tls, Phase::Connecting)
    } else if error.is_timeout() {
        if error.is_connect() && !causes.system {
            causes.root = format!("no connection within {connect:?}");
        }
        (HttpErrorKind::Timeout, track.phase())
    } else if error.is_connect() {
        (HttpErrorKind::Connect, Phase::Connecting)
    } else if error.is_builder() {
        (HttpErrorKind::InvalidRequest, Phase::Preparing)
    } else {
        (causes.break_off(), Phase::Waiting)
    };
    HttpError::new(kind, phase, url, causes.words(kind)).caused_by(error.without_url())
}

/// What went wrong while the body came in.
pub(crate) fn in_body(error: reqwest::Error, url: &str) -> HttpError {
    let causes = Causes::of(&error);
    let kind = if error.is_timeout() {
        HttpErrorKind::Timeout
    } else if causes.connection {
        causes.break_off()
    } else {
        HttpErrorKind::Decode
    };
    HttpError::new(kind, Phase::Receiving, url, causes.words(kind)).caused_by(error.without_url())
}

/// What there is in an error's chain of causes.
#[derive(Default)]
struct Causes {
    /// The host was not found.
    lookup: bool,
    /// TLS failed, perhaps for want of trust in whoever signed the certificate.
    tls: Option<Untrusted>,
    /// The connection itself failed, not what was made of its bytes.
    connection: bool,
    /// What came was not HTTP.
    garbage: bool,
    /// The operating system reported it.
    system: bool,
    /// The text of the innermost cause.
    root: String,
}

#[derive(PartialEq)]
enum Untrusted {
    Signer,
    Other,
}

impl Causes {
    fn of(error: &(dyn Error + 'static)) -> Causes {
        let mut causes = Causes::default();
        let mut next = Some(error);
        while let Some(error) = next {
            causes.look_at(error);
            let io = error.downcast_ref::<io::Error>();
            next = match io.and_then(io::Error::get_ref) {
                // An I/O error's `source` passes over the error that is directly in it.
                Some(inner) => Some(inner),
                None => error.source(),
            };
        }
        causes
    }

    fn look_at(&mut self, error: &(dyn Error + 'static)) {
        self.root = error.to_string();
        self.lookup |= error.is::<LookupFailed>();
        let io = error.downcast_ref::<io::Error>();
        self.system |= io.is_some_and(|error| error.raw_os_error().is_some());
        if let Some(error) = error.downcast_ref::<hyper::Error>() {
            self.connection = true;
            self.garbage |= error.is_parse();
        }
        if let Some(error) = error.downcast_ref::<rustls::Error>() {
            let signer = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
            let why = if *error == signer { Untrusted::Signer } else { Untrusted::Other };
            self.tls = Some(why);
        }
    }

    /// How the connection broke off.
    fn break_off(&self) -> HttpErrorKind {
        if self.garbage { HttpErrorKind::Protocol } else { HttpErrorKind::Disconnected }
    }

    fn words(&self, kind: HttpErrorKind) -> String {
        match (kind, &self.tls) {
            (HttpErrorKind::Tls, Some(Untrusted::Signer)) => {
                "the server's certificate is not signed by an authority that this machine trusts; \
                 if the server is yours, add its certificate to the session's root certificates"
                    .to_owned()
            }
            (HttpErrorKind::Protocol, _) => format!("the answer is not HTTP ({})", self.root),
            (HttpErrorKind::Decode, _) => {
                format!("the body cannot be decompressed: {}", self.root)
            }
            _ => self.root.clone(),
        }
    }
}
