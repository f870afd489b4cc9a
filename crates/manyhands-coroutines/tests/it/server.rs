//! The server: echo, many clients, panics, limits, stops, refusals.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use manyhands_coroutines::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use manyhands_coroutines::server::{ServerHandle, Statistics, StreamServer};
use manyhands_executor::{InProcess, Sequential, Task};

use crate::net_places::{LONG, Threads, Workers, eventually, everywhere};

/// Answers in upper case until the client has no more to say.
fn echo(mut stream: impl Read + Write) {
    let mut buffer = [0; 1024];
    while let Ok(read @ 1..) = stream.read(&mut buffer) {
        if stream.write_all(&buffer[..read].to_ascii_uppercase()).is_err() {
            return;
        }
    }
}

/// A server that runs on `executor`: where, how to stop it, and what comes of it.
struct Running {
    address: SocketAddr,
    handle: ServerHandle,
    task: Task<io::Result<Statistics>>,
}

impl Running {
    fn stop(self) -> Statistics {
        self.handle.stop();
        self.task.result().unwrap().unwrap()
    }
}

fn run<E, H>(
    executor: &E,
    handler: H,
    with: impl FnOnce(StreamServer<TcpListener, H>) -> StreamServer<TcpListener, H>,
) -> Running
where
    E: InProcess + Clone + Send + 'static,
    H: Fn(TcpStream, SocketAddr) + Send + Sync + 'static,
{
    let server = with(StreamServer::new(TcpListener::bind("127.0.0.1:0").unwrap(), handler));
    let (address, handle) = (server.local_addr().unwrap(), server.handle());
    Running { address, handle, task: server.start(executor.clone()).unwrap() }
}

/// Sends `text` and returns the answer, which is as long.
fn ask(stream: &mut std::net::TcpStream, text: &str) -> String {
    stream.write_all(text.as_bytes()).unwrap();
    let mut answer = vec![0; text.len()];
    stream.read_exact(&mut answer).unwrap();
    String::from_utf8(answer).unwrap()
}

everywhere! {
    fn a_client_is_answered_in_upper_case(executor) {
        let server = run(executor, |stream, _| echo(stream), |server| server);
        let mut client = std::net::TcpStream::connect(server.address).unwrap();
        assert_eq!(ask(&mut client, "hello"), "HELLO");
        assert_eq!(ask(&mut client, "again"), "AGAIN");
        assert_eq!(server.handle.statistics().under_way, 1);
        drop(client);
        let handle = server.handle.clone();
        eventually("the connection ends", || handle.statistics().under_way == 0);
        let statistics = server.stop();
        assert_eq!((statistics.accepted, statistics.cut_off, statistics.panicked), (1, 0, 0));
    }

    fn the_handler_is_told_who_calls(executor) {
        let server = run(
            executor,
            |mut stream, peer| {
                assert_eq!(stream.peer_addr().unwrap(), peer);
                let _gone = write!(stream, "{peer}");
            },
            |server| server,
        );
        let mut client = std::net::TcpStream::connect(server.address).unwrap();
        let mut text = String::new();
        client.read_to_string(&mut text).unwrap();
        assert_eq!(text, client.local_addr().unwrap().to_string());
        server.stop();
    }

    fn a_panic_costs_one_connection(executor) {
        let server = run(
            executor,
            |mut stream: TcpStream, _| {
                let mut order = [0];
                stream.read_exact(&mut order).unwrap();
                assert_ne!(order[0], b'!', "a panic that a test asked for");
                let _gone = stream.write_all(b"fine");
            },
            |server| server,
        );
        for round in 0..6 {
            let mut client = std::net::TcpStream::connect(server.address).unwrap();
            client.write_all(if round % 2 == 0 { b"!" } else { b"." }).unwrap();
            let mut answer = String::new();
            client.read_to_string(&mut answer).unwrap();
            assert_eq!(answer, if round % 2 == 0 { "" } else { "fine" });
        }
        let statistics = server.stop();
        assert_eq!((statistics.accepted, statistics.panicked), (6, 3));
        assert_eq!((statistics.cut_off, statistics.under_way), (0, 0));
    }

    fn no_more_than_the_limit_are_under_way(executor) {
        static MOST: AtomicUsize = AtomicUsize::new(0);
        static NOW: AtomicUsize = AtomicUsize::new(0);
        let handler = |stream, _: SocketAddr| {
            MOST.fetch_max(NOW.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            echo(stream);
            NOW.fetch_sub(1, Ordering::SeqCst);
        };
        let server = run(executor, handler, |server| server.limit(2));
        let mut clients: Vec<_> =
            (0..6).map(|_| std::net::TcpStream::connect(server.address).unwrap()).collect();
        for client in &mut clients {
            client.write_all(b"x").unwrap();
        }
        // Each is answered once those before it are gone.
        for mut client in clients {
            client.read_exact(&mut [0]).unwrap();
            assert!(server.handle.statistics().under_way <= 2);
        }
        let statistics = server.stop();
        assert_eq!(statistics.accepted, 6);
        assert!(MOST.load(Ordering::SeqCst) <= 2);
    }

    fn a_stop_lets_handlers_end(executor) {
        let server = run(executor, |stream, _| echo(stream), |server| server.stop_timeout(LONG));
        let mut client = std::net::TcpStream::connect(server.address).unwrap();
        assert_eq!(ask(&mut client, "before"), "BEFORE");
        server.handle.stop();
        // Nobody listens any more, but who was there is served.
        eventually("the listener is closed", || {
            std::net::TcpStream::connect(server.address).is_err()
        });
        assert_eq!(ask(&mut client, "after"), "AFTER");
        drop(client);
        let statistics = server.task.result().unwrap().unwrap();
        assert_eq!((statistics.cut_off, statistics.under_way), (0, 0));
    }

    fn a_stop_cuts_off_who_does_not_end(executor) {
        let told = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&told);
        let server = run(executor, |stream, _| echo(stream), |server| {
            server.stop_timeout(Duration::from_millis(10)).on_report(move |report| {
                assert!(report.to_string().starts_with("3 connections"), "{report}");
                counter.fetch_add(1, Ordering::SeqCst);
            })
        });
        let mut clients: Vec<_> =
            (0..3).map(|_| std::net::TcpStream::connect(server.address).unwrap()).collect();
        for client in &mut clients {
            assert_eq!(ask(client, "x"), "X");
        }
        let statistics = server.stop();
        assert_eq!((statistics.cut_off, statistics.under_way), (3, 0));
        assert_eq!(told.load(Ordering::SeqCst), 1);
        for mut client in clients {
            assert_eq!(client.read(&mut [0]).unwrap(), 0);
        }
    }

    fn a_stop_that_waits_can_be_made_urgent(executor) {
        let server = run(executor, |stream, _| echo(stream), |server| {
            server.stop_timeout(LONG * 10).on_report(|_| {})
        });
        let mut client = std::net::TcpStream::connect(server.address).unwrap();
        assert_eq!(ask(&mut client, "x"), "X");
        server.handle.stop();
        eventually("the listener is closed", || {
            std::net::TcpStream::connect(server.address).is_err()
        });
        assert!(!server.task.is_done());
        server.handle.stop_within(Duration::ZERO);
        assert_eq!(server.task.result().unwrap().unwrap().cut_off, 1);
    }

    fn a_stop_ends_a_wait_for_room(executor) {
        let server = run(executor, |stream, _| echo(stream), |server| {
            server.limit(1).stop_timeout(Duration::ZERO).on_report(|_| {})
        });
        let mut first = std::net::TcpStream::connect(server.address).unwrap();
        assert_eq!(ask(&mut first, "x"), "X");
        let mut second = std::net::TcpStream::connect(server.address).unwrap();
        let statistics = server.stop();
        assert_eq!((statistics.accepted, statistics.cut_off), (1, 1));
        // Never accepted: reset, or an end.
        assert!(matches!(second.read(&mut [0]), Ok(0) | Err(_)));
    }

    fn a_server_that_is_cancelled_takes_its_handlers_with_it(executor) {
        let server = run(executor, |stream, _| echo(stream), |server| server.stop_timeout(LONG));
        let mut client = std::net::TcpStream::connect(server.address).unwrap();
        assert_eq!(ask(&mut client, "x"), "X");
        server.task.cancel();
        assert!(server.task.result().unwrap_err().is_cancelled());
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
    }

    fn unix_clients_are_served_too(executor) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        let server = StreamServer::new(listener, |stream: UnixStream, _| echo(stream));
        let handle = server.handle();
        assert_eq!(server.local_addr().unwrap().as_pathname(), Some(path.as_path()));
        let task = server.start(executor.clone()).unwrap();
        let mut client = std::os::unix::net::UnixStream::connect(&path).unwrap();
        client.write_all(b"hello").unwrap();
        let mut answer = [0; 5];
        client.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"HELLO");
        drop(client);
        handle.stop();
        assert_eq!(task.result().unwrap().unwrap().accepted, 1);
    }
}

/// Every client has a socket of its own, all are there at once, and each says who it is.
fn five_hundred_clients<E: InProcess + Clone + Send + 'static>(executor: &E) {
    const CLIENTS: usize = 500;
    const ROUNDS: usize = 5;
    let server = run(executor, |stream, _| echo(stream), |server| server.limit(CLIENTS));
    let all_there = Arc::new(Barrier::new(CLIENTS));
    let address = server.address;
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let all_there = Arc::clone(&all_there);
            let body = move || {
                let stream = TcpStream::connect(address).unwrap();
                all_there.wait();
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                for round in 0..ROUNDS {
                    writeln!(&stream, "client {client} says hello {round}").unwrap();
                    let answer = lines.next().unwrap().unwrap();
                    assert_eq!(answer, format!("CLIENT {client} SAYS HELLO {round}"));
                }
            };
            thread::Builder::new().stack_size(256 * 1024).spawn(body).unwrap()
        })
        .collect();
    for client in clients {
        client.join().unwrap();
    }
    let statistics = server.stop();
    assert_eq!(statistics.accepted, CLIENTS as u64);
    assert_eq!((statistics.panicked, statistics.refused, statistics.cut_off), (0, 0, 0));
}

/// Each thread that waits has a reactor, and a reactor takes a few descriptors.
fn allow_many_descriptors() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).unwrap();
}

#[test]
fn five_hundred_clients_at_once_on_threads() {
    allow_many_descriptors();
    five_hundred_clients(&Threads);
}

#[test]
fn five_hundred_clients_at_once_in_coroutines() {
    allow_many_descriptors();
    five_hundred_clients(&crate::net_places::coroutines(1));
}

#[test]
fn one_after_the_other_on_no_executor_at_all() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = StreamServer::new(listener, |stream: TcpStream, _| echo(stream));
    let (address, handle) = (server.local_addr().unwrap(), server.handle());
    let clients = thread::spawn(move || {
        for _ in 0..3 {
            let mut client = std::net::TcpStream::connect(address).unwrap();
            assert_eq!(ask(&mut client, "x"), "X");
        }
        handle.stop();
    });
    let statistics = server.serve(&Sequential::new()).unwrap();
    clients.join().unwrap();
    assert_eq!(statistics.accepted, 3);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = StreamServer::new(listener, |stream: TcpStream, _| echo(stream));
    // Its only worker would accept, and none be left for handlers.
    let refused = server.start(Arc::new(Sequential::new())).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidInput);
}

#[test]
fn a_handler_that_does_not_wait_is_left_to_itself() {
    static BEGUN: AtomicUsize = AtomicUsize::new(0);
    let release = Arc::new(Barrier::new(2));
    let held = Arc::clone(&release);
    let server = run(
        &Threads,
        move |_stream, _| {
            BEGUN.fetch_add(1, Ordering::SeqCst);
            held.wait();
        },
        |server| server.stop_timeout(Duration::ZERO).on_report(|_| {}),
    );
    let client = std::net::TcpStream::connect(server.address).unwrap();
    let handle = server.handle.clone();
    eventually("the handler runs", || BEGUN.load(Ordering::SeqCst) == 1);
    let start = Instant::now();
    assert_eq!(server.stop().under_way, 1);
    assert!(start.elapsed() < LONG);
    release.wait();
    eventually("it ends in its own time", || handle.statistics().under_way == 0);
    drop(client);
}

#[test]
fn a_server_on_a_deadline_ends_with_it() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = StreamServer::new(listener, |stream: TcpStream, _| echo(stream));
    let handle = server.handle();
    let ended = manyhands_wait::timeout(Duration::from_millis(20), || server.serve(&Threads));
    assert!(ended.is_err());
    assert!(handle.is_stopped());
}

#[test]
fn a_server_in_a_task_of_a_current_thread_runtime_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = StreamServer::new(listener, |stream: TcpStream, _| echo(stream));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let refused = runtime.block_on(async { server.serve(&Threads).unwrap_err() });
    assert_eq!(refused.kind(), ErrorKind::Unsupported);
}

#[test]
fn a_handler_on_another_executor_than_the_one_that_accepts() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = StreamServer::new(listener, |stream: TcpStream, _| echo(stream));
    let (address, handle) = (server.local_addr().unwrap(), server.handle());
    let client = thread::spawn(move || {
        let mut client = std::net::TcpStream::connect(address).unwrap();
        assert_eq!(ask(&mut client, "hello"), "HELLO");
        handle.stop();
    });
    assert_eq!(server.serve(&Workers::start()).unwrap().accepted, 1);
    client.join().unwrap();
}
