//! Where everything is in the shared memory.
//!
//! Words that one side writes while the other reads are two cache lines apart, because processors
//! fetch lines in pairs.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64};

use super::alarm::Alarm;
use super::meter::Meter;
use super::region::Region;
use super::ring::{Consumer, Producer, Ring};
use super::slots::Slots;

/// How many tasks can be on their way through one worker: a power of two, and more than the deepest
/// prefetch, because places of revoked tasks are free again only when the worker has passed them.
pub(crate) const SLOTS: usize = 512;

/// How many words a ring holds: 256 KiB, a power of two.
const RING_WORDS: usize = 32 * 1024;

const APART: usize = 16;
const REQUEST_TAIL: usize = 0;
const REQUEST_HEAD: usize = APART;
const RESULT_TAIL: usize = 2 * APART;
const RESULT_HEAD: usize = 3 * APART;
const PARENT_SLEEPS: usize = 4 * APART;
const WORKER_SLEEPS: usize = 5 * APART;
/// The parent waits for room in the ring of requests.
const PARENT_WANTS_ROOM: usize = 6 * APART;
/// What the parent wants of the worker as a whole.
const ORDERS: usize = 7 * APART;
/// How much of what the worker writes to standard error the parent has read, and how much was
/// written before the task that runs.
const STDERR_TAKEN: usize = 8 * APART;
const STDERR_MARK: usize = 9 * APART;
const SLOT_TABLE: usize = 10 * APART;
const REQUESTS: usize = SLOT_TABLE + 2 * SLOTS;
const RESULTS: usize = REQUESTS + RING_WORDS;
const TOTAL: usize = RESULTS + RING_WORDS;

/// The worker shall end when it has nothing left to do.
const RETIRE: u64 = 1;

/// The shared memory of one worker, as either side sees it.
#[derive(Debug, Clone)]
pub(crate) struct Channel {
    region: Arc<Region>,
}

impl Channel {
    /// New memory, and the descriptor by which the worker gets it.
    ///
    /// # Errors
    /// When the operating system has no memory or no descriptors left.
    pub(crate) fn create() -> io::Result<(Channel, OwnedFd)> {
        let (region, fd) = Region::create(TOTAL)?;
        Ok((Channel { region: Arc::new(region) }, fd))
    }

    /// The memory behind a descriptor that the parent has sent.
    ///
    /// # Errors
    /// When it is not of this layout, or cannot be mapped.
    pub(crate) fn open(fd: BorrowedFd<'_>) -> io::Result<Channel> {
        Ok(Channel { region: Arc::new(Region::open(fd, TOTAL)?) })
    }

    fn requests(&self) -> Ring {
        Ring::new(Arc::clone(&self.region), REQUESTS, RING_WORDS, REQUEST_HEAD, REQUEST_TAIL)
    }

    fn results(&self) -> Ring {
        Ring::new(Arc::clone(&self.region), RESULTS, RING_WORDS, RESULT_HEAD, RESULT_TAIL)
    }

    /// How far the worker has written; changes when there is something new.
    pub(crate) fn result_position(&self) -> u64 {
        self.word(RESULT_TAIL).load(std::sync::atomic::Ordering::Acquire)
    }

    /// The parent's end of the requests. Called once.
    pub(crate) fn request_producer(&self) -> Producer {
        Producer::new(self.requests())
    }

    /// The worker's end of the requests. Called once.
    pub(crate) fn request_consumer(&self) -> Consumer {
        Consumer::new(self.requests())
    }

    /// The worker's end of the results. Called once.
    pub(crate) fn result_producer(&self) -> Producer {
        Producer::new(self.results())
    }

    /// The parent's end of the results. Called once.
    pub(crate) fn result_consumer(&self) -> Consumer {
        Consumer::new(self.results())
    }

    /// The table of tasks.
    pub(crate) fn slots(&self) -> Slots {
        Slots::new(Arc::clone(&self.region), SLOT_TABLE)
    }

    /// What the worker has written to standard error.
    pub(crate) fn stderr_meter(&self) -> Meter {
        Meter::new(Arc::clone(&self.region), STDERR_TAKEN, STDERR_MARK)
    }

    /// Whether the parent sleeps.
    pub(crate) fn parent_alarm(&self) -> Alarm<'_> {
        Alarm::new(self.half(PARENT_SLEEPS))
    }

    /// Whether the worker sleeps.
    pub(crate) fn worker_alarm(&self) -> Alarm<'_> {
        Alarm::new(self.half(WORKER_SLEEPS))
    }

    /// Whether the parent is to be told when the worker has taken something out of its ring.
    pub(crate) fn parent_wants_room(&self) -> Alarm<'_> {
        Alarm::new(self.half(PARENT_WANTS_ROOM))
    }

    /// Tells the worker to end when it has nothing left to do.
    pub(crate) fn order_to_retire(&self) {
        self.word(ORDERS).store(RETIRE, std::sync::atomic::Ordering::SeqCst);
    }

    /// Whether the worker was told to end.
    pub(crate) fn is_to_retire(&self) -> bool {
        self.word(ORDERS).load(std::sync::atomic::Ordering::SeqCst) == RETIRE
    }

    fn word(&self, index: usize) -> &AtomicU64 {
        &self.region.words()[index]
    }

    fn half(&self, index: usize) -> &AtomicU32 {
        self.region.half_word(index)
    }
}
