//! T8: a TCP server with a thread for each connection, which answers in upper case.
//!
//! Follows the program that accepts in a loop and starts `threading.Thread(target=action, …)` for
//! each connection. `c7_coroutine_echo_server` is the same with coroutines: only the executor is
//! another.
//!
//! Better here: threads are used again, their number is bounded, and neither an empty message nor a
//! client that leaves without a word makes a thread loop for ever or end with a traceback.
//!
//! What the clients say may be given as arguments.

use std::net::SocketAddr;

use examples::{EchoClient, Options, answer_in_upper_case};
use manyhands::coroutines::net::{TcpListener, TcpStream};
use manyhands::coroutines::server::{Statistics, StreamServer};
use manyhands::{Context, Thread, ThreadPool};

fn talk(mut stream: TcpStream, peer: SocketAddr) {
    let note = |message: &str| {
        println!("client {peer} msg: {message} ({:?})", Context::current().kind());
    };
    if let Err(error) = answer_in_upper_case(&mut stream, note) {
        println!("client {peer}: {error}");
    }
}

pub(crate) fn main() -> anyhow::Result<()> {
    let (_, mut words) = Options::with_words()?;
    if words.is_empty() {
        words = ["hello", "many hands"].map(str::to_owned).to_vec();
    }
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let server = StreamServer::new(listener, talk);
    let handle = server.handle();
    let serving = Thread::builder().name("server").daemon(true).start(
        move || -> anyhow::Result<Statistics> {
            let two_threads = ThreadPool::new(2)?;
            Ok(server.serve(&two_threads)?)
        },
    )?;

    // Both are connected all the time, so each has a thread.
    let mut clients = [EchoClient::connect(address)?, EchoClient::connect(address)?];
    for word in &words {
        for client in &mut clients {
            println!("{}", client.say(word)?);
        }
    }
    drop(clients);
    handle.stop();
    println!("{} connections served", serving.join()??.accepted);
    Ok(())
}
