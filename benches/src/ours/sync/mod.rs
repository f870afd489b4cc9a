//! Locks and queues of manyhands, in the part of a contender.

pub(crate) mod circle;
pub(crate) mod turns;

use std::cell::Cell;
use std::sync::Arc;

use manyhands::sync::{Mutex, Queue, ReentrantMutex, RwLock};

use crate::rivals::sync::{Pipe, is_lock, is_nested_lock, is_shared_lock};

is_lock!(Mutex<u64>, lock => lock.lock());
is_shared_lock!(RwLock<u64>, lock => RwLock::read(lock));
is_nested_lock!(ReentrantMutex<Cell<u64>>);

impl Pipe for Queue<u64> {
    type In = Arc<Queue<u64>>;
    type Out = Arc<Queue<u64>>;

    fn open(room: Option<usize>) -> (Self::In, Self::Out) {
        let queue = Arc::new(room.map_or_else(Queue::unbounded, Queue::new));
        (Arc::clone(&queue), queue)
    }

    fn put(end: &mut Self::In, number: u64) -> bool {
        Queue::put(end, number).is_ok()
    }

    fn get(end: &mut Self::Out) -> Option<u64> {
        Queue::get(end).ok()
    }
}
