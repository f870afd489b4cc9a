//! Sockets that are handed from place to place.

use std::io::{Read, Write};
use std::sync::mpsc;
use std::thread;

use manyhands_coroutines::net::{TcpListener, TcpStream};
use manyhands_executor::InProcess;

use crate::net_places::{Threads, Workers};

/// Reads one byte after it had to wait for it, and sends it back.
fn ping(stream: &mut TcpStream) {
    let mut byte = [0];
    stream.read_exact(&mut byte).unwrap();
    stream.write_all(&byte).unwrap();
}

/// A client that sends the numbers one by one, each when the one before has come back.
fn counting_client(listener: &TcpListener, count: u8) -> thread::JoinHandle<()> {
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        for n in 0..count {
            // The other side is waiting by now, or will find the byte there; both must work.
            if n % 2 == 0 {
                thread::yield_now();
            }
            stream.write_all(&[n]).unwrap();
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            assert_eq!(byte[0], n);
        }
    })
}

#[test]
fn a_socket_outlives_every_thread_that_waited_for_it() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = counting_client(&listener, 100);
    let (mut listener, mut stream) = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        (listener, stream)
    })
    .join()
    .unwrap();
    for _ in 0..100 {
        stream = thread::spawn(move || {
            ping(&mut stream);
            stream
        })
        .join()
        .unwrap();
    }
    client.join().unwrap();
    for _ in 0..5 {
        let client = counting_client(&listener, 1);
        listener = thread::spawn(move || {
            ping(&mut listener.accept().unwrap().0);
            listener
        })
        .join()
        .unwrap();
        client.join().unwrap();
    }
}

#[test]
fn a_socket_does_not_need_the_thread_that_first_waited_for_it() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = counting_client(&listener, 50);
    let (stream, _) = listener.accept().unwrap();
    let (hand_over, handed) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    // It waits for the socket and then blocks in the operating system, so that its reactor stands.
    let first = thread::spawn(move || {
        let mut stream = stream;
        ping(&mut stream);
        hand_over.send(stream).unwrap();
        released.recv().unwrap();
    });
    let mut stream = handed.recv().unwrap();
    (0..49).for_each(|_| ping(&mut stream));
    client.join().unwrap();
    release.send(()).unwrap();
    first.join().unwrap();
}

#[test]
fn a_socket_goes_back_and_forth_between_threads_that_stay() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = counting_client(&listener, 120);
    let (mut stream, _) = listener.accept().unwrap();
    let hand = |from: mpsc::Receiver<TcpStream>, to: mpsc::Sender<TcpStream>| {
        thread::spawn(move || {
            for mut stream in from {
                ping(&mut stream);
                // The last has nobody to hand it to.
                let _ = to.send(stream);
            }
        })
    };
    let (to_first, first) = mpsc::channel();
    let (to_second, second) = mpsc::channel();
    let (to_third, third) = mpsc::channel();
    let (to_me, me) = mpsc::channel();
    let threads = [hand(first, to_second), hand(second, to_third), hand(third, to_me)];
    for _ in 0..40 {
        to_first.send(stream).unwrap();
        stream = me.recv().unwrap();
    }
    client.join().unwrap();
    drop(to_first);
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn a_socket_moves_between_a_thread_and_an_async_runtime() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = counting_client(&listener, 40);
    let (mut stream, _) = listener.accept().unwrap();
    let workers = Workers::start();
    for _ in 0..20 {
        ping(&mut stream);
        stream = workers
            .spawn(move || {
                ping(&mut stream);
                stream
            })
            .result()
            .unwrap();
    }
    client.join().unwrap();
}

#[test]
fn a_socket_outlives_a_runtime() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = counting_client(&listener, 10);
    let (mut stream, _) = listener.accept().unwrap();
    for _ in 0..10 {
        let workers = Workers::start();
        stream = workers
            .spawn(move || {
                ping(&mut stream);
                stream
            })
            .result()
            .unwrap();
    }
    client.join().unwrap();
}

#[test]
fn many_read_from_one_stream_in_different_places() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (stream, _) = listener.accept().unwrap();
    let workers = Workers::start();
    let read_some = |stream: TcpStream| {
        move || {
            let mut count = 0;
            let mut byte = [0];
            while (&stream).read(&mut byte).unwrap() > 0 {
                count += 1;
            }
            count
        }
    };
    let reading: Vec<_> = (0..6)
        .map(|n| {
            let read = read_some(stream.try_clone().unwrap());
            if n % 2 == 0 { Threads.spawn(read) } else { workers.spawn(read) }
        })
        .collect();
    for _ in 0..2_000 {
        client.write_all(b"x").unwrap();
    }
    drop(client);
    let counts: u32 = reading.into_iter().map(|task| task.result().unwrap()).sum();
    assert_eq!(counts, 2_000);
}
