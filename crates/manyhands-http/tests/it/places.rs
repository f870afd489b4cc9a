//! The same session from every place.

use std::time::Duration;

use manyhands_http::{HttpErrorKind, Session};
use manyhands_wait::{CancelToken, timeout, with_cancel_token};
use tokio::runtime::Builder;

use crate::server::{Server, Then, peer, until};

#[test]
fn threads_have_their_own_connections_and_close_them_at_their_end() {
    let server = Server::plain();
    let session = Session::new();
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let (session, url) = (session.clone(), server.url("/bytes/100"));
            std::thread::spawn(move || {
                for _ in 0..10 {
                    assert!(session.get(&*url).send().unwrap().is_success());
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!((server.requests(), server.connections()), (80, 8));
    until("connections are closed", || server.open() == 0);
}

#[test]
fn tasks_of_an_async_runtime_share_connections() {
    let server = Server::plain();
    let session = Session::new();
    for runtime in [
        Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap(),
        Builder::new_current_thread().enable_all().build().unwrap(),
    ] {
        let before = server.connections();
        runtime.block_on(async {
            for _ in 0..5 {
                assert!(session.get(server.url("/bytes/1")).await.unwrap().is_success());
            }
            let (session, url) = (session.clone(), server.url("/bytes/1"));
            tokio::spawn(async move { session.get(url).await.unwrap() }).await.unwrap();
        });
        // One mostly; another if the next request comes before the connection is back in its place.
        let connections = server.connections() - before;
        assert!(connections < 6, "{connections} connections for 6 requests");
    }
}

#[test]
fn blocking_works_wherever_a_thread_may_block() {
    let server = Server::plain();
    let session = Session::new();
    let multi = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let send = || {
        let (session, url) = (session.clone(), server.url("/echo"));
        move || session.get(url).send().unwrap().is_success()
    };
    let in_task = send();
    assert!(multi.block_on(async { tokio::spawn(async move { in_task() }).await.unwrap() }));
    assert!(multi.block_on(multi.spawn_blocking(send())).unwrap());
    let current = Builder::new_current_thread().enable_all().build().unwrap();
    assert!(current.block_on(current.spawn_blocking(send())).unwrap());
}

#[test]
fn where_blocking_cannot_work_it_is_an_error_and_awaiting_works() {
    let server = Server::plain();
    let session = Session::new();
    let current = Builder::new_current_thread().enable_all().build().unwrap();
    let error = current.block_on(async { session.get(server.url("/echo")).send() }).unwrap_err();
    assert_eq!(error.kind(), HttpErrorKind::NotRun);
    assert!(error.to_string().contains(".await"), "{error}");
    assert!(current.block_on(async { session.get(server.url("/echo")).await }).is_ok());
}

#[test]
fn awaiting_outside_any_runtime_is_an_error() {
    let session = Session::new();
    let error = manyhands_wait::wait(session.get("http://127.0.0.1:1/").into_future()).unwrap_err();
    assert_eq!(error.kind(), HttpErrorKind::NotRun);
    assert!(error.to_string().contains("no tokio runtime"), "{error}");
}

#[test]
fn cancelling_ends_a_request_and_its_connection() {
    let server = Server::plain();
    let session = Session::new();
    let token = CancelToken::new();
    let canceller = {
        let token = token.clone();
        let url = server.url("/sleep/600000");
        let asked = session.clone();
        std::thread::spawn(move || {
            let ended = with_cancel_token(&token, || asked.get(url).send().map(|_| ()));
            assert!(ended.is_err());
        })
    };
    until("the request has arrived", || server.requests() == 1);
    token.cancel();
    canceller.join().unwrap();
    until("its connection is closed", || server.open() == 0);

    let ended =
        timeout(Duration::from_millis(50), || session.get(peer("", Then::Hold)).send().map(|_| ()));
    assert!(ended.is_err());
    assert!(session.get(server.url("/echo")).send().is_ok());
}

#[test]
fn a_session_may_be_dropped_before_its_connections() {
    let server = Server::plain();
    let session = Session::new();
    session.get(server.url("/echo")).send().unwrap();
    drop(session);
    // The thread turns its reactor once more and the connection goes.
    until("the connection is closed", || server.open() == 0);
}
