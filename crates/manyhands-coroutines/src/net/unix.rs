//! [`UnixStream`] and [`UnixListener`].

use std::fmt;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::os::unix::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use manyhands_io::Direction;
use manyhands_wait::Reason;
use rustix::net::RecvFlags;

use super::connect;
use super::halves::{self, Duplex, ReadHalf, WriteHalf};
use super::socket::Socket;
use super::stream::{is_short, length, room, stream};

static ACCEPT: Reason = Reason::new("connection to a Unix listener");

/// A stream between processes of this machine. Reads and writes wait wherever the caller stands;
/// see the [module](crate::net).
pub struct UnixStream {
    socket: Arc<Socket<std::os::unix::net::UnixStream>>,
}

// A read ends early where descriptors or credentials were sent along, so a short one proves nothing.
stream!(
    UnixStream,
    std::os::unix::net::UnixStream,
    "a Unix stream",
    short_means_drained: false
);

fn peek(io: &std::os::unix::net::UnixStream, buffer: &mut [u8]) -> io::Result<usize> {
    let (peeked, _) = rustix::net::recv(io, buffer, RecvFlags::PEEK)?;
    Ok(peeked)
}

impl UnixStream {
    /// Connects to the listener at `path`. While the listener has too many clients waiting, this
    /// one waits too.
    ///
    /// # Errors
    /// If nobody listens there, or the file may not be used.
    #[track_caller]
    pub fn connect(path: impl AsRef<Path>) -> io::Result<UnixStream> {
        connect::unix(path.as_ref()).map(UnixStream::over)
    }

    /// [`read`](Read::read) as a future, without a limit.
    pub(crate) async fn read_async(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket.run_async(Direction::Read, |mut io| io.read(buffer)).await
    }

    /// Two connected streams.
    ///
    /// # Errors
    /// If there are too many open files.
    #[doc(alias = "socketpair")]
    pub fn pair() -> io::Result<(UnixStream, UnixStream)> {
        let (one, other) = std::os::unix::net::UnixStream::pair()?;
        Ok((UnixStream::from_std(one)?, UnixStream::from_std(other)?))
    }

    /// The address of the other end; most clients have none.
    ///
    /// # Errors
    /// If the system cannot say.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket.io().peer_addr()
    }

    /// The address of this end.
    ///
    /// # Errors
    /// If the system cannot say.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.io().local_addr()
    }
}

/// A socket in the file system that takes connections from processes of this machine.
///
/// The file stays when the listener is dropped, as with the standard library; whoever binds there
/// again removes it first.
pub struct UnixListener {
    socket: Socket<std::os::unix::net::UnixListener>,
}

impl UnixListener {
    /// Listens at `path`, where no file may be yet.
    ///
    /// # Errors
    /// [`io::ErrorKind::AddrInUse`] if there is a file, and what else the system says.
    pub fn bind(path: impl AsRef<Path>) -> io::Result<UnixListener> {
        UnixListener::from_std(std::os::unix::net::UnixListener::bind(path)?)
    }

    /// Waits for the next connection and returns it with the address of the client.
    ///
    /// # Errors
    /// What the system says, most often that there are too many open files. The listener stays
    /// usable.
    #[track_caller]
    pub fn accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
        self.socket.run(Direction::Read, &ACCEPT, accept)
    }

    /// [`accept`](Self::accept) as a future.
    pub(crate) async fn accept_async(&self) -> io::Result<(UnixStream, SocketAddr)> {
        self.socket.run_async(Direction::Read, accept).await
    }

    /// The connections as they come, without end.
    pub fn incoming(&self) -> UnixIncoming<'_> {
        UnixIncoming { listener: self }
    }

    /// Where it listens.
    ///
    /// # Errors
    /// If the system cannot say.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.io().local_addr()
    }

    /// Takes over a listener of the standard library and puts it in non-blocking mode.
    ///
    /// # Errors
    /// If the descriptor is no open socket.
    pub fn from_std(listener: std::os::unix::net::UnixListener) -> io::Result<UnixListener> {
        listener.set_nonblocking(true)?;
        Ok(UnixListener { socket: Socket::new(listener) })
    }

    /// The listener as one of the standard library, in blocking mode.
    ///
    /// # Errors
    /// If the mode cannot be changed.
    pub fn into_std(self) -> io::Result<std::os::unix::net::UnixListener> {
        let listener = self.socket.into_io();
        listener.set_nonblocking(false)?;
        Ok(listener)
    }
}

fn accept(listener: &std::os::unix::net::UnixListener) -> io::Result<(UnixStream, SocketAddr)> {
    let (stream, peer) = listener.accept()?;
    stream.set_nonblocking(true)?;
    Ok((UnixStream::over(stream), peer))
}

impl TryFrom<std::os::unix::net::UnixListener> for UnixListener {
    type Error = io::Error;

    fn try_from(listener: std::os::unix::net::UnixListener) -> io::Result<UnixListener> {
        UnixListener::from_std(listener)
    }
}

impl AsFd for UnixListener {
    /// For asking and setting options; the descriptor must stay in non-blocking mode.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.io().as_fd()
    }
}

impl AsRawFd for UnixListener {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.io().as_raw_fd()
    }
}

impl fmt::Debug for UnixListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.socket.io().fmt(f)
    }
}

/// The connections of a listener, made by [`UnixListener::incoming`]. Never ends.
#[derive(Debug)]
pub struct UnixIncoming<'a> {
    listener: &'a UnixListener,
}

impl Iterator for UnixIncoming<'_> {
    type Item = io::Result<UnixStream>;

    #[track_caller]
    fn next(&mut self) -> Option<io::Result<UnixStream>> {
        Some(self.listener.accept().map(|(stream, _)| stream))
    }
}

impl std::iter::FusedIterator for UnixIncoming<'_> {}
