//! Peers that break the rules, and hosts that are not there.

use std::time::Duration;

use manyhands_http::{HttpError, HttpErrorKind, Phase, Session};
use tokio::io::AsyncWriteExt;

use crate::server::{Server, Then, accept, peer, read_head};

fn failure(url: impl Into<String>) -> HttpError {
    Session::new().get(url).send().unwrap_err()
}

fn assert_failed(error: &HttpError, kind: HttpErrorKind, phase: Phase, words: &str) {
    assert_eq!((error.kind(), error.phase()), (kind, phase), "{error:?}");
    let text = error.to_string();
    assert!(text.starts_with(error.url()), "{text}");
    assert!(text.contains(&phase.to_string()), "{text}");
    assert!(text.contains(words), "{text} does not say {words:?}");
}

#[test]
fn nobody_listens() {
    let error = failure("http://127.0.0.1:1/");
    assert_failed(&error, HttpErrorKind::Connect, Phase::Connecting, "refused");
    assert!(error.is_connect());
    assert_eq!(error.attempts(), 1);
}

#[test]
fn the_host_does_not_exist() {
    let error = failure("http://no-such-host.invalid/x");
    assert_failed(&error, HttpErrorKind::Dns, Phase::Resolving, "no-such-host.invalid: ");
}

#[test]
fn the_url_is_none() {
    let error = failure("no-scheme.example/x");
    assert_failed(&error, HttpErrorKind::InvalidUrl, Phase::Preparing, "http://");
}

#[test]
fn the_answer_is_garbage() {
    let error = failure(peer("SSH-2.0-OpenSSH_9.2\r\n\r\n", Then::Close));
    assert_failed(&error, HttpErrorKind::Protocol, Phase::Waiting, "not HTTP");
}

#[test]
fn the_connection_closes_before_an_answer() {
    let error = failure(peer("", Then::Close));
    assert_failed(&error, HttpErrorKind::Disconnected, Phase::Waiting, "closed");
}

#[test]
fn the_connection_closes_within_the_head() {
    let error = failure(peer("HTTP/1.1 200 OK\r\ncontent-le", Then::Close));
    assert_failed(&error, HttpErrorKind::Disconnected, Phase::Waiting, "closed");
}

#[test]
fn the_connection_is_reset() {
    let error = failure(peer("", Then::Reset));
    assert_failed(&error, HttpErrorKind::Disconnected, Phase::Waiting, "");
}

#[test]
fn the_body_ends_too_early() {
    let half = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf";
    let error = failure(peer(half, Then::Close));
    assert_failed(&error, HttpErrorKind::Disconnected, Phase::Receiving, "end of file");
    let error = failure(peer(half, Then::Reset));
    assert_failed(&error, HttpErrorKind::Disconnected, Phase::Receiving, "");
}

#[test]
fn a_compressed_body_ends_too_early() {
    let mut answer =
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 500\r\n\r\n".to_vec();
    answer.extend_from_slice(b"\x1f\x8b\x08\0\0\0\0\0\0\xff");
    let error = failure(peer(answer, Then::Close));
    assert_failed(&error, HttpErrorKind::Disconnected, Phase::Receiving, "");
}

#[test]
fn the_chunks_are_nonsense() {
    let answer = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n";
    let error = failure(peer(answer, Then::Close));
    assert_eq!(error.phase(), Phase::Receiving, "{error:?}");
    assert!(matches!(error.kind(), HttpErrorKind::Disconnected | HttpErrorKind::Protocol));
}

#[test]
fn a_redirect_leads_out_of_http() {
    let answer = "HTTP/1.1 302 Found\r\nlocation: ftp://a.example/\r\ncontent-length: 0\r\n\r\n";
    let error = failure(peer(answer, Then::Close));
    assert!(
        matches!(error.kind(), HttpErrorKind::Redirect | HttpErrorKind::InvalidRequest),
        "{error:?}"
    );
}

#[test]
fn the_time_limit_passes_in_each_phase() {
    let limit = Duration::from_millis(150);
    let session = Session::builder().timeout(limit).build().unwrap();
    let silent = session.get(peer("", Then::Hold)).send().unwrap_err();
    assert_failed(&silent, HttpErrorKind::Timeout, Phase::Waiting, "the time limit of 150ms");
    let head = "HTTP/1.1 200 OK\r\ncontent-le";
    let in_head = session.get(peer(head, Then::Hold)).send().unwrap_err();
    assert_failed(&in_head, HttpErrorKind::Timeout, Phase::Waiting, "150ms");
    let half = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf";
    let in_body = session.get(peer(half, Then::Hold)).send().unwrap_err();
    assert_failed(&in_body, HttpErrorKind::Timeout, Phase::Receiving, "150ms");
    assert!(in_body.elapsed() >= limit && in_body.is_timeout());
}

#[test]
fn a_handshake_that_never_comes_times_out_while_connecting() {
    let url = peer("", Then::Hold).replace("http://", "https://");
    let limit = Duration::from_millis(150);
    let session = Session::builder().connect_timeout(limit).build().unwrap();
    let error = session.get(&*url).send().unwrap_err();
    assert_failed(&error, HttpErrorKind::Timeout, Phase::Connecting, "no connection within 150ms");
    assert!(error.is_connect());
    let session = Session::builder().timeout(limit).build().unwrap();
    let error = session.get(&*url).send().unwrap_err();
    assert_failed(&error, HttpErrorKind::Timeout, Phase::Connecting, "time limit of 150ms");
}

#[test]
fn silence_in_the_middle_of_a_body_is_not_put_up_with() {
    let half = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf";
    let session = Session::new();
    let request = session.get(peer(half, Then::Hold)).idle_timeout(Duration::from_millis(100));
    let error = request.send().unwrap_err();
    assert_failed(&error, HttpErrorKind::Timeout, Phase::Receiving, "nothing came for 100ms");
}

#[test]
fn silence_counts_from_the_last_sign_of_life() {
    const PIECES: u32 = 5;
    let (pause, idle) = (Duration::from_millis(300), Duration::from_secs(1));
    let address = accept(move |mut stream| async move {
        read_head(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n").await;
        for _ in 0..PIECES {
            tokio::time::sleep(pause).await;
            let _ = stream.write_all(b".").await;
        }
        std::future::pending().await
    });
    let request = Session::new().get(format!("http://{address}/")).idle_timeout(idle);
    let error = request.send().unwrap_err();
    assert_failed(&error, HttpErrorKind::Timeout, Phase::Receiving, "nothing came for 1s");
    assert!(error.elapsed() >= pause * PIECES + idle, "after {:?}", error.elapsed());
}

#[test]
fn a_body_that_is_too_large_is_refused_by_its_announcement_or_on_the_way() {
    let server = Server::plain();
    let session = Session::builder().max_body(1000).build().unwrap();
    assert!(session.get(server.url("/bytes/1000")).send().is_ok());
    let error = session.get(server.url("/bytes/1001")).send().unwrap_err();
    assert_failed(&error, HttpErrorKind::BodyTooLarge, Phase::Receiving, "has 1001 bytes");
    // Small on the wire, large when unpacked.
    let error = session.get(server.url("/packed/zstd")).send().unwrap_err();
    assert_failed(&error, HttpErrorKind::BodyTooLarge, Phase::Receiving, "longer than");
    assert!(session.get(server.url("/packed/zstd")).max_body(1 << 20).send().is_ok());
}
