//! Trying again.

use std::time::{Duration, Instant};

use manyhands_http::{HttpErrorKind, Method, Request, RetryPolicy, Session};

use crate::server::{Server, Then, accept, peer, read_head};

fn quick(attempts: u32) -> RetryPolicy {
    RetryPolicy::new(attempts).base(Duration::from_millis(5)).jitter(0.0)
}

fn patient(attempts: u32) -> Session {
    Session::builder().retries(quick(attempts)).build().unwrap()
}

#[test]
fn passing_statuses_are_tried_again() {
    let server = Server::plain();
    let session = patient(3);
    for status in [408, 425, 429, 500, 502, 503, 504] {
        let url = server.url(&format!("/flaky/a/2/{status}"));
        let response = session.get(url).send().unwrap();
        assert_eq!((response.text().as_ref(), response.attempts()), ("at last", 3));
    }
    assert_eq!(server.connections(), 1, "failed attempts leave the connection usable");
}

#[test]
fn without_a_policy_nothing_is_tried_again() {
    let server = Server::plain();
    let response = Session::new().get(server.url("/flaky/b/1/503")).send().unwrap();
    assert_eq!((response.status().as_u16(), response.attempts()), (503, 1));
}

#[test]
fn lasting_statuses_are_final() {
    let server = Server::plain();
    for status in [400, 401, 403, 404, 410, 501] {
        let url = server.url(&format!("/flaky/c/1/{status}"));
        let response = patient(5).get(url).send().unwrap();
        assert_eq!((response.status().as_u16(), response.attempts()), (status, 1));
    }
}

#[test]
fn the_last_response_counts_when_attempts_run_out() {
    let server = Server::plain();
    let response = patient(3).get(server.url("/flaky/d/9/503")).send().unwrap();
    assert_eq!((response.status().as_u16(), response.attempts()), (503, 3));
    assert_eq!(response.text(), "not yet");
    assert_eq!(server.requests(), 3);
}

#[test]
fn what_does_something_is_not_done_twice() {
    let server = Server::plain();
    let session = patient(3);
    for method in [Method::POST, Method::PATCH] {
        let url = server.url(&format!("/flaky/{method}/1/503"));
        let response = session.request(Request::new(method, url)).send().unwrap();
        assert_eq!((response.status().as_u16(), response.attempts()), (503, 1));
    }
    let error = session.post(peer("", Then::Close)).body("x").send().unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (HttpErrorKind::Disconnected, 1));

    let bold = Session::builder().retries(quick(3)).retry_any_method(true).build().unwrap();
    let response = bold.post(server.url("/flaky/any/1/503")).send().unwrap();
    assert_eq!((response.status().as_u16(), response.attempts()), (200, 2));
}

#[test]
fn what_never_reached_the_server_is_tried_again_whatever_it_does() {
    let error = patient(3).post("http://127.0.0.1:1/").body("x").send().unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (HttpErrorKind::Connect, 3));
    assert!(error.to_string().ends_with("(after 3 attempts)"), "{error}");
}

#[test]
fn broken_connections_and_time_limits_are_tried_again() {
    let error = patient(2).get(peer("", Then::Close)).send().unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (HttpErrorKind::Disconnected, 2));
    let request = patient(2).get(peer("", Then::Hold)).timeout(Duration::from_millis(50));
    let error = request.send().unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (HttpErrorKind::Timeout, 2));
    assert!(error.elapsed() >= Duration::from_millis(100));
}

#[test]
fn lasting_failures_are_not_tried_again() {
    let error = patient(5).get(peer("no HTTP\r\n\r\n", Then::Close)).send().unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (HttpErrorKind::Protocol, 1));
    let server = Server::plain();
    let error = patient(5).get(server.url("/loop")).send().unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (HttpErrorKind::Redirect, 1));
}

#[test]
fn a_body_broken_off_in_the_middle_is_started_over() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::io::AsyncWriteExt;
    let calls = Arc::new(AtomicUsize::new(0));
    let address = accept(move |mut stream| {
        let calls = Arc::clone(&calls);
        async move {
            read_head(&mut stream).await;
            let head = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n";
            let first = calls.fetch_add(1, Ordering::SeqCst) == 0;
            let _ = stream.write_all(head).await;
            let _ = stream.write_all(if first { &b"half"[..] } else { b"all of it" }).await;
            let _ = stream.shutdown().await;
        }
    });
    let url = format!("http://{address}/");
    let (response, written) =
        patient(2).get(url).into_writer(|_| Ok(Some(Vec::new()))).send().unwrap();
    assert_eq!(written.as_deref(), Some(&b"all of it"[..]), "nothing of the first attempt is left");
    assert_eq!(response.attempts(), 2);
}

#[test]
fn retry_after_is_waited_for_and_holds_back_the_whole_session() {
    let server = Server::plain();
    let session = patient(2);
    let start = Instant::now();
    let response = session.get(server.url("/flaky/e/1/429/1")).send().unwrap();
    assert_eq!(response.attempts(), 2);
    assert!(start.elapsed() >= Duration::from_secs(1));
    assert!(response.elapsed() >= Duration::from_secs(1), "pauses count");

    // One request is told to wait; another to the same host, sent after that, waits as well.
    let other = session.clone();
    let (told, elsewhere) = (server.url("/flaky/f/1/503/1"), server.url("/echo"));
    let before = server.requests();
    let start = Instant::now();
    let first = std::thread::spawn(move || session.get(told).send().unwrap().attempts());
    crate::server::until("the first attempt", || server.requests() > before);
    // The answer to it is on its way; the pause begins when it is read.
    let mut waited = false;
    while !waited && start.elapsed() < Duration::from_secs(1) {
        let sent = Instant::now();
        other.get(&*elsewhere).send().unwrap();
        waited = sent.elapsed() >= Duration::from_millis(300);
    }
    assert!(waited, "no request was held back");
    assert_eq!(first.join().unwrap(), 2);
}

#[test]
fn a_server_that_asks_for_too_much_gets_no_second_attempt() {
    let server = Server::plain();
    let session = Session::builder()
        .retries(quick(3))
        .retry_after_limit(Duration::from_secs(5))
        .build()
        .unwrap();
    let response = session.get(server.url("/flaky/g/1/503/3600")).send().unwrap();
    assert_eq!((response.status().as_u16(), response.attempts()), (503, 1));
    assert!(session.get(server.url("/echo")).send().unwrap().is_success(), "and no pause");
}

#[test]
fn a_request_may_have_its_own_policy() {
    let server = Server::plain();
    let request = Session::new().get(server.url("/flaky/h/1/503")).retries(quick(2));
    assert_eq!(request.send().unwrap().attempts(), 2);
}
