//! The locks and channels of the standard library.

use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Mutex, PoisonError, RwLock};

use super::{Pipe, is_lock, is_shared_lock};

pub(crate) const MUTEX: &str = "std Mutex";
pub(crate) const RWLOCK: &str = "std RwLock";
pub(crate) const MPSC: &str = "std mpsc";

is_lock!(Mutex<u64>, lock => lock.lock().unwrap_or_else(PoisonError::into_inner));
is_shared_lock!(RwLock<u64>, lock => RwLock::read(lock).unwrap_or_else(PoisonError::into_inner));

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
