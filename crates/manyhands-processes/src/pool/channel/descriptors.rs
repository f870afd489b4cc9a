//! The socket beside the rings: it carries descriptors, and a word that says "look".
//!
//! A record is a task's number and how many descriptors come with it; none means the word.

use std::collections::HashMap;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

/// A record's length, in bytes.
const RECORD: usize = 12;

/// How many descriptors go with one record; the kernel allows 253.
const FDS_MAX: usize = 250;

/// How many may be waiting for their task; more come only from a peer that has lost its mind.
const WAITING_MAX: usize = 64 * 1024;

/// Says "look". Lost if the socket is full, and then the peer has been told often enough.
pub(crate) fn send_word(socket: &UnixStream) -> io::Result<()> {
    send(socket, 0, &[])
}

/// Why the descriptors of a task were not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unsent {
    /// None were: the socket is full, or the peer is gone.
    All,
    /// The first were.
    Some,
}

/// Sends the descriptors of a task.
///
/// # Errors
/// [`Unsent`] if not all of them were sent.
pub(crate) fn send_descriptors(
    socket: &UnixStream,
    number: u64,
    fds: &[Arc<OwnedFd>],
) -> Result<(), Unsent> {
    for (index, some) in fds.chunks(FDS_MAX).enumerate() {
        let some: Vec<BorrowedFd<'_>> = some.iter().map(|fd| fd.as_fd()).collect();
        let unsent = if index == 0 { Unsent::All } else { Unsent::Some };
        send(socket, number, &some).map_err(|_| unsent)?;
    }
    Ok(())
}

fn send(socket: &UnixStream, number: u64, fds: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut record = [0; RECORD];
    record[..8].copy_from_slice(&number.to_le_bytes());
    record[8..].copy_from_slice(&(fds.len() as u32).to_le_bytes());
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FDS_MAX))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !fds.is_empty() {
        let fits = ancillary.push(SendAncillaryMessage::ScmRights(fds));
        debug_assert!(fits, "chunks are no longer than there is room for");
    }
    let sent = rustix::io::retry_on_intr(|| {
        sendmsg(socket, &[IoSlice::new(&record)], &mut ancillary, SendFlags::NOSIGNAL)
    })?;
    if sent == RECORD { Ok(()) } else { Err(io::ErrorKind::WriteZero.into()) }
}

/// What a read of the socket has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    /// A word, or descriptors, or part of a record.
    Something,
    /// Nothing now; only from a socket that does not block.
    Nothing,
    /// The other side is gone.
    Closed,
}

/// Descriptors that have come, and wait for their task.
#[derive(Debug, Default)]
pub(crate) struct Descriptors {
    record: [u8; RECORD],
    have: usize,
    /// Those of the record that is not whole yet.
    loose: Vec<OwnedFd>,
    waiting: HashMap<u64, Vec<OwnedFd>>,
    count: usize,
}

/// What one read brings.
pub(crate) struct Read {
    bytes: [u8; RECORD],
    count: usize,
    fds: Vec<OwnedFd>,
}

/// Reads once, at most the rest of a record of which `missing` bytes have not come.
///
/// # Errors
/// What the system says.
pub(crate) fn read(socket: &UnixStream, missing: usize) -> io::Result<Read> {
    let mut bytes = [0; RECORD];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FDS_MAX))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let missing = missing.clamp(1, RECORD);
    let came = rustix::io::retry_on_intr(|| {
        let mut slices = [IoSliceMut::new(&mut bytes[..missing])];
        recvmsg(socket, &mut slices, &mut ancillary, RecvFlags::CMSG_CLOEXEC)
    })?;
    let mut fds = Vec::new();
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            fds.extend(rights);
        }
    }
    Ok(Read { bytes, count: came.bytes, fds })
}

impl Descriptors {
    /// How many bytes of a record are missing.
    pub(crate) fn missing(&self) -> usize {
        RECORD - self.have
    }

    /// Takes what a [`read`] brought.
    pub(crate) fn take_in(&mut self, read: Read) -> Heard {
        let Read { bytes, count, fds } = read;
        if count == 0 {
            return Heard::Closed;
        }
        let end = (self.have + count).min(RECORD);
        self.record[self.have..end].copy_from_slice(&bytes[..end - self.have]);
        self.have = end;
        self.loose.extend(fds);
        if self.have == RECORD {
            self.have = 0;
            let number =
                self.record.first_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes));
            let fds = std::mem::take(&mut self.loose);
            if !fds.is_empty() && self.count + fds.len() <= WAITING_MAX {
                self.count += fds.len();
                self.waiting.entry(number).or_default().extend(fds);
            }
        }
        Heard::Something
    }

    /// Reads, without waiting, everything that is there.
    pub(crate) fn hear_all(&mut self, socket: &UnixStream) -> Heard {
        loop {
            match read(socket, self.missing()).map(|read| self.take_in(read)) {
                Ok(Heard::Something) => {}
                Ok(heard) => return heard,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Heard::Nothing,
                Err(_) => return Heard::Closed,
            }
        }
    }

    /// The descriptors of this task, once so many have come.
    pub(crate) fn take(&mut self, number: u64, count: usize) -> Option<Vec<OwnedFd>> {
        if count == 0 {
            return Some(Vec::new());
        }
        if self.waiting.get(&number)?.len() < count {
            return None;
        }
        let fds = self.waiting.remove(&number)?;
        self.count -= fds.len();
        Some(fds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_find_their_task_among_words() {
        let (here, there) = UnixStream::pair().unwrap();
        there.set_nonblocking(true).unwrap();
        let fds: Vec<_> = (0..600)
            .map(|_| {
                Arc::new(rustix::event::eventfd(0, rustix::event::EventfdFlags::CLOEXEC).unwrap())
            })
            .collect();
        send_word(&here).unwrap();
        send_descriptors(&here, 7, &fds[..3]).unwrap();
        send_word(&here).unwrap();
        send_descriptors(&here, 9, &fds).unwrap();
        let mut arrived = Descriptors::default();
        assert_eq!(arrived.hear_all(&there), Heard::Nothing);
        assert!(arrived.take(7, 4).is_none() && arrived.take(8, 1).is_none());
        assert_eq!(arrived.take(7, 3).unwrap().len(), 3);
        assert_eq!(arrived.take(9, 600).unwrap().len(), 600);
        assert!(arrived.take(9, 1).is_none());
        assert_eq!(arrived.take(5, 0).unwrap().len(), 0);
        drop(here);
        assert_eq!(arrived.hear_all(&there), Heard::Closed);
    }
}
