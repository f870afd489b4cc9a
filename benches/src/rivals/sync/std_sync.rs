//! The locks and channels of the standard library.

use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Mutex, PoisonError, RwLock};

use super::{Lock, Pipe, SharedLock};

pub(crate) const MUTEX: &str = "std Mutex";
pub(crate) const RWLOCK: &str = "std RwLock";
pub(crate) const MPSC: &str = "std mpsc";

impl Lock for Mutex<u64> {
    fn new() -> Self {
        Mutex::new(0)
    }

    fn add_one(&self) {
        *self.lock().unwrap_or_else(PoisonError::into_inner) += 1;
    }

    fn total(self) -> u64 {
        self.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SharedLock for RwLock<u64> {
    fn new(number: u64) -> Self {
        RwLock::new(number)
    }

    fn read(&self) -> u64 {
        *RwLock::read(self).unwrap_or_else(PoisonError::into_inner)
    }
}

/// One consumer only.
pub(crate) struct Mpsc;

/// With and without an end of the room, it is a type of its own.
#[derive(Clone)]
pub(crate) enum AnySender {
    Bounded(SyncSender<u64>),
    Unbounded(Sender<u64>),
}

impl Pipe for Mpsc {
    type In = AnySender;
    type Out = Receiver<u64>;

    fn open(room: Option<usize>) -> (AnySender, Receiver<u64>) {
        match room {
            Some(room) => {
                let (sender, receiver) = sync_channel(room);
                (AnySender::Bounded(sender), receiver)
            }
            None => {
                let (sender, receiver) = channel();
                (AnySender::Unbounded(sender), receiver)
            }
        }
    }

    fn put(end: &mut AnySender, number: u64) -> bool {
        match end {
            AnySender::Bounded(sender) => sender.send(number).is_ok(),
            AnySender::Unbounded(sender) => sender.send(number).is_ok(),
        }
    }

    fn get(end: &mut Receiver<u64>) -> Option<u64> {
        end.recv().ok()
    }
}
