//! What a client is for.

use manyhands_http::{HttpErrorKind, Method, Request, Session, StatusCode, Version};
use serde_json::Value;

use crate::server::Server;

#[test]
fn a_request_is_sent_as_it_was_made() {
    let server = Server::plain();
    let session = Session::builder().header("x-session", "s").build().unwrap();
    let response = session
        .post(server.url("/echo?a=1"))
        .query([("b", "ü")])
        .header("X-Own", "o")
        .json(&[1, 2])
        .send()
        .unwrap();
    assert_eq!((response.status(), response.version()), (StatusCode::OK, Version::HTTP_11));
    let seen: Value = response.json().unwrap();
    assert_eq!(seen["method"], "POST");
    assert_eq!(seen["query"], "a=1&b=%C3%BC");
    assert_eq!(seen["body"], "[1,2]");
    assert_eq!(seen["headers"]["content-type"], "application/json");
    assert_eq!(
        (&seen["headers"]["x-own"], &seen["headers"]["x-session"]),
        (&"o".into(), &"s".into())
    );
    assert!(seen["headers"]["user-agent"].as_str().unwrap().starts_with("manyhands/"));
    assert_eq!(response.attempts(), 1);
    assert!(!response.elapsed().is_zero());
}

#[test]
fn every_method_arrives() {
    let server = Server::plain();
    let session = Session::new();
    for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
        let response = session.request(Request::new(method.clone(), server.url("/echo")));
        let seen: Value = response.send().unwrap().json().unwrap();
        assert_eq!(seen["method"], method.as_str());
    }
    let head = session.head(server.url("/bytes/10")).send().unwrap();
    assert_eq!((head.body_length(), head.head().content_length()), (0, Some(10)));
}

#[test]
fn a_session_header_gives_way_to_the_requests_own() {
    let server = Server::plain();
    let session = Session::builder().header("accept", "text/html").build().unwrap();
    let accept = |request: manyhands_http::Fetch| {
        request.send().unwrap().json::<Value>().unwrap()["headers"]["accept"].clone()
    };
    assert_eq!(accept(session.get(server.url("/echo"))), "text/html");
    assert_eq!(accept(session.get(server.url("/echo")).header("Accept", "image/png")), "image/png");
}

#[test]
fn name_and_password_in_a_url_become_a_header_and_stay_out_of_messages() {
    let server = Server::plain();
    let url = server.url("/echo").replace("://", "://me:secret@");
    let seen: Value = Session::new().get(&*url).send().unwrap().json().unwrap();
    assert_eq!(seen["headers"]["authorization"], "Basic bWU6c2VjcmV0");
    let failed = Session::new().get("http://me:secret@127.0.0.1:1/").send().unwrap_err();
    assert!(!format!("{failed} {failed:?}").contains("secret"), "{failed:?}");
}

#[test]
fn an_error_status_is_a_response() {
    let server = Server::plain();
    let response = Session::new().get(server.url("/status/404")).send().unwrap();
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    assert_eq!(response.text(), "as you wish");
    let error = response.error_for_status().unwrap_err();
    assert_eq!(error.kind(), HttpErrorKind::Status);
    assert!(error.to_string().contains("/status/404"), "{error}");
}

#[test]
fn redirects_are_followed_to_the_end_but_not_for_ever() {
    let server = Server::plain();
    let session = Session::new();
    let response = session.get(server.url("/redirect/5")).send().unwrap();
    assert_eq!(response.url().path(), "/echo");
    let error = session.get(server.url("/loop")).send().unwrap_err();
    assert_eq!(error.kind(), HttpErrorKind::Redirect);
    assert!(error.to_string().contains("following redirects"), "{error}");

    let stay = Session::builder().redirects(0).build().unwrap();
    let response = stay.get(server.url("/redirect/5")).send().unwrap();
    assert_eq!(response.status(), StatusCode::FOUND);
    assert_eq!(response.header("location"), Some("/redirect/4"));
}

#[test]
fn bodies_are_decompressed() {
    let server = Server::plain();
    let session = Session::new();
    let text = "many hands ".repeat(1000);
    for how in ["gzip", "br", "zstd"] {
        let response = session.get(server.url(&format!("/packed/{how}"))).send().unwrap();
        assert!(response.text() == text, "{how}");
        assert_eq!(response.body_length(), text.len() as u64);
        assert_eq!(response.header("content-encoding"), None);
    }
    let error = session.get(server.url("/packed/damaged")).send().unwrap_err();
    assert_eq!(error.kind(), HttpErrorKind::Decode, "{error:?}");
    assert!(error.to_string().contains("cannot be decompressed"), "{error}");
}

#[test]
fn cookies_are_kept_for_the_session_over_all_threads() {
    let server = Server::plain();
    let session = Session::new();
    session.get(server.url("/cookie/7")).send().unwrap();
    assert_eq!(session.get(server.url("/cookie")).send().unwrap().text(), "it=7");
    let elsewhere = session.clone();
    let url = server.url("/cookie");
    let seen = std::thread::spawn(move || elsewhere.get(url).send().unwrap().text().into_owned());
    assert_eq!(seen.join().unwrap(), "it=7");
    assert_eq!(Session::new().get(server.url("/cookie")).send().unwrap().text(), "");

    let forgetful = Session::builder().cookies(false).build().unwrap();
    forgetful.get(server.url("/cookie/7")).send().unwrap();
    assert_eq!(forgetful.get(server.url("/cookie")).send().unwrap().text(), "");
}

#[test]
fn a_connection_is_used_again() {
    let server = Server::plain();
    let session = Session::new();
    for _ in 0..20 {
        session.get(server.url("/bytes/1000")).send().unwrap();
    }
    assert_eq!((server.requests(), server.connections()), (20, 1));
}

#[test]
fn a_connection_that_the_server_closed_in_between_is_replaced() {
    // Answers one request per connection, but does not say so.
    let url = crate::server::peer(
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
        crate::server::Then::Close,
    );
    let session = Session::new();
    for _ in 0..20 {
        assert_eq!(session.get(&*url).send().unwrap().text(), "ok");
        // A request that does something is not sent again by anybody, so it must not be sent into
        // the dead connection in the first place.
        std::thread::sleep(std::time::Duration::from_millis(5));
        assert_eq!(session.post(&*url).body("x").send().unwrap().text(), "ok");
    }
}

#[test]
fn a_body_goes_to_a_writer() {
    let server = Server::plain();
    let session = Session::new();
    let (response, written) = session
        .get(server.url("/bytes/300000"))
        .into_writer(|head| Ok(head.status().is_success().then(Vec::new)))
        .send()
        .unwrap();
    assert_eq!((response.body_length(), written.map(|w| w.len())), (300_000, Some(300_000)));
    assert!(response.bytes().is_empty());

    let (response, written) = session
        .get(server.url("/status/500"))
        .into_writer(|head| Ok(head.status().is_success().then(Vec::new)))
        .send()
        .unwrap();
    assert_eq!((response.status().as_u16(), written), (500, None));
    assert_eq!(response.body_length(), 11);
}

#[test]
fn a_writer_that_fails_is_an_error_of_its_own() {
    /// Full at once.
    #[derive(Debug)]
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let server = Server::plain();
    let session = Session::new();
    let error =
        session.get(server.url("/bytes/10")).into_writer(|_| Ok(Some(Full))).send().unwrap_err();
    assert_eq!(error.kind(), HttpErrorKind::Write);
    let error = session
        .get(server.url("/bytes/10"))
        .into_writer(|_| std::fs::File::create("/no/such/directory/file").map(Some))
        .send()
        .unwrap_err();
    assert_eq!(error.kind(), HttpErrorKind::Write);
    assert!(error.to_string().contains("No such file"), "{error}");
}

#[test]
fn a_hook_sees_every_response() {
    use std::sync::{Arc, Mutex};
    let server = Server::plain();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&seen);
    let session = Session::builder()
        .on_response(move |response| notes.lock().unwrap().push(response.status().as_u16()))
        .build()
        .unwrap();
    session.get(server.url("/status/200")).send().unwrap();
    session.get(server.url("/status/503")).send().unwrap();
    assert!(session.get("http://127.0.0.1:1/").send().is_err());
    assert_eq!(*seen.lock().unwrap(), [200, 503]);
}

#[test]
fn a_session_that_cannot_be_set_up_says_why() {
    let why = |builder: manyhands_http::SessionBuilder| builder.build().unwrap_err().to_string();
    assert!(why(Session::builder().header("a b", "c")).contains("\"a b\""));
    assert!(why(Session::builder().root_certificates("nothing")).contains("no certificate"));
    assert!(why(Session::builder().proxy("::")).contains("proxy"));
}

#[test]
fn a_proxy_is_asked_in_place_of_the_server() {
    let url = crate::server::peer(
        "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nfrom proxy",
        crate::server::Then::Close,
    );
    let session = Session::builder().proxy(url).build().unwrap();
    assert_eq!(session.get("http://a.example/").send().unwrap().text(), "from proxy");
}

#[test]
fn functions_without_a_session_share_one() {
    let server = Server::plain();
    assert!(manyhands_http::get(server.url("/echo")).unwrap().is_success());
    let urls: Vec<_> = (0..10).map(|n| server.url(&format!("/bytes/{n}"))).collect();
    let lengths: Vec<_> = manyhands_http::map(urls, 3)
        .into_iter()
        .map(|outcome| outcome.unwrap().body_length())
        .collect();
    assert_eq!(lengths, (0..10).collect::<Vec<_>>());
}
