//! What needs a process to itself: the end of descriptors, and signals.

use std::io::{Read, Write};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use manyhands_coroutines::net::{TcpListener, TcpStream};
use manyhands_coroutines::server::{Report, StreamServer};
use rustix::process::{Resource, Signal, getpid, getrlimit, kill_process, setrlimit};

use crate::net_places::{LONG, Threads, eventually};

const INNER: &str = "MANYHANDS_SERVER_TEST_ALONE";

/// Runs `body` in a process where the test called `name` is the only one, and fails if that fails.
fn in_own_process(name: &str, body: impl FnOnce()) {
    if std::env::var_os(INNER).is_some() {
        body();
        return;
    }
    let this = std::env::current_exe().unwrap();
    let output =
        Command::new(this).args(["--exact", name, "--nocapture"]).env(INNER, "1").output().unwrap();
    assert!(
        output.status.success(),
        "{}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

fn answer(mut stream: TcpStream) {
    // A thread that has its reactor already needs no descriptor to wait later.
    manyhands_io::prepare().unwrap();
    let mut byte = [0];
    while let Ok(1) = stream.read(&mut byte) {
        if stream.write_all(&byte).is_err() {
            return;
        }
    }
}

#[test]
fn too_many_open_files_are_waited_out() {
    let name = "server_process::too_many_open_files_are_waited_out";
    in_own_process(name, || {
        let failures = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&failures);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = StreamServer::new(listener, |stream: TcpStream, _| answer(stream)).on_report(
            move |report| {
                let Report::AcceptFailed { error, .. } = report else {
                    panic!("not expected: {report}");
                };
                assert_eq!(error.raw_os_error(), Some(libc::EMFILE));
                counter.fetch_add(1, Ordering::SeqCst);
            },
        );
        let (address, handle) = (server.local_addr().unwrap(), server.handle());
        let serving = std::thread::spawn(move || server.serve(&Threads));
        let mut first = std::net::TcpStream::connect(address).unwrap();
        first.write_all(b"a").unwrap();
        first.read_exact(&mut [0]).unwrap();
        // The client's descriptor is there before the last one is taken.
        let second = rustix::net::socket(
            rustix::net::AddressFamily::INET,
            rustix::net::SocketType::STREAM,
            None,
        )
        .unwrap();
        let before = getrlimit(Resource::Nofile);
        let mut limit = before;
        limit.current = Some(64);
        setrlimit(Resource::Nofile, limit).unwrap();
        let mut held = Vec::new();
        while let Ok(file) = std::fs::File::open("/dev/null") {
            held.push(file);
        }
        rustix::net::connect(&second, &address).unwrap();
        let mut second = std::net::TcpStream::from(second);
        second.set_read_timeout(Some(LONG)).unwrap();
        second.write_all(b"b").unwrap();
        eventually("accepting fails, more than once", || failures.load(Ordering::SeqCst) >= 2);
        // Who was there is served all the while.
        first.write_all(b"c").unwrap();
        first.read_exact(&mut [0]).unwrap();
        // All at once: a handler on a thread of its own takes several, for its reactor.
        setrlimit(Resource::Nofile, before).unwrap();
        let mut byte = [0];
        second.read_exact(&mut byte).unwrap();
        assert_eq!(&byte, b"b");
        let statistics = handle.statistics();
        assert!(statistics.accept_failures >= 2);
        assert_eq!(statistics.accepted, 2);
        drop((first, second, held));
        handle.stop();
        assert_eq!(serving.join().unwrap().unwrap().under_way, 0);
    });
}

#[test]
fn a_signal_stops_a_server() {
    let name = "server_process::a_signal_stops_a_server";
    in_own_process(name, || {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = StreamServer::new(listener, |stream: TcpStream, _| answer(stream))
            .stop_on_signals([libc::SIGTERM, libc::SIGUSR1]);
        let (address, handle) = (server.local_addr().unwrap(), server.handle());
        let serving = std::thread::spawn(move || server.serve(&Threads));
        let mut client = std::net::TcpStream::connect(address).unwrap();
        client.write_all(b"a").unwrap();
        // An answer means that it serves, so the signals are watched.
        client.read_exact(&mut [0]).unwrap();
        kill_process(getpid(), Signal::TERM).unwrap();
        eventually("it stops", || handle.is_stopped());
        drop(client);
        let statistics = serving.join().unwrap().unwrap();
        assert_eq!((statistics.accepted, statistics.cut_off), (1, 0));
    });
}
