//! Locks and channels of tokio, used by threads.

use tokio::sync::mpsc::{self, Receiver, Sender, UnboundedReceiver, UnboundedSender};
use tokio::sync::{Mutex, RwLock};

use super::{Pipe, is_lock, is_shared_lock};

pub(crate) const MUTEX: &str = "tokio Mutex";
pub(crate) const RWLOCK: &str = "tokio RwLock";
pub(crate) const MPSC: &str = "tokio mpsc";

is_lock!(Mutex<u64>, lock => lock.blocking_lock());
is_shared_lock!(RwLock<u64>, lock => lock.blocking_read());

/// One consumer only.
pub(crate) struct Mpsc;

/// With and without an end of the room, it is a type of its own.
#[derive(Clone)]
pub(crate) enum AnySender {
    Bounded(Sender<u64>),
    Unbounded(UnboundedSender<u64>),
}

/// The same for the other end.
pub(crate) enum AnyReceiver {
    Bounded(Receiver<u64>),
    Unbounded(UnboundedReceiver<u64>),
}

impl Pipe for Mpsc {
    type In = AnySender;
    type Out = AnyReceiver;

    fn open(room: Option<usize>) -> (AnySender, AnyReceiver) {
        match room {
            Some(room) => {
                let (sender, receiver) = mpsc::channel(room);
                (AnySender::Bounded(sender), AnyReceiver::Bounded(receiver))
            }
            None => {
                let (sender, receiver) = mpsc::unbounded_channel();
                (AnySender::Unbounded(sender), AnyReceiver::Unbounded(receiver))
            }
        }
    }

    fn put(end: &mut AnySender, number: u64) -> bool {
        match end {
            AnySender::Bounded(sender) => sender.blocking_send(number).is_ok(),
            AnySender::Unbounded(sender) => sender.send(number).is_ok(),
        }
    }

    fn get(end: &mut AnyReceiver) -> Option<u64> {
        match end {
            AnyReceiver::Bounded(receiver) => receiver.blocking_recv(),
            AnyReceiver::Unbounded(receiver) => receiver.blocking_recv(),
        }
    }
}
