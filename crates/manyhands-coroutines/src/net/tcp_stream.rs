//! [`TcpStream`].

use std::fmt;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

use manyhands_io::Direction;
use manyhands_wait::Reason;

use super::address::{ToSocketAddrs, first_that_works};
use super::connect;
use super::halves::{self, Duplex, ReadHalf, WriteHalf};
use super::socket::Socket;
use super::stream::{is_short, length, room, stream};

/// A TCP connection. Reads and writes wait wherever the caller stands; see the
/// [module](crate::net).
#[doc(alias = "socket.socket")]
#[doc(alias = "gevent.socket")]
pub struct TcpStream {
    socket: Arc<Socket<std::net::TcpStream>>,
}

stream!(TcpStream, std::net::TcpStream, "a TCP stream", short_means_drained: true);

fn peek(io: &std::net::TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    io.peek(buffer)
}

impl TcpStream {
    /// Connects to the first address that answers.
    ///
    /// # Errors
    /// That of the last address, or of the look-up of its name.
    #[doc(alias = "create_connection")]
    #[track_caller]
    pub fn connect(address: impl ToSocketAddrs) -> io::Result<TcpStream> {
        let connected = first_that_works(&address, |address| connect::tcp(address, None))?;
        Ok(TcpStream::from_socket(connected))
    }

    /// Connects to `address` within `limit`.
    ///
    /// # Errors
    /// [`io::ErrorKind::TimedOut`] when the time is over, [`io::ErrorKind::InvalidInput`] for a
    /// limit of zero, and what the system says.
    #[track_caller]
    pub fn connect_timeout(address: &SocketAddr, limit: Duration) -> io::Result<TcpStream> {
        if limit.is_zero() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the time limit of a connection must be longer than zero",
            ));
        }
        connect::tcp(*address, Some(limit)).map(TcpStream::from_socket)
    }

    /// The address of the other end.
    ///
    /// # Errors
    /// If the stream is not connected (any more).
    #[doc(alias = "getpeername")]
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket.io().peer_addr()
    }

    /// The address of this end.
    ///
    /// # Errors
    /// If the system cannot say.
    #[doc(alias = "getsockname")]
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.io().local_addr()
    }

    /// Whether small writes are sent at once (`TCP_NODELAY`), without waiting for more.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.socket.io().set_nodelay(nodelay)
    }

    /// Whether small writes are sent at once.
    ///
    /// # Errors
    /// If the system cannot say.
    pub fn nodelay(&self) -> io::Result<bool> {
        self.socket.io().nodelay()
    }

    /// Over how many routers a packet may go.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn set_ttl(&self, hops: u32) -> io::Result<()> {
        self.socket.io().set_ttl(hops)
    }

    /// Over how many routers a packet may go.
    ///
    /// # Errors
    /// If the system cannot say.
    pub fn ttl(&self) -> io::Result<u32> {
        self.socket.io().ttl()
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::thread;

    use crate::net::{TcpListener, TcpStream};

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (client, listener.accept().unwrap().0)
    }

    /// Reads one byte, and waits for it if `other` has not sent it; then has `other` send one.
    fn wait_for_a_byte(stream: &TcpStream, other: &TcpStream) {
        let writer = other.try_clone().unwrap();
        let reader = stream.try_clone().unwrap();
        let waiting = thread::spawn(move || (&reader).read_exact(&mut [0]).unwrap());
        (&writer).write_all(b"x").unwrap();
        waiting.join().unwrap();
    }

    #[test]
    fn nothing_is_registered_before_the_first_wait() {
        let (client, server) = pair();
        (&client).write_all(b"x").unwrap();
        while server.peek(&mut [0]).is_err() {}
        (&server).read_exact(&mut [0]).unwrap();
        assert_eq!(client.socket.registrations(), 0);
    }

    #[test]
    fn one_place_is_one_registration() {
        let (client, server) = pair();
        for _ in 0..10 {
            let writer = client.try_clone().unwrap();
            let writing = thread::spawn(move || (&writer).write_all(b"x").unwrap());
            (&server).read_exact(&mut [0]).unwrap();
            writing.join().unwrap();
        }
        assert!(server.socket.registrations() <= 1);
    }

    #[test]
    fn places_that_it_has_left_are_forgotten() {
        let (client, server) = pair();
        for _ in 0..20 {
            wait_for_a_byte(&server, &client);
        }
        assert!(server.socket.registrations() <= 2);
    }
}
