//! [`UdpSocket`].

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

use manyhands_io::Direction;
use manyhands_wait::Reason;

use super::address::{ToSocketAddrs, first_that_works};
use super::socket::Socket;

static RECEIVE: Reason = Reason::new("datagram to a UDP socket");
static PEEK: Reason = Reason::new("datagram to peek at in a UDP socket");
static SEND: Reason = Reason::new("room to send from a UDP socket");

/// A UDP socket. It waits wherever the caller stands; see the [module](crate::net).
///
/// Any number of threads and coroutines may send and receive through one socket at once.
#[doc(alias = "DatagramServer")]
pub struct UdpSocket {
    socket: Arc<Socket<std::net::UdpSocket>>,
}

impl UdpSocket {
    /// A socket at the first address that can be had; port 0 is any free one.
    ///
    /// # Errors
    /// That of the last address, or of the look-up of its name.
    #[track_caller]
    pub fn bind(address: impl ToSocketAddrs) -> io::Result<UdpSocket> {
        UdpSocket::from_std(first_that_works(&address, std::net::UdpSocket::bind)?)
    }

    /// Sends to this address and receives from it alone, until connected anew.
    ///
    /// # Errors
    /// If there is no way to the address, and those of the look-up of its name.
    #[track_caller]
    pub fn connect(&self, address: impl ToSocketAddrs) -> io::Result<()> {
        first_that_works(&address, |address| self.socket.io().connect(address))
    }

    /// Sends a datagram to the first of the addresses.
    ///
    /// # Errors
    /// What the system says; [`io::ErrorKind::TimedOut`].
    #[doc(alias = "sendto")]
    #[track_caller]
    pub fn send_to(&self, bytes: &[u8], address: impl ToSocketAddrs) -> io::Result<usize> {
        first_that_works(&address, Ok).and_then(|address| {
            self.socket.run(Direction::Write, &SEND, |io| io.send_to(bytes, address))
        })
    }

    /// Waits for a datagram and says who sent it. What does not fit in `buffer` is lost.
    ///
    /// # Errors
    /// What the system says; [`io::ErrorKind::TimedOut`].
    #[doc(alias = "recvfrom")]
    #[track_caller]
    pub fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.socket.run(Direction::Read, &RECEIVE, |io| io.recv_from(buffer))
    }

    /// Like [`recv_from`](Self::recv_from), and the datagram stays to be received.
    ///
    /// # Errors
    /// What the system says; [`io::ErrorKind::TimedOut`].
    #[track_caller]
    pub fn peek_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.socket.run(Direction::Read, &PEEK, |io| io.peek_from(buffer))
    }

    /// Sends a datagram to the address that the socket is connected to.
    ///
    /// # Errors
    /// What the system says; [`io::ErrorKind::ConnectionRefused`] if an earlier datagram came back;
    /// [`io::ErrorKind::TimedOut`].
    #[track_caller]
    pub fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        self.socket.run(Direction::Write, &SEND, |io| io.send(bytes))
    }

    /// Waits for a datagram from the address that the socket is connected to. What does not fit in
    /// `buffer` is lost.
    ///
    /// # Errors
    /// What the system says; [`io::ErrorKind::ConnectionRefused`] if a datagram that was sent came
    /// back; [`io::ErrorKind::TimedOut`].
    #[track_caller]
    pub fn recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket.run(Direction::Read, &RECEIVE, |io| io.recv(buffer))
    }

    /// Like [`recv`](Self::recv), and the datagram stays to be received.
    ///
    /// # Errors
    /// Those of [`recv`](Self::recv).
    #[track_caller]
    pub fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket.run(Direction::Read, &PEEK, |io| io.peek(buffer))
    }

    /// Where datagrams for this socket are to be sent.
    ///
    /// # Errors
    /// If the system cannot say.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.io().local_addr()
    }

    /// The address that the socket is connected to.
    ///
    /// # Errors
    /// If it is not connected.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket.io().peer_addr()
    }

    /// Limits how long receiving waits; `None`, the default, is no limit. All handles share it.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] for a limit of zero.
    pub fn set_read_timeout(&self, limit: Option<Duration>) -> io::Result<()> {
        self.socket.limit(Direction::Read).set(limit)
    }

    /// Limits how long sending waits for room, which it seldom does.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] for a limit of zero.
    pub fn set_write_timeout(&self, limit: Option<Duration>) -> io::Result<()> {
        self.socket.limit(Direction::Write).set(limit)
    }

    /// How long receiving waits at most.
    ///
    /// # Errors
    /// None; it returns a result to be a drop-in for the standard library's.
    pub fn read_timeout(&self) -> io::Result<Option<Duration>> {
        Ok(self.socket.limit(Direction::Read).get())
    }

    /// How long sending waits at most.
    ///
    /// # Errors
    /// None; it returns a result to be a drop-in for the standard library's.
    pub fn write_timeout(&self) -> io::Result<Option<Duration>> {
        Ok(self.socket.limit(Direction::Write).get())
    }

    /// Whether datagrams may be sent to broadcast addresses.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn set_broadcast(&self, broadcast: bool) -> io::Result<()> {
        self.socket.io().set_broadcast(broadcast)
    }

    /// Receives what is sent to the group `group`, on the interface with the address `interface`
    /// (any, if that is unspecified).
    ///
    /// # Errors
    /// If the system refuses.
    pub fn join_multicast_v4(&self, group: &Ipv4Addr, interface: &Ipv4Addr) -> io::Result<()> {
        self.socket.io().join_multicast_v4(group, interface)
    }

    /// Receives what is sent to the group `group`, on the interface of this index (any, if 0).
    ///
    /// # Errors
    /// If the system refuses.
    pub fn join_multicast_v6(&self, group: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.socket.io().join_multicast_v6(group, interface)
    }

    /// Over how many routers a datagram may go.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn set_ttl(&self, hops: u32) -> io::Result<()> {
        self.socket.io().set_ttl(hops)
    }

    /// Takes the error that is pending on the socket, if any.
    ///
    /// # Errors
    /// If the system cannot say.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket.io().take_error()
    }

    /// Another handle of the same socket. It takes no second descriptor and does not fail.
    ///
    /// # Errors
    /// None; it returns a result to be a drop-in for the standard library's.
    pub fn try_clone(&self) -> io::Result<UdpSocket> {
        Ok(UdpSocket { socket: Arc::clone(&self.socket) })
    }

    /// Takes over a socket of the standard library, with its time limits, and puts it in
    /// non-blocking mode. For options that are not here, set them there first.
    ///
    /// # Errors
    /// If the descriptor is no open socket.
    pub fn from_std(socket: std::net::UdpSocket) -> io::Result<UdpSocket> {
        let (read, write) = (socket.read_timeout()?, socket.write_timeout()?);
        socket.set_nonblocking(true)?;
        let socket = UdpSocket { socket: Arc::new(Socket::new(socket)) };
        socket.set_read_timeout(read)?;
        socket.set_write_timeout(write)?;
        Ok(socket)
    }

    /// The socket as one of the standard library, in blocking mode and with the same time limits.
    ///
    /// # Errors
    /// [`io::ErrorKind::ResourceBusy`] if there are clones, which would block their threads from
    /// then on; this one is dropped then.
    pub fn into_std(self) -> io::Result<std::net::UdpSocket> {
        let (read, write) = (self.read_timeout()?, self.write_timeout()?);
        let socket = Arc::into_inner(self.socket).ok_or_else(|| {
            io::Error::new(io::ErrorKind::ResourceBusy, "other clones of the UDP socket are in use")
        })?;
        let socket = socket.into_io();
        socket.set_nonblocking(false)?;
        socket.set_read_timeout(read)?;
        socket.set_write_timeout(write)?;
        Ok(socket)
    }
}

impl TryFrom<std::net::UdpSocket> for UdpSocket {
    type Error = io::Error;

    fn try_from(socket: std::net::UdpSocket) -> io::Result<UdpSocket> {
        UdpSocket::from_std(socket)
    }
}

impl TryFrom<UdpSocket> for std::net::UdpSocket {
    type Error = io::Error;

    fn try_from(socket: UdpSocket) -> io::Result<std::net::UdpSocket> {
        socket.into_std()
    }
}

impl AsFd for UdpSocket {
    /// For asking and setting options; the descriptor must stay in non-blocking mode.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.io().as_fd()
    }
}

impl AsRawFd for UdpSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.io().as_raw_fd()
    }
}

impl fmt::Debug for UdpSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.socket.io().fmt(f)
    }
}
