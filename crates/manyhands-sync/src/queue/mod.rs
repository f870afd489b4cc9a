//! Queues between threads, coroutines and async tasks: first in first out, last in first out, by
//! priority.
//!
//! All three are one type over one protocol, [`OrderedQueue`]; they differ in where items are kept.
//! `README.md` in this folder states the protocol.

mod edge;
mod error;
mod heap;
mod iter;
mod order;
mod ordered;
mod prioritized;
mod state;
mod statistics;
mod turns;
mod waits;

pub(crate) use edge::Edge;
pub use error::{Closed, GetError, PutError, TaskDoneError};
pub use iter::Iter;
pub use order::{Fifo, Lifo, Order, SmallestFirst};
pub use ordered::OrderedQueue;
pub use prioritized::Prioritized;
pub use statistics::QueueStatistics;
pub(crate) use turns::{Turn, Turns};

/// First in, first out, for any number of putters and getters in threads, coroutines and async tasks
/// at once. All methods are those of [`OrderedQueue`].
///
/// ```
/// use manyhands_sync::{Queue, QueueShutdown};
///
/// let pages = Queue::new(2); // `put` waits while two are in it
/// std::thread::scope(|scope| {
///     scope.spawn(|| {
///         for page in ["first", "second", "third"] {
///             pages.put(page)?;
///         }
///         pages.shutdown(QueueShutdown::Drain); // no more will come
///         Ok::<_, manyhands_sync::Closed<_>>(())
///     });
///     let got: Vec<_> = pages.iter().collect();
///     assert_eq!(got, ["first", "second", "third"]);
/// });
/// ```
#[doc(alias = "queue.Queue")]
#[doc(alias = "gevent.queue.Queue")]
#[doc(alias = "asyncio.Queue")]
#[doc(alias = "queue.SimpleQueue")]
#[doc(alias = "SimpleQueue")]
#[doc(alias = "JoinableQueue")]
#[doc(alias = "UnboundQueue")]
pub type Queue<T> = OrderedQueue<T, Fifo>;

/// Last in, first out. All methods are those of [`OrderedQueue`].
///
/// ```
/// let queue = manyhands_sync::LifoQueue::unbounded();
/// for word in ["first", "second", "third"] {
///     queue.put(word)?;
/// }
/// assert_eq!(queue.get(), Ok("third"));
/// # Ok::<_, manyhands_sync::Closed<_>>(())
/// ```
#[doc(alias = "queue.LifoQueue")]
#[doc(alias = "asyncio.LifoQueue")]
#[doc(alias = "gevent.queue.LifoQueue")]
pub type LifoQueue<T> = OrderedQueue<T, Lifo>;

/// The smallest first; equals in the order in which they were put (Python leaves that open). All
/// methods are those of [`OrderedQueue`]. For the largest first put [`std::cmp::Reverse`]; for values
/// that have no order put [`Prioritized`] ones.
///
/// Comparisons run while the queue is locked: they must not wait, nor use the queue. One that panics
/// changes nothing: `put` drops its value while it unwinds, `get` leaves the item where it was.
///
/// ```
/// let queue = manyhands_sync::PriorityQueue::unbounded();
/// for entry in [(20, "a"), (10, "b"), (30, "c")] {
///     queue.put(entry)?;
/// }
/// assert_eq!(queue.get(), Ok((10, "b")));
/// # Ok::<_, manyhands_sync::Closed<_>>(())
/// ```
#[doc(alias = "queue.PriorityQueue")]
#[doc(alias = "heapq")]
#[doc(alias = "asyncio.PriorityQueue")]
#[doc(alias = "gevent.queue.PriorityQueue")]
pub type PriorityQueue<T> = OrderedQueue<T, SmallestFirst>;

/// How a queue or channel is shut down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueShutdown {
    /// Nothing more can be put; what is in it can still be got.
    Drain,
    /// Nothing more can be put, and what is in it is dropped. It counts as done for `join`.
    #[doc(alias = "immediate")]
    Immediate,
}
