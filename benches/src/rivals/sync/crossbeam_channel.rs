//! Channels of crossbeam.

use crossbeam_channel::{Receiver, Sender};

use super::Pipe;

pub(crate) const NAME: &str = "crossbeam-channel";

pub(crate) struct Crossbeam;

impl Pipe for Crossbeam {
    type In = Sender<u64>;
    type Out = Receiver<u64>;

    fn open(room: Option<usize>) -> (Sender<u64>, Receiver<u64>) {
        room.map_or_else(crossbeam_channel::unbounded, crossbeam_channel::bounded)
    }

    fn put(end: &mut Sender<u64>, number: u64) -> bool {
        end.send(number).is_ok()
    }

    fn get(end: &mut Receiver<u64>) -> Option<u64> {
        end.recv().ok()
    }
}
