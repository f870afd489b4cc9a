//! One message on its way: a packet of the socket, and descriptors with it.

use std::cell::RefCell;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use manyhands_io::Tried;
use rustix::net::{RecvFlags, ReturnFlags, SendFlags};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{PipeError, Socket};
use crate::memory::{attachments, beside, message};

/// The longest packet that is taken, in bytes.
const PACKET_MAX: usize = message::INLINE_MAX + 1;
/// How many descriptors travel with a packet; the operating system's limit is 253.
const FDS_MAX: usize = 251;

#[derive(Debug)]
pub(super) struct Packet {
    bytes: Vec<u8>,
    fds: Vec<Arc<OwnedFd>>,
}

impl Packet {
    /// # Errors
    /// If the message cannot be encoded, or is larger than anything can be.
    pub(super) fn encode<S: Serialize>(message: &S) -> Result<Packet, PipeError> {
        let (encoded, attachments) = attachments::collect(|| postcard::to_stdvec(message));
        let encoded = encoded.map_err(|error| failed::<S>("sent", &error))?;
        let mut bytes = Vec::new();
        let fds = message::pack(&encoded, attachments, &mut bytes)?;
        let packet = Packet { bytes, fds };
        if packet.fds.len() > FDS_MAX || packet.bytes.len() > PACKET_MAX {
            let name = std::any::type_name::<S>();
            return Err(PipeError::codec(format!(
                "a message of {name} cannot be sent: it has too many handles or payloads"
            )));
        }
        Ok(packet)
    }

    /// # Errors
    /// If the packet is not a message of this type.
    pub(super) fn decode<R: DeserializeOwned>(self) -> Result<R, PipeError> {
        let name = std::any::type_name::<R>();
        let (encoded, attachments) = message::unpack(&self.bytes, self.fds).map_err(|error| {
            PipeError::codec(format!("a message of {name} was not understood: {error}"))
        })?;
        attachments::provide(attachments, || postcard::from_bytes(&encoded))
            .map_err(|error| failed::<R>("understood", &error))
    }

    /// Sends the packet as a whole, or not at all.
    pub(super) fn send(&self, socket: &Socket) -> io::Result<Tried<()>> {
        let fds: Vec<BorrowedFd<'_>> = self.fds.iter().map(|fd| fd.as_fd()).collect();
        beside::send(socket, &self.bytes, &fds, SendFlags::DONTWAIT)?;
        Ok(Tried { value: (), drained: false })
    }

    /// Receives one packet. The end of all packets is [`io::ErrorKind::UnexpectedEof`].
    pub(super) fn receive(socket: &Socket) -> io::Result<Packet> {
        thread_local! {
            static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
        }
        BUFFER.with_borrow_mut(|buffer| {
            buffer.resize(PACKET_MAX, 0);
            receive_into(socket, buffer)
        })
    }
}

fn receive_into(socket: &Socket, buffer: &mut [u8]) -> io::Result<Packet> {
    let received = loop {
        match beside::receive(socket, buffer, RecvFlags::DONTWAIT) {
            // The peer was closed before it had received everything; said once, before what it has
            // sent itself can be received.
            Err(rustix::io::Errno::CONNRESET) => {}
            received => break received?,
        }
    };
    if received.bytes == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    if received.flags.contains(ReturnFlags::CTRUNC) {
        return Err(io::Error::other(
            "handles of a message were lost because this process has too many open files (see \
             `ulimit -n`)",
        ));
    }
    if received.flags.contains(ReturnFlags::TRUNC) {
        // Longer than we ever send: a packet that no decoder takes.
        return Ok(Packet { bytes: Vec::new(), fds: Vec::new() });
    }
    let fds = received.fds.into_iter().map(Arc::new).collect();
    Ok(Packet { bytes: buffer[..received.bytes].to_vec(), fds })
}

fn failed<T>(what: &str, error: &postcard::Error) -> PipeError {
    let why = attachments::take_failure().unwrap_or_else(|| error.to_string());
    let name = std::any::type_name::<T>();
    PipeError::codec(format!("a message of {name} was not {what}: {why}"))
}
