//! T9: five hundred clients at once, each a thread with a socket of its own, against both servers.
//!
//! Follows the program that starts five hundred threads, which connect and say `Thread-7 say hello 3`
//! and so on for ever, and the remark that the socket has to be made inside the function, because
//! otherwise all threads share one.
//!
//! Better here: every answer is held against what its client said, so a mix-up would be seen; the
//! server says how many were connected at a time; and each client ends after ten messages.
//!
//! How many clients, and how many messages each, may be given as arguments.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Arc, Barrier};
use std::time::Instant;

use anyhow::{Context, ensure};
use examples::{EchoClient, Options, allow_many_files, answer_in_upper_case};
use manyhands::coroutines::net::{TcpListener, TcpStream};
use manyhands::coroutines::server::{Statistics, StreamServer};
use manyhands::{AnyExecutor, Thread};

fn talk(mut stream: TcpStream, peer: SocketAddr) {
    if let Err(error) = answer_in_upper_case(&mut stream, |_| {}) {
        eprintln!("client {peer}: {error}");
    }
}

/// One client. Returns its own address.
fn client(server: SocketAddr, messages: usize, all_here: &Barrier) -> anyhow::Result<SocketAddr> {
    let name = Thread::current().name();
    let exchange = |client: &mut EchoClient, count: usize| -> anyhow::Result<()> {
        let message = format!("{name} say hello {count}");
        let answer = client.say(&message)?;
        ensure!(answer == message.to_uppercase(), "{message:?} was answered with {answer:?}");
        Ok(())
    };
    let begun = EchoClient::connect(server).map_err(anyhow::Error::from).and_then(|mut client| {
        exchange(&mut client, 0)?;
        Ok(client)
    });
    all_here.wait(); // also if this one has failed: nobody is to wait for it for ever
    all_here.wait();
    let mut client = begun?;
    for count in 1..messages {
        exchange(&mut client, count)?;
    }
    Ok(client.local_addr()?)
}

fn against(model: &str, clients: usize, messages: usize) -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let server = StreamServer::new(listener, talk);
    let handle = server.handle();
    let executor: AnyExecutor = model.parse()?;
    let serving = Thread::builder()
        .name("server")
        .daemon(true)
        .start(move || -> anyhow::Result<Statistics> { Ok(server.serve(&executor)?) })?;

    let start = Instant::now();
    let all_here = Arc::new(Barrier::new(clients + 1));
    let mut threads = Vec::new();
    for _ in 0..clients {
        let all_here = Arc::clone(&all_here);
        let of_thread = Thread::builder().daemon(true);
        threads.push(of_thread.start(move || client(address, messages, &all_here))?);
    }
    all_here.wait();
    let at_once = handle.statistics().under_way;
    all_here.wait();

    let mut ends = HashSet::new();
    for thread in threads {
        ends.insert(thread.join()??);
    }
    let took = start.elapsed();
    handle.stop();
    let statistics = serving.join()??;
    println!("{model}: {at_once} connections at a time, {} in all", statistics.accepted);
    println!("{model}: {} sockets, {} answers, none mixed up", ends.len(), clients * messages);
    println!("{model}: {:.2} s", took.as_secs_f64());
    Ok(())
}

pub(crate) fn main() -> anyhow::Result<()> {
    let (_, words) = Options::with_words()?;
    let number = |place: usize, default: usize| match words.get(place) {
        None => Ok(default),
        Some(word) => word.parse().with_context(|| format!("not a number: {word:?}")),
    };
    let (clients, messages) = (number(0, 500)?, number(1, 10)?);
    allow_many_files();
    against("coroutines:1", clients, messages)?;
    against(&format!("threads:{clients}"), clients, messages)
}
