//! The socket beside the rings: it carries descriptors, and a word that says "look".
//!
//! A record is a task's number and how many descriptors come with it; none means the word.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use super::ring::Violation;
use crate::memory::beside;
use rustix::net::{RecvFlags, SendFlags};

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
    let sent =
        rustix::io::retry_on_intr(|| beside::send(socket, &record, fds, SendFlags::empty()))?;
    if sent == RECORD { Ok(()) } else { Err(io::ErrorKind::WriteZero.into()) }
}

/// What a read of the socket has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    /// A word, or descriptors, or part of a record.
    Something,
    /// The other side is gone.
    Closed,
}

/// What a record is, as far as it has come.
enum Next {
    Part,
    /// How many descriptors were sent with it, and those that have come.
    Whole {
        number: u64,
        count: usize,
        fds: Vec<OwnedFd>,
    },
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
    let into = &mut bytes[..missing.clamp(1, RECORD)];
    let came = rustix::io::retry_on_intr(|| beside::receive(socket, into, RecvFlags::empty()))?;
    Ok(Read { bytes, count: came.bytes, fds: came.fds })
}

impl Descriptors {
    /// How many bytes of a record are missing.
    pub(crate) fn missing(&self) -> usize {
        RECORD - self.have
    }

    /// Takes what a [`read`] brought, to be [taken](Self::take) by its task.
    pub(crate) fn take_in(&mut self, read: Read) -> Heard {
        match self.next(read) {
            Next::Closed => return Heard::Closed,
            Next::Whole { number, fds, .. }
                if !fds.is_empty() && self.count + fds.len() <= WAITING_MAX =>
            {
                self.count += fds.len();
                self.waiting.entry(number).or_default().extend(fds);
            }
            Next::Part | Next::Whole { .. } => {}
        }
        Heard::Something
    }

    /// Adds what a [`read`] brought to the record.
    fn next(&mut self, read: Read) -> Next {
        let Read { bytes, count, fds } = read;
        if count == 0 {
            return Next::Closed;
        }
        let end = (self.have + count).min(RECORD);
        self.record[self.have..end].copy_from_slice(&bytes[..end - self.have]);
        self.have = end;
        self.loose.extend(fds);
        if self.have < RECORD {
            return Next::Part;
        }
        self.have = 0;
        let number = self.record.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        let count = self.record.last_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes));
        Next::Whole { number, count: count as usize, fds: std::mem::take(&mut self.loose) }
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

/// What the parent hears from a worker, which may have lost its mind: descriptors, just before the
/// outcome that they belong to, and nothing else.
#[derive(Debug, Default)]
pub(crate) struct Courier {
    record: Descriptors,
}

/// How many records of earlier tasks may come before one: those whose sending failed half-way.
const STALE_MAX: usize = 1024;

impl Courier {
    /// The descriptors of the outcome of this task, which were sent before it. Does not wait. `None`
    /// if they have come, and this process has no room for them.
    ///
    /// # Errors
    /// If they have not come, or something else has.
    pub(crate) fn hear(
        &mut self,
        socket: &UnixStream,
        number: u64,
        count: usize,
    ) -> Result<Option<Vec<OwnedFd>>, Violation> {
        let mut all = Vec::new();
        let mut announced = 0;
        let mut reads = 0;
        while announced < count {
            reads += 1;
            if reads > STALE_MAX + count * RECORD {
                return Err(Violation("a worker says more on its socket than it has outcomes"));
            }
            let Ok(read) = read(socket, self.record.missing()) else {
                return Err(Violation("the descriptors of an outcome did not come"));
            };
            match self.record.next(read) {
                Next::Closed => {
                    return Err(Violation("the descriptors of an outcome did not come"));
                }
                Next::Part => {}
                Next::Whole { count: 0, .. } => {
                    return Err(Violation("a worker says something that only its parent may say"));
                }
                Next::Whole { number: of, .. } if of > number => {
                    return Err(Violation("the descriptors of an outcome came too early"));
                }
                Next::Whole { number: of, count, fds } if of == number => {
                    announced += count;
                    all.extend(fds);
                }
                Next::Whole { .. } => {}
            }
        }
        if announced > count {
            return Err(Violation("more descriptors came than belong to an outcome"));
        }
        Ok((all.len() == count).then_some(all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some_fds(count: usize) -> Vec<Arc<OwnedFd>> {
        let flags = rustix::event::EventfdFlags::CLOEXEC;
        (0..count).map(|_| Arc::new(rustix::event::eventfd(0, flags).unwrap())).collect()
    }

    #[test]
    fn descriptors_find_their_task_among_words() {
        let (here, there) = UnixStream::pair().unwrap();
        let fds = some_fds(600);
        send_word(&here).unwrap();
        send_descriptors(&here, 7, &fds[..3]).unwrap();
        send_word(&here).unwrap();
        send_descriptors(&here, 9, &fds).unwrap();
        let mut arrived = Descriptors::default();
        let hear =
            |arrived: &mut Descriptors| arrived.take_in(read(&there, arrived.missing()).unwrap());
        for _ in 0..6 {
            assert!(arrived.take(9, 600).is_none());
            assert_eq!(hear(&mut arrived), Heard::Something);
        }
        while arrived.waiting[&9].len() < 600 {
            hear(&mut arrived);
        }
        assert!(arrived.take(7, 4).is_none() && arrived.take(8, 1).is_none());
        assert_eq!(arrived.take(7, 3).unwrap().len(), 3);
        assert_eq!(arrived.take(9, 600).unwrap().len(), 600);
        assert!(arrived.take(9, 1).is_none());
        assert_eq!(arrived.take(5, 0).unwrap().len(), 0);
        drop(here);
        assert_eq!(hear(&mut arrived), Heard::Closed);
    }

    fn courier() -> (UnixStream, UnixStream, Courier) {
        let (worker, parent) = UnixStream::pair().unwrap();
        parent.set_nonblocking(true).unwrap();
        (worker, parent, Courier::default())
    }

    #[test]
    fn a_courier_brings_the_descriptors_of_an_outcome_and_leaves_those_of_the_next() {
        let (worker, parent, mut courier) = courier();
        let fds = some_fds(300);
        send_descriptors(&worker, 5, &fds[..250]).unwrap(); // the rest was not sent
        send_descriptors(&worker, 7, &fds).unwrap();
        send_descriptors(&worker, 9, &fds[..2]).unwrap();
        assert_eq!(courier.hear(&parent, 7, 300).unwrap().unwrap().len(), 300);
        assert_eq!(courier.hear(&parent, 8, 0).unwrap().unwrap().len(), 0);
        assert_eq!(courier.hear(&parent, 9, 2).unwrap().unwrap().len(), 2);
        assert!(courier.hear(&parent, 10, 1).is_err(), "they have not come");
    }

    #[test]
    fn what_makes_no_sense_is_noticed_at_once() {
        let fds = some_fds(3);
        let (worker, parent, mut courier) = courier_and_word();
        send_descriptors(&worker, 7, &fds).unwrap();
        assert!(courier.hear(&parent, 7, 3).is_err());
        let (worker, parent, mut courier) = self::courier();
        send_descriptors(&worker, 8, &fds).unwrap();
        assert!(courier.hear(&parent, 7, 3).is_err(), "of a later one");
        let (worker, parent, mut courier) = self::courier();
        send_descriptors(&worker, 7, &fds).unwrap();
        assert!(courier.hear(&parent, 7, 2).is_err(), "too many");
    }

    fn courier_and_word() -> (UnixStream, UnixStream, Courier) {
        let (worker, parent, courier) = courier();
        send_word(&worker).unwrap();
        (worker, parent, courier)
    }

    #[test]
    fn a_flood_is_heard_for_a_while_only() {
        let (worker, parent, mut courier) = courier();
        let fds = some_fds(1);
        let flood = std::thread::spawn(move || {
            let mut sent = 0_u64;
            while send_descriptors(&worker, 1, &fds).is_ok() {
                sent += 1;
            }
            sent
        });
        // The kernel takes only so many at a time; once the flood is there it does not end.
        let mut error = Violation("");
        for number in 2..10_000 {
            error = courier.hear(&parent, number, 1).unwrap_err();
            if error.0.contains("more on its socket") {
                break;
            }
        }
        assert!(error.0.contains("more on its socket") || error.0.contains("did not come"));
        drop(parent);
        assert!(flood.join().unwrap() > 0);
    }
}
