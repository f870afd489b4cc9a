//! C7: a TCP server with a coroutine for each connection, which answers in upper case.
//!
//! Follows the program that accepts in a loop, starts `gevent.spawn(talk, conn, addr)` for each
//! connection and closes it in a `finally`. `t8_threaded_echo_server` is the same with threads.
//!
//! Better here: a connection is closed whatever becomes of its handler, a handler that panics ends
//! nobody else's, too many connections wait their turn, and the server can be stopped.
//!
//! What the clients say may be given as arguments.

use std::net::SocketAddr;

use examples::{EchoClient, Options, answer_in_upper_case};
use manyhands::coroutines::net::{TcpListener, TcpStream};
use manyhands::coroutines::server::{Statistics, StreamServer};
use manyhands::{Context, CoroutinePool, Thread};

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
            let one_thread = CoroutinePool::new(1)?;
            Ok(server.serve(&one_thread)?)
        },
    )?;

    // Both are connected all the time: the silence of one holds up nothing for the other.
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
