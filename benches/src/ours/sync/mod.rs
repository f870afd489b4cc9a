//! Locks and queues of manyhands, in the part of a contender.

pub(crate) mod circle;
pub(crate) mod turns;

use std::cell::Cell;
use std::sync::Arc;

use manyhands::sync::{Mutex, Queue, ReentrantMutex, RwLock};

use crate::rivals::sync::{Lock, NestedLock, Pipe, SharedLock};

impl Lock for Mutex<u64> {
    fn new() -> Self {
        Mutex::new(0)
    }

    fn add_one(&self) {
        *self.lock() += 1;
    }

    fn total(self) -> u64 {
        self.into_inner()
    }
}

impl SharedLock for RwLock<u64> {
    fn new(number: u64) -> Self {
        RwLock::new(number)
    }

    fn read(&self) -> u64 {
        *RwLock::read(self)
    }
}

impl NestedLock for ReentrantMutex<Cell<u64>> {
    fn new() -> Self {
        ReentrantMutex::new(Cell::new(0))
    }

    fn add_one_within(&self) {
        let _outer = self.lock();
        let inner = self.lock();
        inner.set(inner.get() + 1);
    }

    fn total(self) -> u64 {
        self.into_inner().get()
    }
}

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
