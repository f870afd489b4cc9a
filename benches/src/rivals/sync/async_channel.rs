//! async-channel, used by threads.

use async_channel::{Receiver, Sender};

use super::Pipe;

pub(crate) const NAME: &str = "async-channel";

pub(crate) struct AsyncChannel;

impl Pipe for AsyncChannel {
    type In = Sender<u64>;
    type Out = Receiver<u64>;

    fn open(room: Option<usize>) -> (Sender<u64>, Receiver<u64>) {
        room.map_or_else(async_channel::unbounded, async_channel::bounded)
    }

    fn put(end: &mut Sender<u64>, number: u64) -> bool {
        end.send_blocking(number).is_ok()
    }

    fn get(end: &mut Receiver<u64>) -> Option<u64> {
        end.recv_blocking().ok()
    }
}
