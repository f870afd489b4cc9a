//! A web server for tests that answers each request as the test says, and may hold it back.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

/// What is answered to the request of this path that is the so-maniest (from 0) in all.
type Answer = dyn Fn(&str, usize) -> String + Send + Sync;

/// A running server; it ends with the test process.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    address: String,
    gate: Arc<Gate>,
}

#[derive(Debug, Default)]
struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    seen: usize,
    held_from: Option<usize>,
}

impl Server {
    /// Starts a server that answers with the bodies that `answer` makes.
    pub(crate) fn start(answer: impl Fn(&str, usize) -> String + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
        let address = listener.local_addr().expect("it has an address").to_string();
        let server = Server { address, gate: Arc::default() };
        let gate = Arc::clone(&server.gate);
        let answer: Arc<Answer> = Arc::new(answer);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (gate, answer) = (Arc::clone(&gate), Arc::clone(&answer));
                std::thread::spawn(move || serve(&stream, &gate, &*answer));
            }
        });
        server
    }

    /// The URL of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// From now on, requests from the so-maniest (from 0) on get no answer.
    pub(crate) fn hold_from(&self, request: usize) {
        self.change(|state| state.held_from = Some(request));
    }

    /// Answers all that was held, and everything that follows.
    pub(crate) fn release(&self) {
        self.change(|state| state.held_from = None);
    }

    /// How many requests have come.
    pub(crate) fn seen(&self) -> usize {
        self.gate.state.lock().expect("no handler panics").seen
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.gate.state.lock().expect("no handler panics"));
        self.gate.changed.notify_all();
    }
}

/// Answers one request and closes the connection; a client that is gone is none of its business.
fn serve(mut stream: &TcpStream, gate: &Gate, answer: &Answer) {
    let mut lines = BufReader::new(stream).lines();
    let Some(Ok(first)) = lines.next() else { return };
    while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
    let path = first.split(' ').nth(1).unwrap_or("/");
    let mut state = gate.state.lock().expect("no handler panics");
    let number = state.seen;
    state.seen += 1;
    while state.held_from.is_some_and(|held| number >= held) {
        state = gate.changed.wait(state).expect("no handler panics");
    }
    drop(state);
    let body = answer(path, number);
    let _ = write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
}
