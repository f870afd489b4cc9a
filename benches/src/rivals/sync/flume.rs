//! flume, used by threads.

use flume::{Receiver, Sender};

use super::Pipe;

pub(crate) const NAME: &str = "flume";

pub(crate) struct Flume;

impl Pipe for Flume {
    type In = Sender<u64>;
    type Out = Receiver<u64>;

    fn open(room: Option<usize>) -> (Sender<u64>, Receiver<u64>) {
        room.map_or_else(flume::unbounded, flume::bounded)
    }

    fn put(end: &mut Sender<u64>, number: u64) -> bool {
        end.send(number).is_ok()
    }

    fn get(end: &mut Receiver<u64>) -> Option<u64> {
        end.recv().ok()
    }
}
