//! Calls on their way: who waits for which answer. Places are used again, with another generation in
//! their number, so that an answer that comes too late finds nobody.

use std::task::Waker;

use super::error::ManagerError;
use super::protocol::frame::{Fds, Payload};

/// Memory of so many replies is kept for later ones.
const SPARE: usize = 16;
/// Unless it is more than so many bytes.
const SPARE_BYTES_MAX: usize = 64 << 10;

/// The number of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CallKey {
    index: u32,
    generation: u32,
}

impl CallKey {
    pub(crate) fn number(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.index)
    }

    pub(crate) fn of(number: u64) -> CallKey {
        // The lower and the upper half.
        CallKey { index: number as u32, generation: (number >> 32) as u32 }
    }
}

/// An answer as it was received.
pub(crate) enum Reply {
    /// With so many descriptors, of which these have come.
    Value(Vec<u8>, usize, Fds),
    Failed(Vec<u8>),
    /// The line has ended.
    Lost,
}

#[derive(Default)]
pub(crate) struct Calls {
    entries: Vec<Entry>,
    free: Vec<u32>,
    spare: Vec<Vec<u8>>,
    /// How many have left a waker.
    sleeping: usize,
    /// Whether the service thread receives.
    is_armed: bool,
    is_lost: bool,
}

struct Entry {
    generation: u32,
    waker: Option<Waker>,
    reply: Option<Reply>,
    is_open: bool,
}

impl Calls {
    /// A number for a call that begins.
    pub(crate) fn open(&mut self) -> Result<CallKey, ManagerError> {
        if self.is_lost {
            return Err(ManagerError::disconnected());
        }
        let index = match self.free.pop() {
            Some(index) => index,
            None => {
                self.entries.push(Entry {
                    generation: 0,
                    waker: None,
                    reply: None,
                    is_open: false,
                });
                // There are not as many calls at a time as numbers: each has its own waiter.
                (self.entries.len() - 1) as u32
            }
        };
        let entry = &mut self.entries[index as usize];
        // Request number 0 is for calls that are not answered.
        entry.generation = entry.generation.wrapping_add(1).max(1);
        entry.is_open = true;
        Ok(CallKey { index, generation: entry.generation })
    }

    fn entry(&mut self, key: CallKey) -> Option<&mut Entry> {
        let entry = self.entries.get_mut(key.index as usize)?;
        (entry.is_open && entry.generation == key.generation).then_some(entry)
    }

    /// The answer, if it has come; the call is over then.
    pub(crate) fn take(&mut self, key: CallKey) -> Option<Reply> {
        let reply = self.entry(key)?.reply.take()?;
        self.close(key);
        Some(reply)
    }

    /// Leaves a waker. Whether the service thread must be told to receive.
    pub(crate) fn sleep(&mut self, key: CallKey, waker: &Waker) -> bool {
        let Some(entry) = self.entry(key) else { return false };
        if entry.waker.replace(waker.clone()).is_none() {
            self.sleeping += 1;
        }
        !std::mem::replace(&mut self.is_armed, true)
    }

    /// The call is over.
    pub(crate) fn close(&mut self, key: CallKey) {
        let Some(entry) = self.entry(key) else { return };
        entry.is_open = false;
        entry.reply = None;
        if entry.waker.take().is_some() {
            self.sleeping -= 1;
        }
        self.free.push(key.index);
    }

    /// An answer has come. Returns whom to wake.
    pub(crate) fn complete(
        &mut self,
        key: CallKey,
        is_value: bool,
        payload: Payload<'_>,
        fds: Fds,
    ) -> Option<Waker> {
        self.entry(key)?;
        let mut bytes = self.spare.pop().unwrap_or_default();
        bytes.extend_from_slice(payload.bytes);
        let entry = self.entry(key)?;
        entry.reply = Some(if is_value {
            Reply::Value(bytes, payload.fds, fds)
        } else {
            Reply::Failed(bytes)
        });
        let waker = entry.waker.take();
        if waker.is_some() {
            self.sleeping -= 1;
        }
        waker
    }

    /// No answer comes any more. Returns whom to wake.
    pub(crate) fn lose(&mut self) -> Vec<Waker> {
        self.is_lost = true;
        self.sleeping = 0;
        let open = self.entries.iter_mut().filter(|entry| entry.is_open);
        open.filter_map(|entry| {
            entry.reply.get_or_insert(Reply::Lost);
            entry.waker.take()
        })
        .collect()
    }

    /// Keeps the memory of a reply.
    pub(crate) fn recycle(&mut self, reply: Reply) {
        if let Reply::Value(mut bytes, ..) | Reply::Failed(mut bytes) = reply
            && bytes.capacity() <= SPARE_BYTES_MAX
            && self.spare.len() < SPARE
        {
            bytes.clear();
            self.spare.push(bytes);
        }
    }

    /// The service thread has begun to receive; who sleeps from now on must tell it again.
    pub(crate) fn disarm(&mut self) {
        self.is_armed = false;
    }

    /// Whether the service thread must go on receiving, which is noted.
    pub(crate) fn rearm(&mut self) -> bool {
        self.is_armed |= self.sleeping > 0;
        self.is_armed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(bytes: &[u8]) -> Payload<'_> {
        Payload { bytes, fds: 0 }
    }

    #[test]
    fn an_answer_that_comes_too_late_finds_nobody() {
        let mut calls = Calls::default();
        let first = calls.open().unwrap();
        calls.close(first);
        let second = calls.open().unwrap();
        assert_ne!(first.number(), second.number());
        assert!(calls.complete(first, true, plain(b"late"), Fds::new()).is_none());
        assert!(calls.take(second).is_none());
        calls.complete(CallKey::of(second.number()), true, plain(b"in time"), Fds::new());
        assert!(matches!(calls.take(second), Some(Reply::Value(bytes, ..)) if bytes == b"in time"));
        assert!(calls.take(second).is_none(), "an answer is taken once");
    }

    #[test]
    fn hostile_numbers_find_nobody() {
        let mut calls = Calls::default();
        let open = calls.open().unwrap();
        for number in [0, 1, u64::MAX, open.number() ^ (1 << 32), open.number() + 1] {
            calls.complete(CallKey::of(number), true, plain(b"?"), Fds::new());
        }
        assert!(calls.take(open).is_none());
    }

    #[test]
    fn when_the_line_ends_all_learn_it() {
        let mut calls = Calls::default();
        let open = calls.open().unwrap();
        assert!(calls.sleep(open, Waker::noop()));
        assert_eq!(calls.lose().len(), 1);
        assert!(matches!(calls.take(open), Some(Reply::Lost)));
        assert!(calls.open().is_err());
    }
}
