//! Unix sockets: streams, listeners, a full backlog.

use std::io::{ErrorKind, Read, Write};
use std::time::Duration;

use manyhands_coroutines::net::{UnixListener, UnixStream};
use manyhands_executor::InProcess;

use crate::net_places::everywhere;

everywhere! {
    fn clients_are_answered(executor) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        assert_eq!(listener.local_addr().unwrap().as_pathname(), Some(path.as_path()));
        let serving = executor.spawn(move || {
            for stream in listener.incoming().take(10) {
                let mut stream = stream.unwrap();
                let mut text = String::new();
                stream.read_to_string(&mut text).unwrap();
                stream.write_all(text.to_uppercase().as_bytes()).unwrap();
            }
        });
        for client in 0..10 {
            let path = path.clone();
            let asking = executor.spawn(move || {
                let mut stream = UnixStream::connect(path).unwrap();
                write!(stream, "client {client}").unwrap();
                stream.shutdown(std::net::Shutdown::Write).unwrap();
                let mut text = String::new();
                stream.read_to_string(&mut text).unwrap();
                text
            });
            assert_eq!(asking.result().unwrap(), format!("CLIENT {client}"));
        }
        serving.result().unwrap();
    }

    fn a_pair_talks(executor) {
        let (here, there) = UnixStream::pair().unwrap();
        let echo = executor.spawn(move || std::io::copy(&mut &there, &mut &there).unwrap());
        let (mut read, mut write) = here.split();
        let writing = executor.spawn(move || write.write_all(&vec![7; 1 << 20]).unwrap());
        let reading = executor.spawn(move || {
            let mut bytes = Vec::new();
            read.read_to_end(&mut bytes).unwrap();
            bytes.len()
        });
        writing.result().unwrap();
        assert_eq!(reading.result().unwrap(), 1 << 20);
        assert_eq!(echo.result().unwrap(), 1 << 20);
    }

    fn a_full_backlog_is_waited_out(executor) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        rustix::net::listen(&listener, 0).unwrap();
        let clients: Vec<_> = (0..5)
            .map(|_| {
                let path = path.clone();
                executor.spawn(move || {
                    let mut text = String::new();
                    UnixStream::connect(path).unwrap().read_to_string(&mut text).unwrap();
                    text
                })
            })
            .collect();
        for _ in 0..5 {
            listener.accept().unwrap().0.write_all(b"welcome").unwrap();
        }
        for client in clients {
            assert_eq!(client.result().unwrap(), "welcome");
        }
    }
}

#[test]
fn limits_and_peeks_are_those_of_tcp() {
    let (mut one, mut other) = UnixStream::pair().unwrap();
    other.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
    assert_eq!(other.read(&mut [0]).unwrap_err().kind(), ErrorKind::TimedOut);
    one.write_all(b"ab").unwrap();
    let mut buffer = [0; 4];
    assert_eq!(other.peek(&mut buffer).unwrap(), 2);
    assert_eq!(other.read(&mut buffer).unwrap(), 2);
}

#[test]
fn nobody_listens_where_there_is_no_socket() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    assert_eq!(UnixStream::connect(&path).unwrap_err().kind(), ErrorKind::NotFound);
    drop(UnixListener::bind(&path).unwrap());
    assert_eq!(UnixStream::connect(&path).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    assert_eq!(UnixListener::bind(&path).unwrap_err().kind(), ErrorKind::AddrInUse);
}
