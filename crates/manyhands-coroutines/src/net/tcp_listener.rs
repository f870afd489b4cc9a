//! [`TcpListener`].

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

use manyhands_io::Direction;
use manyhands_wait::Reason;
use rustix::net::{SocketFlags, acceptfrom_with, listen};

use super::TcpStream;
use super::address::{ToSocketAddrs, first_that_works};
use super::socket::Socket;

static ACCEPT: Reason = Reason::new("connection to a TCP listener");

/// How many clients may wait to be accepted, if the system allows so many. The standard library's
/// 128 would have a burst of clients dropped, who then try again after a second.
const BACKLOG: i32 = 4096;

/// A TCP socket that takes connections.
///
/// Several threads and coroutines may accept from one listener at once (through a reference or an
/// `Arc`); each connection goes to one of them.
pub struct TcpListener {
    socket: Socket<std::net::TcpListener>,
}

impl TcpListener {
    /// Listens at the first address that can be had; port 0 is any free one. The address may be
    /// taken again at once after the listener is gone (`SO_REUSEADDR`).
    ///
    /// # Errors
    /// That of the last address, or of the look-up of its name.
    #[track_caller]
    pub fn bind(address: impl ToSocketAddrs) -> io::Result<TcpListener> {
        let listener = first_that_works(&address, std::net::TcpListener::bind)?;
        listen(&listener, BACKLOG)?;
        TcpListener::from_std(listener)
    }

    /// Waits for the next connection and returns it with the address of the client.
    ///
    /// # Errors
    /// What the system says, most often that there are too many open files, or that the client has
    /// gone again ([`io::ErrorKind::ConnectionAborted`]). The listener stays usable.
    #[track_caller]
    pub fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        self.socket.run(Direction::Read, &ACCEPT, accept)
    }

    /// [`accept`](Self::accept) as a future.
    pub(crate) async fn accept_async(&self) -> io::Result<(TcpStream, SocketAddr)> {
        self.socket.run_async(Direction::Read, accept).await
    }

    /// The connections as they come, without end.
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming { listener: self }
    }

    /// Where it listens.
    ///
    /// # Errors
    /// If the system cannot say.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.io().local_addr()
    }

    /// Takes the error that is pending on the socket, if any.
    ///
    /// # Errors
    /// If the system cannot say.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket.io().take_error()
    }

    /// Takes over a listener of the standard library and puts it in non-blocking mode.
    ///
    /// # Errors
    /// If the descriptor is no open socket.
    pub fn from_std(listener: std::net::TcpListener) -> io::Result<TcpListener> {
        listener.set_nonblocking(true)?;
        Ok(TcpListener { socket: Socket::new(listener) })
    }

    /// The listener as one of the standard library, in blocking mode.
    ///
    /// # Errors
    /// If the mode cannot be changed.
    pub fn into_std(self) -> io::Result<std::net::TcpListener> {
        let listener = self.socket.into_io();
        listener.set_nonblocking(false)?;
        Ok(listener)
    }
}

fn accept(listener: &std::net::TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let (descriptor, peer) = acceptfrom_with(listener, flags)?;
    let stream = std::net::TcpStream::from(descriptor);
    let peer = match peer.and_then(|peer| SocketAddr::try_from(peer).ok()) {
        Some(peer) => peer,
        None => stream.peer_addr()?,
    };
    Ok((TcpStream::over(stream), peer))
}

impl TryFrom<std::net::TcpListener> for TcpListener {
    type Error = io::Error;

    fn try_from(listener: std::net::TcpListener) -> io::Result<TcpListener> {
        TcpListener::from_std(listener)
    }
}

impl TryFrom<TcpListener> for std::net::TcpListener {
    type Error = io::Error;

    fn try_from(listener: TcpListener) -> io::Result<std::net::TcpListener> {
        listener.into_std()
    }
}

impl AsFd for TcpListener {
    /// For asking and setting options; the descriptor must stay in non-blocking mode.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.io().as_fd()
    }
}

impl AsRawFd for TcpListener {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.io().as_raw_fd()
    }
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.socket.io().fmt(f)
    }
}

/// The connections of a listener, made by [`TcpListener::incoming`]. Never ends.
#[derive(Debug)]
pub struct Incoming<'a> {
    listener: &'a TcpListener,
}

impl Iterator for Incoming<'_> {
    type Item = io::Result<TcpStream>;

    #[track_caller]
    fn next(&mut self) -> Option<io::Result<TcpStream>> {
        Some(self.listener.accept().map(|(stream, _)| stream))
    }
}

impl std::iter::FusedIterator for Incoming<'_> {}
