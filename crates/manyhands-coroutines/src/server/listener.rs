//! What a server can listen on.

use std::fmt;
use std::future::Future;
use std::io;

use crate::net::{TcpListener, TcpStream, UnixListener, UnixStream};

/// A listener that a [`StreamServer`](super::StreamServer) accepts from. The trait is sealed.
pub trait Listener: sealed::Accept + Send + 'static {}

pub(super) mod sealed {
    use super::{Future, fmt, io};

    pub trait Accept {
        /// What a connection is.
        type Stream: Send + 'static;
        /// Who is at the other end, and where a listener listens.
        type Peer: fmt::Debug + Send + 'static;

        fn accept_next(&self) -> impl Future<Output = io::Result<(Self::Stream, Self::Peer)>>;

        fn address(&self) -> io::Result<Self::Peer>;
    }
}

impl Listener for TcpListener {}

impl sealed::Accept for TcpListener {
    type Stream = TcpStream;
    type Peer = std::net::SocketAddr;

    fn accept_next(&self) -> impl Future<Output = io::Result<(TcpStream, Self::Peer)>> {
        self.accept_async()
    }

    fn address(&self) -> io::Result<Self::Peer> {
        self.local_addr()
    }
}

impl Listener for UnixListener {}

impl sealed::Accept for UnixListener {
    type Stream = UnixStream;
    type Peer = std::os::unix::net::SocketAddr;

    fn accept_next(&self) -> impl Future<Output = io::Result<(UnixStream, Self::Peer)>> {
        self.accept_async()
    }

    fn address(&self) -> io::Result<Self::Peer> {
        self.local_addr()
    }
}
