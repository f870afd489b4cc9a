//! Connecting without blocking.

use std::future::pending;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use manyhands_io::Direction;
use manyhands_wait::Reason;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};

use super::socket::Socket;

static CONNECT: Reason = Reason::new("connection to a TCP server");
static BACKLOG: Reason = Reason::new("room in the backlog of a Unix listener");

const FLAGS: SocketFlags = SocketFlags::NONBLOCK.union(SocketFlags::CLOEXEC);

/// Connects to `address`, within `limit` if there is one.
#[track_caller]
pub(super) fn tcp(address: SocketAddr, limit: Option<Duration>) -> io::Result<Socket<TcpStream>> {
    manyhands_wait::check_cancelled();
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let descriptor = socket_with(family, SocketType::STREAM, FLAGS, None)?;
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

/// Connects to the listener at `path`.
///
/// A Unix socket is connected at once or, if too many clients wait already, not at all; and the
/// kernel says nothing when there is room again. So it is tried again, ever more patiently.
#[track_caller]
pub(super) fn unix(path: &Path) -> io::Result<UnixStream> {
    const SHORTEST: Duration = Duration::from_millis(1);
    const LONGEST: Duration = Duration::from_millis(50);
    manyhands_wait::check_cancelled();
    let address = SocketAddrUnix::new(path)?;
    let descriptor = socket_with(AddressFamily::UNIX, SocketType::STREAM, FLAGS, None)?;
    let mut pause = SHORTEST;
    loop {
        match connect(&descriptor, &address) {
            Ok(()) => return Ok(UnixStream::from(descriptor)),
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => {
                let until = Instant::now().checked_add(pause);
                // Nothing can come but the end of the pause.
                let _over = manyhands_wait::wait_for(&BACKLOG, until, pending::<()>());
                pause = (pause * 2).min(LONGEST);
            }
            Err(errno) => return Err(errno.into()),
        }
    }
}
