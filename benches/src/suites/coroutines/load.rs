//! The load for an echo server: one thread with many connections, each of which sends a line, waits
//! for all of the answer, checks it, and sends the next.
//!
//! It is written on `epoll` itself, so that it takes as little as possible of the cores that it
//! shares with the server.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use serde_json::json;

use crate::measure::percentile;
use crate::process::tell;

/// How much load, for how long.
#[derive(Debug, Clone, Copy)]
pub(super) struct Load {
    pub(super) connections: usize,
    /// Before it counts.
    pub(super) warm_ms: u64,
    pub(super) measured_ms: u64,
}

impl Load {
    /// The words of the part that makes it.
    pub(super) fn words(&self, address: &str) -> [String; 4] {
        let Load { connections, warm_ms, measured_ms } = self;
        [address.to_owned(), connections.to_string(), warm_ms.to_string(), measured_ms.to_string()]
    }
}

/// ADDRESS CONNECTIONS WARM_MS MEASURED_MS. Prints a line when it is warm, and the answer.
pub(super) fn play(words: &[String]) -> anyhow::Result<()> {
    let [address, connections, warm_ms, measured_ms] = words else {
        bail!("a load needs ADDRESS CONNECTIONS WARM_MS MEASURED_MS, not {words:?}");
    };
    let address: SocketAddr = address.parse().with_context(|| format!("where is {address}?"))?;
    let number = |word: &String| word.parse().with_context(|| format!("{word} is no number"));
    let connections: u64 = number(connections)?;
    let mut clients = Clients::connect(address, connections)?;
    clients.drive(Duration::from_millis(number(warm_ms)?))?;
    clients.latencies_ms.clear();
    tell("warm")?;
    let started = Instant::now();
    clients.drive(Duration::from_millis(number(measured_ms)?))?;
    let seconds = started.elapsed().as_secs_f64();
    let requests = clients.latencies_ms.len();
    ensure!(requests > 0, "not one answer in {seconds} s");
    let p99_ms = percentile(&mut clients.latencies_ms, 0.99);
    tell(json!({ "requests": requests, "seconds": seconds, "p99_ms": p99_ms }))
}

/// Bytes of every line.
const LINE_BYTES: usize = 64;

struct Client {
    stream: TcpStream,
    line: [u8; LINE_BYTES],
    answer: [u8; LINE_BYTES],
    /// Of the answer.
    received: usize,
    sent_at: Instant,
}

struct Clients {
    clients: Vec<Client>,
    epoll: Epoll,
    latencies_ms: Vec<f64>,
}

impl Clients {
    /// Connects one after the other; each has had an answer before the next is tried, so that none
    /// waits in the kernel for longer than the server takes.
    fn connect(address: SocketAddr, connections: u64) -> anyhow::Result<Clients> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).context("there is no epoll")?;
        let mut clients = Vec::new();
        for index in 0..connections {
            let client = Client::connect(address, index)
                .with_context(|| format!("connection {index} with {address}"))?;
            epoll.add(&client.stream, EpollEvent::new(EpollFlags::EPOLLIN, index))?;
            clients.push(client);
        }
        for client in &mut clients {
            client.send()?;
        }
        Ok(Clients { clients, epoll, latencies_ms: Vec::new() })
    }

    fn drive(&mut self, time: Duration) -> anyhow::Result<()> {
        let until = Instant::now() + time;
        let mut events = [EpollEvent::empty(); 256];
        while Instant::now() < until {
            let ready = match self.epoll.wait(&mut events, EpollTimeout::from(50_u8)) {
                Err(nix::errno::Errno::EINTR) => continue,
                ready => ready.context("cannot wait for answers")?,
            };
            for event in &events[..ready] {
                let index = usize::try_from(event.data())?;
                let taken = self.clients[index].receive();
                if let Some(latency) = taken.with_context(|| format!("connection {index}"))? {
                    self.latencies_ms.push(latency.as_secs_f64() * 1e3);
                    self.clients[index].send()?;
                }
            }
        }
        Ok(())
    }
}

impl Client {
    fn connect(address: SocketAddr, index: u64) -> anyhow::Result<Client> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        let mut line = [b'.'; LINE_BYTES];
        let text = format!("client {index:06} says hello\n");
        line[..text.len()].copy_from_slice(text.as_bytes());
        let mut client = Client {
            stream,
            line,
            answer: line.map(|byte| byte.to_ascii_uppercase()),
            received: 0,
            sent_at: Instant::now(),
        };
        client.stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        client.send()?;
        while client.receive()?.is_none() {}
        client.stream.set_nonblocking(true)?;
        Ok(client)
    }

    fn send(&mut self) -> anyhow::Result<()> {
        self.received = 0;
        self.sent_at = Instant::now();
        // It fits into the kernel's buffer: everything before it was answered.
        self.stream.write_all(&self.line).context("cannot send")
    }

    /// Takes what is there; if the answer is complete with it, returns how long that took.
    fn receive(&mut self) -> anyhow::Result<Option<Duration>> {
        let mut buffer = [0; LINE_BYTES];
        let room = &mut buffer[..LINE_BYTES - self.received];
        let read = match self.stream.read(room) {
            Ok(0) => bail!("the server has hung up"),
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(None),
            Err(error) => return Err(error).context("cannot receive"),
        };
        let expected = &self.answer[self.received..self.received + read];
        ensure!(&buffer[..read] == expected, "the answer is wrong");
        self.received += read;
        Ok((self.received == LINE_BYTES).then(|| self.sent_at.elapsed()))
    }
}
