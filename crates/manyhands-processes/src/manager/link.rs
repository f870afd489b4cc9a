//! One line to another process: a socket, what is to be sent, and what was received of a frame.
//!
//! Anybody may append and flush; what the socket does not take at once is sent by the service thread
//! when there is room again.

use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::io::Errno;
use rustix::net::{RecvFlags, ReturnFlags, SendFlags};

use super::protocol::frame::{self, Fds, Frame, FrameError};
use super::service;
use crate::memory::beside;

/// Received at once at most, in bytes, unless a frame is longer.
const INBOX: usize = 64 << 10;
/// More memory than this is not kept for later frames.
const KEPT_MAX: usize = 1 << 20;
/// Of so many frames at most the descriptors wait. There are a few, since frames are served as they come.
const FDS_WAITING_MAX: usize = 16;

/// The socket of a line.
pub(crate) enum Socket {
    /// To a process that this one has started.
    Owned(UnixStream),
    /// To the one that has started this process.
    Origin(&'static UnixStream),
}

/// One line.
pub(crate) struct Link {
    number: u64,
    socket: Socket,
    out: Mutex<Out>,
    inbox: Mutex<Inbox>,
    broken: AtomicBool,
}

#[derive(Default)]
struct Out {
    bytes: Vec<u8>,
    sent: usize,
    /// What goes with the byte at this place, the first byte of a frame; in order.
    fds: VecDeque<(usize, Fds)>,
}

impl Link {
    pub(crate) fn new(socket: Socket) -> Link {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Link {
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            socket,
            out: Mutex::default(),
            inbox: Mutex::default(),
            broken: AtomicBool::new(false),
        }
    }

    /// No other line of this process has or had this number.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Appends frames; they are sent by the next [`flush`](Self::flush).
    pub(crate) fn append<E>(
        &self,
        push: impl FnOnce(&mut Vec<u8>) -> Result<Fds, E>,
    ) -> Result<(), E> {
        let mut out = self.lock_out();
        let at = out.bytes.len();
        let fds = push(&mut out.bytes)?;
        if !fds.is_empty() {
            out.fds.push_back((at, fds));
        }
        Ok(())
    }

    /// Sends what the socket takes. The service thread sends the rest.
    pub(crate) fn flush(&self) {
        let rest = self.send(&mut self.lock_out());
        if rest {
            service::watch(self);
        }
    }

    /// How many bytes are still to be sent.
    pub(crate) fn backlog(&self) -> usize {
        let out = self.lock_out();
        out.bytes.len() - out.sent
    }

    /// Sends what the socket takes; whether there is a rest.
    pub(crate) fn send_more(&self) -> bool {
        self.send(&mut self.lock_out())
    }

    fn send(&self, out: &mut Out) -> bool {
        while out.sent < out.bytes.len() && !self.is_broken() {
            match out.send_some(self) {
                Ok(sent) => out.sent += sent,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return true,
                // The other side has ended; whoever reads learns it too.
                Err(_) => self.broken.store(true, Ordering::Release),
            }
        }
        out.sent = 0;
        out.fds.clear();
        out.bytes.clear();
        out.bytes.shrink_to(KEPT_MAX);
        false
    }

    /// Whether nothing can be sent any more.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Acquire)
    }

    /// Ends the line for both sides.
    pub(crate) fn break_off(&self) {
        self.broken.store(true, Ordering::Release);
        // It may have ended already.
        let _ended = rustix::net::shutdown(self, rustix::net::Shutdown::Both);
    }

    /// What was received, unless somebody is reading.
    pub(crate) fn try_inbox(&self) -> Option<MutexGuard<'_, Inbox>> {
        match self.inbox.try_lock() {
            Ok(inbox) => Some(inbox),
            Err(std::sync::TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(std::sync::TryLockError::WouldBlock) => None,
        }
    }

    /// What was received, after whoever is reading.
    pub(crate) fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_out(&self) -> MutexGuard<'_, Out> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Out {
    /// Sends up to the next frame with descriptors, which are sent with its first byte.
    fn send_some(&mut self, link: &Link) -> Result<usize, Errno> {
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        let Some((_, fds)) = self.fds.front().filter(|(at, _)| *at == self.sent) else {
            let end = self.fds.front().map_or(self.bytes.len(), |(at, _)| *at);
            return rustix::net::send(link, &self.bytes[self.sent..end], flags);
        };
        let end = self.fds.get(1).map_or(self.bytes.len(), |(at, _)| *at);
        let fds: Vec<BorrowedFd<'_>> = fds.iter().map(|fd| fd.as_fd()).collect();
        let sent = beside::send(link, &self.bytes[self.sent..end], &fds, flags)?;
        self.fds.pop_front();
        Ok(sent)
    }
}

impl AsFd for Link {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.socket {
            Socket::Owned(socket) => socket.as_fd(),
            Socket::Origin(socket) => socket.as_fd(),
        }
    }
}

/// What came of looking for more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Received {
    /// Something; and whether there may be more at once.
    Some { more: bool },
    /// Nothing yet.
    Nothing,
    /// The other side has ended.
    End,
}

/// Received bytes that are not a whole frame yet.
#[derive(Default)]
pub(crate) struct Inbox {
    bytes: Vec<u8>,
    /// What is in use of `bytes`.
    start: usize,
    end: usize,
    /// Descriptors of frames that are not consumed yet: those of one frame each.
    fds: VecDeque<Fds>,
}

impl Inbox {
    /// Receives once, without waiting.
    pub(crate) fn receive(&mut self, link: &Link) -> Received {
        self.make_room();
        let room = &mut self.bytes[self.end..];
        let length = room.len();
        let received =
            rustix::io::retry_on_intr(|| beside::receive(link, room, RecvFlags::DONTWAIT));
        match received {
            Ok(received) if received.bytes == 0 => Received::End,
            Ok(received) => {
                let fds: Fds = received.fds.into_iter().map(Arc::new).collect();
                self.end += received.bytes;
                // The system hands over the descriptors of one frame at a time, and says so also if it
                // could not make room for all of them.
                let of_a_frame = !fds.is_empty() || received.flags.contains(ReturnFlags::CTRUNC);
                if of_a_frame {
                    self.fds.push_back(fds);
                    if self.fds.len() > FDS_WAITING_MAX {
                        return Received::End;
                    }
                }
                Received::Some { more: of_a_frame || received.bytes == length }
            }
            Err(Errno::AGAIN) => Received::Nothing,
            Err(_) => Received::End,
        }
    }

    /// The next whole frame, what to [`consume`](Self::consume) when it is done with, and its descriptors,
    /// which are handed out once.
    pub(crate) fn next(&mut self) -> Result<Option<(Frame<'_>, usize, Fds)>, FrameError> {
        let Some((frame, length)) = frame::split(&self.bytes[self.start..self.end])? else {
            return Ok(None);
        };
        let has_fds = match &frame {
            Frame::Request(_, payload) | Frame::Answer { payload, .. } => payload.fds > 0,
            Frame::Gone { .. } => false,
        };
        let fds = if has_fds { self.fds.pop_front() } else { None };
        Ok(Some((frame, length, fds.unwrap_or_default())))
    }

    pub(crate) fn consume(&mut self, length: usize) {
        self.start += length;
    }

    /// Leaves room to receive into: as much as has been received of a long frame, so that a length
    /// alone costs no memory.
    fn make_room(&mut self) {
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
            if self.bytes.len() > KEPT_MAX {
                self.bytes = Vec::new();
            }
        } else if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        let wanted = frame::announced(&self.bytes[..self.end]).unwrap_or(0).max(INBOX);
        if self.end == self.bytes.len() || self.bytes.len() < INBOX {
            let length = wanted.min((2 * self.end).max(INBOX)).max(self.end + 1);
            self.bytes.resize(length, 0);
        }
    }
}
