//! TCP: echo, limits, half close, peers that vanish, cancellation, splitting.

use std::io::{ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use manyhands_coroutines::net::{TcpListener, TcpStream};
use manyhands_executor::InProcess;

use crate::net_places::{LONG, eventually, everywhere};

const SHORT: Duration = Duration::from_millis(20);

/// Two ends of a connection.
fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, peer) = listener.accept().unwrap();
    assert_eq!(peer, client.local_addr().unwrap());
    (client, server)
}

everywhere! {
    fn bytes_come_and_go(executor) {
        let (client, server) = pair();
        // The answer comes in several small writes, which would wait for each other.
        server.set_nodelay(true).unwrap();
        assert!(server.nodelay().unwrap());
        let echo = executor.spawn(move || {
            let mut server = server;
            let mut buffer = [0; 7];
            loop {
                match server.read(&mut buffer).unwrap() {
                    0 => return,
                    read => server.write_all(&buffer[..read].to_ascii_uppercase()).unwrap(),
                }
            }
        });
        let exchange = executor.spawn(move || {
            let mut client = client;
            for round in 0..200 {
                let text = format!("hello, this is round {round}");
                client.write_all(text.as_bytes()).unwrap();
                let mut answer = vec![0; text.len()];
                client.read_exact(&mut answer).unwrap();
                assert_eq!(answer, text.to_ascii_uppercase().as_bytes());
            }
        });
        exchange.result().unwrap();
        echo.result().unwrap();
    }

    fn more_bytes_than_the_kernel_holds(executor) {
        const LENGTH: usize = 20 << 20;
        let (client, server) = pair();
        let writing = executor.spawn(move || {
            let bytes: Vec<u8> = (0..LENGTH).map(|n| (n % 251) as u8).collect();
            (&client).write_all(&bytes).unwrap();
        });
        let reading = executor.spawn(move || {
            let mut bytes = Vec::new();
            (&server).read_to_end(&mut bytes).unwrap();
            assert_eq!(bytes.len(), LENGTH);
            assert!(bytes.iter().enumerate().all(|(n, byte)| *byte == (n % 251) as u8));
        });
        writing.result().unwrap();
        reading.result().unwrap();
    }

    fn a_read_gives_up_at_its_limit_and_the_stream_stays_usable(executor) {
        let (client, server) = pair();
        let reading = executor.spawn(move || {
            let mut server = server;
            server.set_read_timeout(Some(SHORT)).unwrap();
            let start = Instant::now();
            let error = server.read(&mut [0; 8]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TimedOut);
            assert!(error.to_string().contains("TCP stream"), "{error}");
            assert!(start.elapsed() >= SHORT);
            server.set_read_timeout(None).unwrap();
            server.write_all(b"?").unwrap();
            let mut text = [0; 3];
            server.read_exact(&mut text).unwrap();
            text
        });
        let mut client = client;
        client.read_exact(&mut [0]).unwrap();
        client.write_all(b"yes").unwrap();
        assert_eq!(&reading.result().unwrap(), b"yes");
    }

    fn a_write_gives_up_at_its_limit(executor) {
        let (client, server) = pair();
        let writing = executor.spawn(move || {
            client.set_write_timeout(Some(SHORT)).unwrap();
            (&client).write_all(&vec![0; 64 << 20]).unwrap_err().kind()
        });
        assert_eq!(writing.result().unwrap(), ErrorKind::TimedOut);
        drop(server);
    }

    fn an_end_of_writing_is_an_end_of_reading_and_no_more(executor) {
        let (client, server) = pair();
        let asking = executor.spawn(move || {
            let mut client = client;
            client.write_all(b"question").unwrap();
            client.shutdown(Shutdown::Write).unwrap();
            let mut answer = String::new();
            client.read_to_string(&mut answer).unwrap();
            answer
        });
        let answering = executor.spawn(move || {
            let mut server = server;
            let mut question = String::new();
            server.read_to_string(&mut question).unwrap();
            server.write_all(question.replace("question", "answer").as_bytes()).unwrap();
        });
        assert_eq!(asking.result().unwrap(), "answer");
        answering.result().unwrap();
    }

    fn halves_work_in_two_places_at_once(executor) {
        let (client, server) = pair();
        let echo = executor.spawn(move || std::io::copy(&mut &server, &mut &server).unwrap());
        let (mut read, mut write) = client.split();
        let writing = executor.spawn(move || {
            for n in 0..5_000_u32 {
                write.write_all(&n.to_be_bytes()).unwrap();
            }
            // Dropped here: the echo reads an end.
        });
        let reading = executor.spawn(move || {
            for n in 0..5_000_u32 {
                let mut bytes = [0; 4];
                read.read_exact(&mut bytes).unwrap();
                assert_eq!(u32::from_be_bytes(bytes), n);
            }
            assert_eq!(read.read(&mut [0]).unwrap(), 0);
        });
        writing.result().unwrap();
        reading.result().unwrap();
        assert_eq!(echo.result().unwrap(), 20_000);
    }

    fn a_shutdown_wakes_who_reads_elsewhere(executor) {
        let (client, server) = pair();
        let reader = server.try_clone().unwrap();
        let reading = executor.spawn(move || {
            (&reader).write_all(b"!").unwrap();
            (&reader).read(&mut [0]).unwrap()
        });
        (&client).read_exact(&mut [0]).unwrap();
        server.shutdown(Shutdown::Both).unwrap();
        assert_eq!(reading.result().unwrap(), 0);
    }

    fn a_cancelled_read_unwinds_and_the_stream_stays_usable(executor) {
        let (client, server) = pair();
        let reader = server.try_clone().unwrap();
        let reading = executor.spawn(move || {
            (&reader).write_all(b"!").unwrap();
            (&reader).read(&mut [0]).unwrap()
        });
        (&client).read_exact(&mut [0]).unwrap();
        reading.cancel();
        assert!(reading.result().unwrap_err().is_cancelled());
        let again = executor.spawn(move || {
            let mut byte = [0];
            (&server).read_exact(&mut byte).unwrap();
            byte[0]
        });
        (&client).write_all(b"x").unwrap();
        assert_eq!(again.result().unwrap(), b'x');
    }

    fn a_deadline_around_ends_a_read(executor) {
        let (client, server) = pair();
        let reading = executor.spawn(move || {
            manyhands_wait::timeout(SHORT, || (&server).read(&mut [0]).map(|_| ())).is_err()
        });
        assert!(reading.result().unwrap());
        drop(client);
    }

    fn a_task_that_never_waits_for_data_is_cancelled_too(executor) {
        let (client, server) = pair();
        let flooding = executor.spawn(move || {
            loop {
                if (&client).write(&[0; 4096]).is_err() {
                    return;
                }
            }
        });
        let draining = executor.spawn(move || {
            let mut buffer = [0; 1];
            while (&server).read(&mut buffer).unwrap() > 0 {}
        });
        eventually("it runs", || draining.is_running());
        draining.cancel();
        assert!(draining.result().unwrap_err().is_cancelled());
        flooding.result().unwrap();
    }

    fn who_is_refused_is_told(executor) {
        let refused = executor.spawn(|| {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            drop(listener);
            let plain = TcpStream::connect(address).unwrap_err().kind();
            (plain, TcpStream::connect_timeout(&address, LONG).unwrap_err().kind())
        });
        let refusal = ErrorKind::ConnectionRefused;
        assert_eq!(refused.result().unwrap(), (refusal, refusal));
    }

    fn a_client_that_vanishes_is_an_error_and_no_hang(executor) {
        let (client, server) = pair();
        let reading = executor.spawn(move || {
            (&server).write_all(b"never read").unwrap();
            let first = (&server).read(&mut [0; 8]);
            // A connection that was reset says so once, and ends.
            (first.map_err(|error| error.kind()), (&server).read(&mut [0; 8]).unwrap_or(0))
        });
        // Data that was not read makes the close a reset.
        eventually("the data is here", || client.peek(&mut [0]).unwrap() == 1);
        drop(client);
        assert_eq!(reading.result().unwrap(), (Err(ErrorKind::ConnectionReset), 0));
    }

    fn several_accept_from_one_listener(executor) {
        let listener = std::sync::Arc::new(TcpListener::bind("127.0.0.1:0").unwrap());
        let address = listener.local_addr().unwrap();
        let accepting: Vec<_> = (0..4)
            .map(|_| {
                let listener = std::sync::Arc::clone(&listener);
                executor.spawn(move || {
                    for stream in listener.incoming().take(5) {
                        stream.unwrap().write_all(b"hello").unwrap();
                    }
                })
            })
            .collect();
        for _ in 0..20 {
            let mut text = String::new();
            TcpStream::connect(address).unwrap().read_to_string(&mut text).unwrap();
            assert_eq!(text, "hello");
        }
        for task in accepting {
            task.result().unwrap();
        }
    }

    fn host_names_are_looked_up(executor) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let connecting = executor.spawn(move || {
            let by_pair = TcpStream::connect(("localhost", port)).unwrap();
            let by_text = TcpStream::connect(format!("localhost:{port}")).unwrap();
            (by_pair.peer_addr().unwrap(), by_text.peer_addr().unwrap())
        });
        let here = listener.local_addr().unwrap();
        assert_eq!(connecting.result().unwrap(), (here, here));
    }
}

#[test]
fn a_bad_address_is_invalid_input() {
    for bad in ["127.0.0.1", "localhost:http", ":99999"] {
        let error = TcpStream::connect(bad).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert!(error.to_string().contains(bad), "{error}");
    }
    let none: [std::net::SocketAddr; 0] = [];
    assert_eq!(TcpStream::connect(&none[..]).unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[test]
fn limits_of_zero_are_refused() {
    let (client, _server) = pair();
    let zero = Some(Duration::ZERO);
    assert_eq!(client.set_read_timeout(zero).unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(client.set_write_timeout(zero).unwrap_err().kind(), ErrorKind::InvalidInput);
    let address = client.peer_addr().unwrap();
    let refused = TcpStream::connect_timeout(&address, Duration::ZERO).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidInput);
    client.set_read_timeout(Some(LONG)).unwrap();
    assert_eq!(client.read_timeout().unwrap(), Some(LONG));
}

#[test]
fn many_buffers_go_in_one_call() {
    let (mut client, mut server) = pair();
    let written = client.write_vectored(&[IoSlice::new(b"two "), IoSlice::new(b"parts")]);
    assert_eq!(written.unwrap(), 9);
    let (mut first, mut second) = ([0; 3], [0; 6]);
    let mut buffers = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
    assert_eq!(server.read_vectored(&mut buffers).unwrap(), 9);
    assert_eq!((&first, &second), (b"two", b" parts"));
}

#[test]
fn a_peek_takes_nothing() {
    let (mut client, mut server) = pair();
    client.write_all(b"ab").unwrap();
    let mut buffer = [0; 8];
    assert_eq!(server.peek(&mut buffer).unwrap(), 2);
    assert_eq!(server.read(&mut buffer).unwrap(), 2);
    assert_eq!(&buffer[..2], b"ab");
}

#[test]
fn nothing_is_read_into_nothing_without_a_wait() {
    let (mut client, mut server) = pair();
    assert_eq!(server.read(&mut []).unwrap(), 0);
    assert_eq!(client.write(&[]).unwrap(), 0);
}

#[test]
fn streams_of_std_come_and_go_with_their_limits() {
    let (client, server) = pair();
    server.set_read_timeout(Some(SHORT)).unwrap();
    let clone = server.try_clone().unwrap();
    assert_eq!(clone.into_std().unwrap_err().kind(), ErrorKind::ResourceBusy);
    let mut std = server.into_std().unwrap();
    assert_eq!(std.read_timeout().unwrap(), Some(SHORT));
    assert_eq!(std.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    let mut back = TcpStream::try_from(std).unwrap();
    assert_eq!(back.read(&mut [0]).unwrap_err().kind(), ErrorKind::TimedOut);
    drop(client);
    assert_eq!(back.read(&mut [0]).unwrap(), 0);
}

#[test]
fn a_task_of_a_current_thread_runtime_is_refused_a_wait() {
    let (_client, mut server) = pair();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let error = runtime.block_on(async { server.read(&mut [0]).unwrap_err() });
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}
