//! TLS and HTTP/2.

use manyhands_http::{HttpErrorKind, Phase, Session, Version};

use crate::server::Server;

#[test]
fn a_certificate_nobody_vouches_for_is_refused_in_plain_words() {
    let server = Server::secure();
    let error = Session::new().get(server.url("/echo")).send().unwrap_err();
    assert_eq!((error.kind(), error.phase()), (HttpErrorKind::Tls, Phase::Connecting), "{error:?}");
    let text = error.to_string();
    assert!(
        text.contains("authority that this machine trusts") || text.contains("ca-certificates"),
        "{text}"
    );
    assert_eq!(server.requests(), 0);
}

#[test]
fn a_certificate_that_was_added_is_trusted_and_http_2_agreed_on() {
    let server = Server::secure();
    let session = Session::builder().root_certificates(&server.certificate).build().unwrap();
    let response = session.get(server.url("/echo")).send().unwrap();
    assert_eq!(response.version(), Version::HTTP_2);
    // HTTP/2 shares one connection between requests that are under way together.
    let urls: Vec<_> = (0..20).map(|_| server.url("/sleep/20")).collect();
    assert!(session.map(urls, 20).all(|outcome| outcome.unwrap().is_success()));
    assert_eq!(server.connections(), 1);
    assert!(server.most_under_way() > 1);
}

#[test]
fn a_certificate_for_another_name_is_refused() {
    let server = Server::secure();
    let session = Session::builder().root_certificates(&server.certificate).build().unwrap();
    let url = server.url("/echo").replace("localhost", "127.0.0.2");
    let error = session.get(url).send().unwrap_err();
    // Some machines have no second loopback address.
    assert!(matches!(error.kind(), HttpErrorKind::Tls | HttpErrorKind::Connect), "{error:?}");
}

#[test]
fn any_certificate_is_taken_where_that_is_asked_for() {
    let server = Server::secure();
    let session = Session::builder().accept_any_certificate(true).build().unwrap();
    assert!(session.get(server.url("/echo")).send().unwrap().is_success());
}

#[test]
fn the_version_can_be_chosen() {
    let server = Server::secure();
    let old = Session::builder().root_certificates(&server.certificate).http1_only();
    let response = old.build().unwrap().get(server.url("/echo")).send().unwrap();
    assert_eq!(response.version(), Version::HTTP_11);

    let plain = Server::plain();
    let new = Session::builder().http2_only().build().unwrap();
    assert_eq!(new.get(plain.url("/echo")).send().unwrap().version(), Version::HTTP_2);
}

#[test]
fn plain_http_where_tls_is_expected_fails_while_connecting() {
    let server = Server::plain();
    let url = server.url("/echo").replace("http://", "https://");
    let error = Session::new().get(url).send().unwrap_err();
    assert_eq!((error.kind(), error.phase()), (HttpErrorKind::Tls, Phase::Connecting), "{error:?}");
}
