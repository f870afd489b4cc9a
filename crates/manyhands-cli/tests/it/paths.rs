//! A web server for tests whose paths say what is answered.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A running server; it ends with the test process.
///
/// | path | answer |
/// |---|---|
/// | `/ok/N/…` | N bytes, whatever follows |
/// | `/status/N` | that status |
/// | `/flaky/N/STATUS/SECONDS` | N times that status with `Retry-After`, then success |
/// | `/half` | half a body, and the connection is closed |
/// | `/hold` | half a body, and then nothing more |
/// | `/echo` | the value of the header `X-Test` |
#[derive(Debug, Clone)]
pub(crate) struct Paths {
    address: String,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Debug, Default)]
struct Seen {
    by_path: HashMap<String, usize>,
    under_way: usize,
    most_under_way: usize,
}

impl Paths {
    /// Starts a server.
    pub(crate) fn start() -> Paths {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
        let address = listener.local_addr().expect("it has an address").to_string();
        let server = Paths { address, seen: Arc::default() };
        let seen = Arc::clone(&server.seen);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let seen = Arc::clone(&seen);
                std::thread::spawn(move || serve(&stream, &seen));
            }
        });
        server
    }

    /// The URL of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// How many requests of this path have come.
    pub(crate) fn seen(&self, path: &str) -> usize {
        let seen = self.seen.lock().expect("no handler panics");
        seen.by_path.get(path).copied().unwrap_or(0)
    }

    /// How many requests were under way at a time, at most.
    pub(crate) fn most_under_way(&self) -> usize {
        self.seen.lock().expect("no handler panics").most_under_way
    }
}

/// Answers the requests of one connection, until the client is gone.
fn serve(stream: &TcpStream, seen: &Mutex<Seen>) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            match reader.read_line(&mut line) {
                Ok(1..) if line.trim().is_empty() => break,
                Ok(1..) => lines.push(line),
                _ => return,
            }
        }
        let path = lines[0].split(' ').nth(1).unwrap_or("/").to_owned();
        let echo = lines.iter().find_map(|line| line.strip_prefix("x-test: ")).unwrap_or_default();
        let before = {
            let mut seen = seen.lock().expect("no handler panics");
            seen.under_way += 1;
            seen.most_under_way = seen.most_under_way.max(seen.under_way);
            let count = seen.by_path.entry(path.clone()).or_default();
            *count += 1;
            *count - 1
        };
        let went_on = answer(stream, &path, before, echo.trim());
        seen.lock().expect("no handler panics").under_way -= 1;
        if !went_on {
            return;
        }
    }
}

/// Answers one request; whether the connection can be used for more.
fn answer(stream: &TcpStream, path: &str, before: usize, echo: &str) -> bool {
    let parts: Vec<&str> = path.trim_matches('/').split(['/', '?']).collect();
    let number = |place: usize| parts.get(place).and_then(|text| text.parse().ok()).unwrap_or(0);
    match parts[0] {
        "ok" => send(stream, 200, "", &body(number(1))),
        "status" => send(stream, number(1), "", b"no luck"),
        "flaky" if before < number(1) => {
            send(stream, number(2), &format!("Retry-After: {}\r\n", number(3)), b"later")
        }
        "flaky" => send(stream, 200, "", b"at last"),
        "half" => {
            send(stream, 200, "Content-Length: 100\r\n", b"half");
            false
        }
        "hold" => {
            send(stream, 200, "Content-Length: 100\r\n", b"half");
            // Far longer than any test.
            std::thread::sleep(Duration::from_secs(600));
            false
        }
        "echo" => send(stream, 200, "", echo.as_bytes()),
        _ => send(stream, 404, "", b"nothing here"),
    }
}

fn send(mut stream: &TcpStream, status: usize, headers: &str, body: &[u8]) -> bool {
    let length = if headers.contains("Content-Length") {
        String::new()
    } else {
        format!("Content-Length: {}\r\n", body.len())
    };
    let mut answer = format!("HTTP/1.1 {status} Whatever\r\n{length}{headers}\r\n").into_bytes();
    answer.extend_from_slice(body);
    stream.write_all(&answer).is_ok()
}

/// What `/ok/N` answers.
pub(crate) fn body(length: usize) -> Vec<u8> {
    (0..length).map(|place| b'a' + (place % 23) as u8).collect()
}
