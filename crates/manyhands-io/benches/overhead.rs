//! What a wait costs over plain `block_on` on the same thread: each row printed as a ratio.
//!
//! `cargo bench -p manyhands-io`. The rivals run in turns, and the best turn of each counts: it is
//! the one that the machine disturbed least.

use std::hint::black_box;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};

const TURNS: usize = 9;

fn main() {
    let runtime = runtime();
    let address = echo_server();
    println!("{:<34}{:>12}{:>12}{:>8}", "", "block_on", "wait", "ratio");

    row(
        "a ready future",
        200_000,
        || runtime.block_on(async { black_box(()) }),
        || manyhands_io::wait(async { black_box(()) }),
    );
    row(
        "one wake-up",
        100_000,
        || runtime.block_on(tokio::task::yield_now()),
        || manyhands_io::wait(tokio::task::yield_now()),
    );
    row(
        "a spawned task and its result",
        50_000,
        || runtime.block_on(spawned()),
        || manyhands_io::wait(spawned()),
    );
    let mut plain = runtime.block_on(connect(address));
    let mut ours = manyhands_io::wait(connect(address));
    row(
        "64 B to another thread and back",
        5_000,
        || runtime.block_on(round_trip(&mut plain)),
        || manyhands_io::wait(round_trip(&mut ours)),
    );
    let mut plain = runtime.block_on(connect(address));
    let mut ours = manyhands_io::wait(connect(address));
    row(
        "the same a hundred times in one",
        50,
        || {
            runtime.block_on(async {
                for _ in 0..100 {
                    round_trip(&mut plain).await;
                }
            });
        },
        || {
            manyhands_io::wait(async {
                for _ in 0..100 {
                    round_trip(&mut ours).await;
                }
            });
        },
    );
}

fn row(name: &str, times: u32, mut plain: impl FnMut(), mut ours: impl FnMut()) {
    let turn = |f: &mut dyn FnMut()| {
        let start = Instant::now();
        for _ in 0..times {
            f();
        }
        start.elapsed() / times
    };
    let (mut best_plain, mut best_ours) = (Duration::MAX, Duration::MAX);
    for _ in 0..TURNS {
        best_plain = best_plain.min(turn(&mut plain));
        best_ours = best_ours.min(turn(&mut ours));
    }
    let ratio = best_ours.as_secs_f64() / best_plain.as_secs_f64();
    println!("{name:<34}{best_plain:>12.2?}{best_ours:>12.2?}{ratio:>8.2}");
}

async fn spawned() {
    tokio::spawn(async {}).await.expect("the task is empty");
}

async fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).await.expect("the server listens");
    stream.set_nodelay(true).expect("a connected socket takes the option");
    stream
}

async fn round_trip(stream: &mut TcpStream) {
    let mut buffer = [7; 64];
    stream.write_all(&buffer).await.expect("the server reads");
    stream.read_exact(&mut buffer).await.expect("the server answers");
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime can be made")
}

fn echo_server() -> SocketAddr {
    let (told, address) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        runtime().block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
            told.send(listener.local_addr().expect("it is bound")).expect("main listens");
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let _ = stream.set_nodelay(true);
                    let mut buffer = [0; 64];
                    while stream.read_exact(&mut buffer).await.is_ok() {
                        if stream.write_all(&buffer).await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
    });
    address.recv().expect("the server starts")
}
