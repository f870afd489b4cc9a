//! From plain threads.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use manyhands_io::{enter, wait, wait_deadline, wait_for, wait_timeout};
use manyhands_wait::Reason;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};

use crate::own_process::in_own_process;

/// A server on a thread of its own that sends back what it reads, connection by connection.
fn echo_server() -> SocketAddr {
    let listener = wait(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let listener = listener.into_std().unwrap();
    std::thread::spawn(move || {
        let listener = enter(|| TcpListener::from_std(listener)).unwrap();
        while let Ok((mut stream, _)) = wait(listener.accept()) {
            wait(async {
                let (mut read, mut write) = stream.split();
                let _ = tokio::io::copy(&mut read, &mut write).await;
            });
        }
    });
    address
}

#[test]
fn timers_run() {
    let start = Instant::now();
    wait(async { tokio::time::sleep(Duration::from_millis(30)).await });
    assert!(start.elapsed() >= Duration::from_millis(30));
}

#[test]
fn tcp_from_many_threads() {
    let address = echo_server();
    let clients: Vec<_> = (0..8u8)
        .map(|number| {
            std::thread::spawn(move || {
                let mut stream = wait(TcpStream::connect(address)).unwrap();
                let sent = vec![number; 100_000];
                let received = wait(async {
                    let (mut read, mut write) = stream.split();
                    let receive = async {
                        let mut received = Vec::new();
                        read.read_to_end(&mut received).await.unwrap();
                        received
                    };
                    let send = async {
                        write.write_all(&sent).await.unwrap();
                        write.shutdown().await.unwrap();
                    };
                    tokio::join!(receive, send).0
                });
                assert!(received == sent, "client {number} got other bytes back");
            })
        })
        .collect();
    clients.into_iter().for_each(|client| client.join().unwrap());
}

#[test]
fn threads_talk_through_channels() {
    let (ask, mut asked) = mpsc::channel::<(u32, oneshot::Sender<u32>)>(1);
    let server = std::thread::spawn(move || {
        while let Some((number, answer)) = wait(asked.recv()) {
            wait(async { tokio::time::sleep(Duration::from_millis(1)).await });
            answer.send(number * 2).unwrap();
        }
    });
    for number in 0..50 {
        let (answer, answered) = oneshot::channel();
        wait(ask.send((number, answer))).unwrap();
        assert_eq!(wait(answered), Ok(number * 2));
    }
    drop(ask);
    server.join().unwrap();
}

#[test]
fn waits_nest() {
    let address = echo_server();
    let answer = wait(async {
        tokio::time::sleep(Duration::from_millis(1)).await;
        // Blocking code in the middle of a future, as old libraries have it.
        let inner = wait(async {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(b"in").await.unwrap();
            wait(async { tokio::time::sleep(Duration::from_millis(1)).await });
            let mut buffer = [0; 2];
            stream.read_exact(&mut buffer).await.unwrap();
            buffer
        });
        tokio::time::sleep(Duration::from_millis(1)).await;
        inner
    });
    assert_eq!(&answer, b"in");
}

#[test]
fn a_limit_ends_the_wait() {
    let listener = wait(TcpListener::bind("127.0.0.1:0")).unwrap();
    let limit = Duration::from_millis(20);
    let start = Instant::now();
    assert!(wait_timeout(listener.accept(), limit).is_err());
    assert!(wait_deadline(listener.accept(), start + 2 * limit).is_err());
    static NOBODY: Reason = Reason::new("a caller who never comes");
    assert!(wait_for(&NOBODY, Some(start + 3 * limit), listener.accept()).is_err());
    assert!(start.elapsed() >= 3 * limit);

    // The listener is as good as before.
    let address = listener.local_addr().unwrap();
    let caller = std::thread::spawn(move || wait(TcpStream::connect(address)).is_ok());
    assert!(wait_timeout(listener.accept(), Duration::from_secs(60)).unwrap().is_ok());
    assert!(caller.join().unwrap());
}

#[test]
fn what_is_ready_counts_even_if_the_time_is_over() {
    assert_eq!(wait_timeout(async { 7 }, Duration::ZERO), Ok(7));
}

#[test]
fn background_tasks_run_during_waits_that_know_nothing_of_them() {
    let (tell, told) = std::sync::mpsc::channel();
    let ticks = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&ticks);
    enter(|| {
        tokio::spawn(async move {
            for _ in 0..5 {
                tokio::time::sleep(Duration::from_millis(2)).await;
                counter.fetch_add(1, Ordering::Relaxed);
            }
            tell.send(()).unwrap();
        })
    });
    // Waits of the floor: they have never heard of tokio.
    while told.try_recv().is_err() {
        manyhands_wait::sleep(Duration::from_millis(1));
    }
    assert_eq!(ticks.load(Ordering::Relaxed), 5);
}

#[test]
fn a_future_that_wakes_itself_lets_background_tasks_run() {
    let (tell, mut told) = oneshot::channel();
    enter(|| {
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(2)).await;
            tell.send(()).unwrap();
        })
    });
    wait(async {
        while told.try_recv().is_err() {
            Again(false).await;
        }
    });
}

/// Pending once, having woken itself: like `yield_now`, but without tokio's help.
struct Again(bool);

impl Future for Again {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

#[test]
fn background_tasks_catch_up_with_what_happened_while_the_thread_did_not_wait() {
    // In the future itself, and in a task that was spawned before the reactor turns again.
    for spawned in [false, true] {
        let listener = wait(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let peer = std::net::TcpStream::connect(address).unwrap();
        let (mut stream, _) = wait(listener.accept()).unwrap();
        let (tell, mut closed) = oneshot::channel();
        enter(|| {
            tokio::spawn(async move {
                let end = stream.read(&mut [0]).await;
                tell.send(end.unwrap()).unwrap();
            })
        });
        // The task has begun to read; the other side closes while the thread does something else.
        wait(async { tokio::time::sleep(Duration::from_millis(1)).await });
        drop(peer);
        std::thread::sleep(Duration::from_millis(20));
        let check = async move {
            manyhands_io::catch_up().await;
            closed.try_recv()
        };
        let seen = match spawned {
            false => wait(check),
            true => wait(enter(|| tokio::spawn(check))).unwrap(),
        };
        assert_eq!(seen, Ok(0));
    }
}

#[test]
#[cfg(target_os = "linux")]
fn waiting_starts_no_thread() {
    let threads = || std::fs::read_dir("/proc/self/task").unwrap().count();
    // Other tests of this process come and go, so this one counts in a process of its own.
    in_own_process("thread::waiting_starts_no_thread", || {
        let before = threads();
        let listener = wait(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        wait(async {
            let client = TcpStream::connect(address);
            let (accepted, connected) = tokio::join!(listener.accept(), client);
            accepted.unwrap();
            connected.unwrap();
            tokio::time::sleep(Duration::from_millis(2)).await;
        });
        assert_eq!(threads(), before);
    });
}
