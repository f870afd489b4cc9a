//! `manyhands serve`.

use std::io::{Read, Write};
use std::net::TcpStream;

use rustix::process::Signal;

use crate::command::{eventually, finish, run, send, start_site};

/// The sizes that were printed when the pages were first timed.
const SIZES: [(&str, usize); 12] = [
    ("www.baidu.com", 2443),
    ("pypi.org", 18818),
    ("www.sina.com.cn", 572160),
    ("www.163.com", 695359),
    ("news.qq.com", 6216),
    ("www.ifeng.com", 251170),
    ("www.ce.cn", 107852),
    ("news.baidu.com", 73977),
    ("www.people.com.cn", 152458),
    ("www.ce.cn", 107852),
    ("news.163.com", 208375),
    ("news.sohu.com", 175232),
];

/// Head and body of the answer to one request.
fn ask(address: &str, method: &str, path: &str) -> (String, Vec<u8>) {
    let mut stream = TcpStream::connect(address).expect("it listens");
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .expect("it takes a request");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("it answers");
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("the head ends");
    (String::from_utf8_lossy(&answer[..end]).into_owned(), answer[end + 4..].to_vec())
}

#[test]
fn pages_have_exactly_their_sizes() {
    let (mut site, address) = start_site(&["--latency", "0", "--until-eof"]);
    for (host, bytes) in SIZES {
        let (head, body) = ask(&address, "GET", &format!("/pages/{host}"));
        assert!(head.starts_with("HTTP/1.1 200 "), "{host}: {head}");
        assert_eq!(body.len(), bytes, "{host}");
        let same = ask(&address, "GET", &format!("/pages/{host}")).1;
        assert!(body == same, "{host} changed from one request to the next");
    }
    for page in ["2016030101", "2016030123", "2016030200"] {
        let (head, body) = ask(&address, "GET", &format!("/downloads/baidu_pip/{page}.json"));
        assert!(head.contains("application/json"), "{head}");
        assert!(serde_json::from_slice::<serde_json::Value>(&body).is_ok());
    }
    let index = String::from_utf8(ask(&address, "GET", "/").1).expect("the index is text");
    assert_eq!(index.matches("<li>").count(), 11 + 24);
    drop(site.stdin.take());
    assert!(site.wait().expect("it ends").success());
}

#[test]
fn other_paths_and_methods_are_refused() {
    let (site, address) = start_site(&["--latency", "0", "--until-eof"]);
    assert!(ask(&address, "GET", "/nothing").0.starts_with("HTTP/1.1 404 "));
    assert!(ask(&address, "POST", "/").0.starts_with("HTTP/1.1 405 "));
    let (head, body) = ask(&address, "HEAD", "/pages/pypi.org");
    assert!(head.to_ascii_lowercase().contains("content-length: 18818"), "{head}");
    assert!(body.is_empty());
    assert_eq!(finish(site).code, Some(0));
}

#[test]
fn an_interrupt_ends_it_cleanly() {
    let (site, address) = start_site(&[]);
    send(site.id(), Signal::INT);
    assert_eq!(finish(site).code, Some(0));
    eventually("the port is free", || TcpStream::connect(&address).is_err());
}

#[test]
fn a_taken_port_is_an_error_that_names_it() {
    let (site, address) = start_site(&["--until-eof"]);
    let port = address.rsplit(':').next().expect("an address has a port").to_owned();
    let second = run(&["serve", "--port", &port]);
    assert_eq!(second.code, Some(1));
    assert!(second.stderr.contains(&port), "{}", second.stderr);
    assert_eq!(finish(site).code, Some(0));
}
