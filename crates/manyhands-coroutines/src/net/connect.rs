//! Connecting without blocking.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use manyhands_wait::Reason;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with};

use super::registration::Direction;
use super::socket::Socket;

static CONNECT: Reason = Reason::new("connection to a TCP server");

/// Connects to `address`, within `limit` if there is one.
#[track_caller]
pub(super) fn tcp(address: SocketAddr, limit: Option<Duration>) -> io::Result<Socket<TcpStream>> {
    manyhands_wait::check_cancelled();
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let descriptor = socket_with(family, SocketType::STREAM, flags, None)?;
    match connect(&descriptor, &address) {
        // A signal does not end the attempt, which goes on in the kernel.
        Ok(()) | Err(Errno::INPROGRESS | Errno::INTR) => {}
        Err(errno) => return Err(errno.into()),
    }
    let socket = Socket::new(TcpStream::from(descriptor));
    socket.run_within(limit, Direction::Write, &CONNECT, is_connected, |()| false)?;
    Ok(socket)
}

fn is_connected(stream: &TcpStream) -> io::Result<()> {
    if let Some(error) = stream.take_error()? {
        return Err(error);
    }
    match stream.peer_addr() {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotConnected => {
            // The attempt may have failed between the two questions.
            stream.take_error()?.map_or(Err(io::ErrorKind::WouldBlock.into()), Err)
        }
        Err(error) => Err(error),
    }
}
