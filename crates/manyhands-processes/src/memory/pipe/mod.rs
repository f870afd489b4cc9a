//! A pipe of messages between two processes, or threads.

mod error;
mod packet;

use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use manyhands_io::{Direction, OwnsDescriptor, Tried, Watched};
use manyhands_wait::Reason;
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

pub use error::PipeError;
use packet::Packet;

use super::MemoryError;
use super::attachments::{self, NOT_TRAVELLING};

static MESSAGE: Reason = Reason::new("message of a pipe");
static ROOM: Reason = Reason::new("room in a pipe");

/// One end of a pipe in both directions: it sends messages of type `S` and receives such of type `R`.
///
/// Each message arrives whole or not at all, in the order of sending. Both ends may be used by
/// several threads at a time; a message goes to one of those that wait. An end is closed when it is
/// dropped: the other end then still gets what was sent before, and after that
/// [`PipeError::is_closed`].
///
/// An end can be sent to a worker or a process, as a part of an argument, a result or a message. It
/// **moves** there: this process does not have it any more, whatever becomes of the receiver, so
/// that the other end learns of it when the receiver dies. (A task that is retried cannot send it a
/// second time.)
///
/// Messages may be as large as the machine has memory, and contain [`Bytes`](crate::Bytes),
/// [`Shared`](crate::Shared) and the other handles of this crate, up to 250 of them. Large ones go
/// through shared memory. So [`send`](Self::send) waits only while about 200 KiB of small messages,
/// or some hundreds of large ones, have not been received: two ends that send each other one large
/// message each before they receive do not block each other.
///
/// The blocking methods wait like everything in manyhands: on threads, in coroutines, with the
/// deadlines and cancellations in force. A wait that ends early has neither sent nor taken
/// anything. In async code there are [`send_async`](Self::send_async) and
/// [`recv_async`](Self::recv_async).
///
/// ```
/// use manyhands_processes::Pipe;
///
/// let (ours, theirs) = Pipe::<String, usize>::pair()?;
/// let other = std::thread::spawn(move || {
///     while let Ok(text) = theirs.recv() {
///         theirs.send(&text.len()).unwrap();
///     }
/// });
/// ours.send(&"many hands".to_owned())?;
/// assert_eq!(ours.recv()?, 10);
/// drop(ours);
/// other.join().unwrap();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "multiprocessing.Pipe")]
#[doc(alias = "Connection")]
pub struct Pipe<S, R = S> {
    /// `None` once the end was sent away.
    socket: Mutex<Option<Arc<Watched<Socket>>>>,
    of: PhantomData<fn(S) -> R>,
}

/// The descriptor of an end. It can be attached to a message while somebody still waits on it.
struct Socket(Arc<OwnedFd>);

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

// SAFETY: the descriptor is that of one `OwnedFd`, which is never replaced, and stays open for as
// long as this value, which has a share in it.
unsafe impl OwnsDescriptor for Socket {}

impl<S: Serialize, R: DeserializeOwned> Pipe<S, R> {
    /// The two ends of a new pipe.
    ///
    /// # Errors
    /// If the operating system grants no descriptors.
    #[expect(clippy::type_complexity, reason = "a name for the pair would hide which end is which")]
    pub fn pair() -> Result<(Pipe<S, R>, Pipe<R, S>), MemoryError> {
        // Packets are sent and received as a whole, so no wait can end in the middle of one.
        let (one, other) = rustix::net::socketpair(
            AddressFamily::UNIX,
            SocketType::SEQPACKET,
            SocketFlags::CLOEXEC,
            None,
        )
        .map_err(|error| MemoryError::system("making a pipe", error))?;
        Ok((Pipe::of(Arc::new(one)), Pipe::of(Arc::new(other))))
    }

    /// Sends a message; waits for room.
    ///
    /// # Errors
    /// If the other end is closed, or the message cannot be encoded.
    #[track_caller]
    pub fn send(&self, message: &S) -> Result<(), PipeError> {
        self.send_until(message, None)
    }

    /// Like [`send`](Self::send), for at most `limit`.
    ///
    /// # Errors
    /// Like [`send`](Self::send), and if there was no room in time.
    #[track_caller]
    pub fn send_timeout(&self, message: &S, limit: Duration) -> Result<(), PipeError> {
        self.send_until(message, Instant::now().checked_add(limit))
    }

    /// Like [`send`](Self::send), without waiting.
    ///
    /// # Errors
    /// Like [`send`](Self::send), and if there is no room.
    pub fn try_send(&self, message: &S) -> Result<(), PipeError> {
        let socket = self.socket()?;
        let packet = Packet::encode(message)?;
        socket.attempt(Direction::Write, |socket| packet.send(socket)).map_err(PipeError::of_send)
    }

    /// Like [`send`](Self::send), for async code. Dropped before it is ready it has sent nothing.
    ///
    /// # Errors
    /// Like [`send`](Self::send).
    pub async fn send_async(&self, message: &S) -> Result<(), PipeError> {
        let socket = self.socket()?;
        let packet = Packet::encode(message)?;
        let sent = socket.when_ready(Direction::Write, |socket| packet.send(socket)).await;
        sent.map_err(PipeError::of_send)
    }

    /// Receives the next message; waits for it.
    ///
    /// # Errors
    /// If the other end is closed and everything was received, or the message cannot be decoded,
    /// which costs this message alone.
    #[track_caller]
    pub fn recv(&self) -> Result<R, PipeError> {
        self.recv_until(None)
    }

    /// Like [`recv`](Self::recv), for at most `limit`.
    ///
    /// # Errors
    /// Like [`recv`](Self::recv), and if no message came in time.
    #[track_caller]
    pub fn recv_timeout(&self, limit: Duration) -> Result<R, PipeError> {
        self.recv_until(Instant::now().checked_add(limit))
    }

    /// Like [`recv`](Self::recv), without waiting.
    ///
    /// # Errors
    /// Like [`recv`](Self::recv), and if no message is there.
    pub fn try_recv(&self) -> Result<R, PipeError> {
        let packet = self.socket()?.attempt(Direction::Read, receive);
        packet.map_err(PipeError::of_recv)?.decode()
    }

    /// Like [`recv`](Self::recv), for async code. Dropped before it is ready it has taken nothing.
    ///
    /// # Errors
    /// Like [`recv`](Self::recv).
    pub async fn recv_async(&self) -> Result<R, PipeError> {
        let socket = self.socket()?;
        let packet = socket.when_ready(Direction::Read, receive).await;
        packet.map_err(PipeError::of_recv)?.decode()
    }

    /// Waits for at most `limit` until [`recv`](Self::recv) would not wait: a message is there, or
    /// the other end is closed. Says whether it is so.
    ///
    /// # Errors
    /// If this end was sent away.
    #[track_caller]
    pub fn poll(&self, limit: Duration) -> Result<bool, PipeError> {
        let socket = self.socket()?;
        let until = Instant::now().checked_add(limit);
        let ready = socket.when_ready(Direction::Read, peek);
        match manyhands_io::wait_for(&MESSAGE, until, ready) {
            Ok(ready) => ready.map(|()| true).map_err(PipeError::of_recv),
            Err(_) => Ok(false),
        }
    }

    #[track_caller]
    fn send_until(&self, message: &S, until: Option<Instant>) -> Result<(), PipeError> {
        let socket = self.socket()?;
        let packet = Packet::encode(message)?;
        let sending = socket.when_ready(Direction::Write, |socket| packet.send(socket));
        match manyhands_io::wait_for(&ROOM, until, sending) {
            Ok(sent) => sent.map_err(PipeError::of_send),
            Err(_) => Err(PipeError::timed_out("there was no room in the pipe in time")),
        }
    }

    #[track_caller]
    fn recv_until(&self, until: Option<Instant>) -> Result<R, PipeError> {
        let socket = self.socket()?;
        let receiving = socket.when_ready(Direction::Read, receive);
        match manyhands_io::wait_for(&MESSAGE, until, receiving) {
            Ok(packet) => packet.map_err(PipeError::of_recv)?.decode(),
            Err(_) => Err(PipeError::timed_out("no message came through the pipe in time")),
        }
    }
}

impl<S, R> Pipe<S, R> {
    fn of(fd: Arc<OwnedFd>) -> Pipe<S, R> {
        let watched = Arc::new(Watched::new(Socket(fd)));
        Pipe { socket: Mutex::new(Some(watched)), of: PhantomData }
    }

    fn socket(&self) -> Result<Arc<Watched<Socket>>, PipeError> {
        let socket = self.socket.lock().unwrap_or_else(PoisonError::into_inner).clone();
        socket.ok_or_else(PipeError::moved)
    }
}

fn receive(socket: &Socket) -> io::Result<Tried<Packet>> {
    Packet::receive(socket).map(|value| Tried { value, drained: false })
}

/// Succeeds if a message is there, or the end of all messages.
fn peek(socket: &Socket) -> io::Result<Tried<()>> {
    let mut byte = [0; 1];
    match rustix::net::recv(socket, &mut byte[..], RecvFlags::PEEK | RecvFlags::DONTWAIT) {
        Ok(_) | Err(rustix::io::Errno::CONNRESET) => Ok(Tried { value: (), drained: false }),
        Err(error) => Err(error.into()),
    }
}

impl<S, R> fmt::Debug for Pipe<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipe")
            .field("sends", &std::any::type_name::<S>())
            .field("receives", &std::any::type_name::<R>())
            .field("is_here", &self.socket().is_ok())
            .finish()
    }
}

impl<S, R> Serialize for Pipe<S, R> {
    fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        let mut socket = self.socket.lock().unwrap_or_else(PoisonError::into_inner);
        let attached = match &*socket {
            Some(watched) => {
                attachments::attach(&watched.get_ref().0).ok_or_else(|| NOT_TRAVELLING.to_owned())
            }
            None => Err(PipeError::moved().to_string()),
        };
        let number = attached.map_err(|why| {
            attachments::failure(format!("an end of a pipe: {why}"), ser::Error::custom)
        })?;
        // From here on the end belongs to the receiver.
        *socket = None;
        number.serialize(serializer)
    }
}

impl<'de, S, R> Deserialize<'de> for Pipe<S, R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = u32::deserialize(deserializer)?;
        let refused = |why: &str| {
            let why = format!("an end of a pipe was not received: {why}");
            attachments::failure(why, de::Error::custom)
        };
        let fd = attachments::descriptor(number)
            .ok_or_else(|| refused("its descriptor did not come with it"))?;
        let kind = rustix::net::sockopt::socket_type(&*fd);
        if kind != Ok(SocketType::SEQPACKET) {
            return Err(refused("the descriptor is not that of a pipe"));
        }
        Ok(Pipe::of(fd))
    }
}

#[cfg(test)]
mod tests;
