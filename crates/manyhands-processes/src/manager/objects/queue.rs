//! `ManagedQueue`: first in, first out, between all processes.
//!
//! [`QueueState`] is the queue at its owner; the handle is in front of it.

mod lane;
mod producing;
mod state;

pub(crate) use state::QueueState;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use manyhands_executor::Portable;
use manyhands_wait::{Reason, check_cancelled};

use super::handle;
use crate::manager::answer::{PeerId, Ticket};
use crate::manager::error::ManagerError;
use crate::manager::handle::Handle;
use crate::manager::pending::Pending;
use lane::Grant;
use producing::Went;

static PUT: Reason = Reason::new("managed queue: put");
static GET: Reason = Reason::new("managed queue: get");
static JOIN: Reason = Reason::new("managed queue: join");
static CALL: Reason = Reason::new("call of a managed queue");

/// A queue of a [`Manager`](crate::Manager), bounded or not: what is put in comes out once, in order,
/// between threads, coroutines and tasks of all processes.
///
/// An item is handed over when [`get`](Self::get) returns. If the process of a consumer dies before
/// that, or the consumer is cancelled or gives up, the item goes back to the front; what was handed
/// over is gone with its consumer (*at most once*), and counts as done for [`join`](Self::join);
/// [`lost`](Self::lost) says how many there were. What a producer has put stays, also if it dies at
/// once.
///
/// Every method fails if the queue is gone or cannot be reached, or if an item cannot be encoded or
/// decoded ([`ManagerError`]); an item that cannot be is lost.
///
/// Another process that puts often into a queue without a bound does so through shared memory, which
/// takes a fraction of a microsecond; putting into a bounded one, and every `get` there, is a request
/// and an answer.
///
/// ```
/// let manager = manyhands_processes::Manager::new();
/// let queue = manager.queue(None);
/// queue.put(1)?;
/// queue.put(2)?;
/// assert_eq!(queue.get()?, 1);
/// assert_eq!(queue.try_get()?, Some(2));
/// assert_eq!(queue.try_get()?, None);
/// # Ok::<(), manyhands_processes::ManagerError>(())
/// ```
#[doc(alias = "JoinableQueue")]
pub struct ManagedQueue<T: Portable>(Handle<QueueState<T>>);

handle!(ManagedQueue<T: Portable>, QueueState<T>);

/// There was no room in a queue; here is the item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full<T>(pub T);

impl<T> fmt::Display for Full<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the queue is full")
    }
}

impl<T: fmt::Debug> std::error::Error for Full<T> {}

#[allow(clippy::missing_errors_doc, reason = "the same for all of them, said at the type")]
impl<T: Portable> ManagedQueue<T> {
    /// Appends an item, after waiting for room if the queue is bounded. From threads and coroutines.
    /// If the caller is cancelled while it waits, the item is not appended.
    ///
    /// # Errors
    /// Also if the queue is closed.
    #[track_caller]
    pub fn put(&self, item: T) -> Result<(), ManagerError> {
        if let Some(way) = self.way() {
            match way.put(&item) {
                Went::There { bell } => return self.arrived(bell),
                Went::Not(Some(asking)) => asking.answered(self.lane().wait(&CALL)?),
                Went::Not(None) => {}
            }
        }
        self.0.start(item, QueueState::put).wait(&PUT)
    }

    /// Like [`put`](Self::put), for async code.
    pub async fn put_async(&self, item: T) -> Result<(), ManagerError> {
        if let Some(way) = self.way() {
            match way.put(&item) {
                Went::There { bell } => return self.arrived(bell),
                Went::Not(Some(asking)) => asking.answered(self.lane().await?),
                Went::Not(None) => {}
            }
        }
        self.0.start(item, QueueState::put).await
    }

    /// Appends an item if there is room now; otherwise it comes back.
    #[doc(alias = "put_nowait")]
    #[track_caller]
    pub fn try_put(&self, item: T) -> Result<Result<(), Full<T>>, ManagerError> {
        let back = self.0.start(item, QueueState::try_put).wait(&CALL)?;
        Ok(back.map_or(Ok(()), |item| Err(Full(item))))
    }

    /// Like [`put`](Self::put), for at most `limit`; if there was no room until then, the item comes
    /// back.
    #[track_caller]
    pub fn put_timeout(
        &self,
        item: T,
        limit: Duration,
    ) -> Result<Result<(), Full<T>>, ManagerError> {
        let mut item = Some(item);
        let mut pending = self.0.begin(&mut item, QueueState::put);
        if let Ok(put) = pending.wait_until(&PUT, Instant::now().checked_add(limit)) {
            return put.map(Ok);
        }
        // There may have been room at the last moment. Here the queue has the item itself,
        // elsewhere a copy of it.
        let taken_back = match (pending.request(), self.0.here()) {
            (Some(request), Some(queue)) => {
                let ticket = Ticket { peer: PeerId::HERE, request };
                queue.with(|state| state.take_back(ticket))?
            }
            (Some(request), None) => {
                let taken_back = self.0.start(request, QueueState::retract).wait(&CALL)?;
                item.filter(|_| taken_back)
            }
            (None, _) => None,
        };
        Ok(taken_back.map_or(Ok(()), |item| Err(Full(item))))
    }

    /// Takes the first item out, after waiting for one. From threads and coroutines.
    ///
    /// # Errors
    /// Also if the queue is closed and empty.
    #[track_caller]
    pub fn get(&self) -> Result<T, ManagerError> {
        self.request().wait(&GET).and_then(given)
    }

    /// Like [`get`](Self::get), for async code.
    pub async fn get_async(&self) -> Result<T, ManagerError> {
        self.request().await.and_then(given)
    }

    /// Takes the first item out if there is one now.
    ///
    /// # Errors
    /// Also if the queue is closed and empty.
    #[doc(alias = "get_nowait")]
    #[track_caller]
    pub fn try_get(&self) -> Result<Option<T>, ManagerError> {
        self.0.start((), QueueState::try_get).returning(QueueState::return_item).wait(&CALL)
    }

    /// Like [`get`](Self::get), for at most `limit`; `None` if there was none until then.
    #[track_caller]
    pub fn get_timeout(&self, limit: Duration) -> Result<Option<T>, ManagerError> {
        match self.request().wait_until(&GET, Instant::now().checked_add(limit)) {
            Ok(item) => item.and_then(given).map(Some),
            Err(_time_is_over) => Ok(None),
        }
    }

    /// Says that an item is done with which was taken out.
    ///
    /// # Errors
    /// Also if that was said of all items already.
    #[track_caller]
    pub fn task_done(&self) -> Result<(), ManagerError> {
        self.0.start((), QueueState::task_done).wait(&CALL)
    }

    /// Waits until all items that were put in are done with: until [`task_done`](Self::task_done) was
    /// called for each, or its consumer died.
    #[track_caller]
    pub fn join(&self) -> Result<(), ManagerError> {
        self.0.start((), QueueState::join).wait(&JOIN)
    }

    /// Like [`join`](Self::join), for at most `limit`; whether all were done with until then.
    #[track_caller]
    pub fn join_timeout(&self, limit: Duration) -> Result<bool, ManagerError> {
        let until = Instant::now().checked_add(limit);
        match self.0.start((), QueueState::join).wait_until(&JOIN, until) {
            Ok(joined) => joined.map(|()| true),
            Err(_time_is_over) => Ok(false),
        }
    }

    /// Takes no more items: [`put`](Self::put) fails from now on, also where it is waiting for room;
    /// [`get`](Self::get) fails when the queue is empty. Closing again does nothing.
    #[doc(alias = "shutdown")]
    #[track_caller]
    pub fn close(&self) -> Result<(), ManagerError> {
        self.0.start((), QueueState::close).wait(&CALL)
    }

    /// How many items are in the queue.
    #[doc(alias = "qsize")]
    #[track_caller]
    pub fn len(&self) -> Result<usize, ManagerError> {
        self.0.start((), QueueState::len).wait(&CALL)
    }

    /// Whether there are none.
    #[track_caller]
    pub fn is_empty(&self) -> Result<bool, ManagerError> {
        self.len().map(|length| length == 0)
    }

    /// How many items were taken out by consumers that died before they said
    /// [`task_done`](Self::task_done).
    #[track_caller]
    pub fn lost(&self) -> Result<u64, ManagerError> {
        self.0.start((), QueueState::lost).wait(&CALL)
    }

    /// The way of this process into the queue, if that is elsewhere.
    fn way(&self) -> Option<Arc<producing::Way>> {
        self.0.is_elsewhere().then(|| {
            check_cancelled();
            producing::way(self.0.target())
        })
    }

    /// The item is in the queue, and perhaps its owner waits for it.
    fn arrived(&self, bell: bool) -> Result<(), ManagerError> {
        if bell {
            // Whatever becomes of this.
            let _gone = self.0.tell((), QueueState::bell);
        }
        Ok(())
    }

    fn lane(&self) -> Pending<QueueState<T>, Option<Grant>> {
        self.0.start((), QueueState::open_lane)
    }

    /// A call of [`get`](Self::get) that nobody waits for yet.
    #[cfg(test)]
    pub(crate) fn begin_get(&self) -> Pending<QueueState<T>, Option<T>> {
        self.request()
    }

    fn request(&self) -> Pending<QueueState<T>, Option<T>> {
        self.0.start((), QueueState::get).returning(QueueState::return_item)
    }
}

/// Only a queue whose object is gone gives nothing.
fn given<T>(item: Option<T>) -> Result<T, ManagerError> {
    item.ok_or_else(ManagerError::closed)
}
