//! The echo server of the tutorial, in parts: what a handler does with its connection, and a client.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

/// Answers everything that comes over `stream` in upper case, until the other end leaves. `note` is
/// called with each message before it is answered.
///
/// # Errors
/// Those of the stream: a client that has gone without a word, for instance.
pub fn answer_in_upper_case(
    stream: &mut (impl Read + Write),
    mut note: impl FnMut(&str),
) -> io::Result<()> {
    let mut buffer = [0; 1024];
    loop {
        let read = stream.read(&mut buffer)?;
        if read == 0 {
            return Ok(());
        }
        note(&String::from_utf8_lossy(&buffer[..read]));
        stream.write_all(&buffer[..read].to_ascii_uppercase())?;
    }
}

/// A client with a socket of its own: the standard library's, which knows nothing of coroutines.
#[derive(Debug)]
pub struct EchoClient {
    stream: TcpStream,
}

impl EchoClient {
    /// Connects to the server at `address`.
    ///
    /// # Errors
    /// If nobody answers.
    pub fn connect(address: SocketAddr) -> io::Result<EchoClient> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(EchoClient { stream })
    }

    /// Sends a message and waits for an answer of the same length.
    ///
    /// # Errors
    /// If the connection breaks, or ends before the whole answer is there.
    pub fn say(&mut self, message: &str) -> io::Result<String> {
        self.stream.write_all(message.as_bytes())?;
        let mut answer = vec![0; message.len()];
        self.stream.read_exact(&mut answer)?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    /// The address of this end. Each client has its own.
    ///
    /// # Errors
    /// If the operating system cannot say.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.stream.local_addr()
    }
}
