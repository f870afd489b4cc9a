//! The inter-process queue: a managed queue that needs no manager.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use manyhands_executor::Portable;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::manager::object::{self, Object, this_process};
use crate::manager::{ManagedQueue, ObjectId, QueueState};

/// A queue between processes, bounded or not: what any thread, coroutine or task of any of them puts in
/// comes out once, in order.
///
/// It lives in the process that made it, and has all the methods of a [`ManagedQueue`], whose
/// promises are its own: an item is handed over when `get` returns, and goes back to the front if the
/// consumer dies, is cancelled or gives up before. Processes that were started from the one that made
/// it can use it; it is sent to them as an argument, alone or inside of other values.
///
/// It lives as long as there is a `Queue` for it in the process that made it, and no longer: so keep
/// one there for as long as others use it; an argument of a task or a process that has not ended is
/// one. When the last one is dropped there, waits and calls
/// elsewhere fail ([`ManagerErrorKind::Closed`](crate::ManagerErrorKind::Closed)).
///
/// ```
/// use manyhands_processes::Queue;
///
/// let queue = Queue::new();
/// let producer = queue.clone(); // as well in another process
/// let thread = std::thread::spawn(move || (0..3).try_for_each(|item| producer.put(item)));
/// assert_eq!([queue.get()?, queue.get()?, queue.get()?], [0, 1, 2]);
/// # thread.join().unwrap()?;
/// # Ok::<(), manyhands_processes::ManagerError>(())
/// ```
#[doc(alias = "multiprocessing.Queue")]
#[doc(alias = "multiprocessing.JoinableQueue")]
#[doc(alias = "SimpleQueue")]
pub struct Queue<T: Portable> {
    queue: ManagedQueue<T>,
    /// In the process that made it.
    _anchor: Option<Arc<Anchor>>,
}

impl<T: Portable> Queue<T> {
    /// A queue with room for any number of items.
    pub fn new() -> Queue<T> {
        Queue::with(None)
    }

    /// A queue with room for so many items, at least one: `put` waits while it is full.
    pub fn bounded(capacity: usize) -> Queue<T> {
        Queue::with(Some(capacity))
    }

    fn with(capacity: Option<usize>) -> Queue<T> {
        let object = Object::register(QueueState::new(capacity));
        let anchor = Anchor::new(object.id());
        Queue { queue: ManagedQueue::of(object), _anchor: Some(anchor) }
    }
}

impl<T: Portable> Default for Queue<T> {
    fn default() -> Self {
        Queue::new()
    }
}

impl<T: Portable> Deref for Queue<T> {
    type Target = ManagedQueue<T>;

    fn deref(&self) -> &ManagedQueue<T> {
        &self.queue
    }
}

impl<T: Portable> Clone for Queue<T> {
    fn clone(&self) -> Self {
        Queue { queue: self.queue.clone(), _anchor: self._anchor.clone() }
    }
}

impl<T: Portable> fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Queue").field(&self.queue.id().object).finish()
    }
}

impl<T: Portable> Serialize for Queue<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.queue.serialize(serializer)
    }
}

impl<'de, T: Portable> Deserialize<'de> for Queue<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let queue = ManagedQueue::deserialize(deserializer)?;
        let anchor = Anchor::find(queue.id());
        Ok(Queue { queue, _anchor: anchor })
    }
}

/// Keeps a queue alive in the process that made it; ends it when it is dropped.
struct Anchor {
    object: u64,
}

/// For queues that come back from other processes.
static ANCHORS: Mutex<BTreeMap<u64, Weak<Anchor>>> = Mutex::new(BTreeMap::new());

fn anchors() -> MutexGuard<'static, BTreeMap<u64, Weak<Anchor>>> {
    ANCHORS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Anchor {
    fn new(object: u64) -> Arc<Anchor> {
        let anchor = Arc::new(Anchor { object });
        anchors().insert(object, Arc::downgrade(&anchor));
        anchor
    }

    fn find(id: ObjectId) -> Option<Arc<Anchor>> {
        if id.owner != this_process() {
            return None;
        }
        anchors().get(&id.object)?.upgrade()
    }
}

impl Drop for Anchor {
    fn drop(&mut self) {
        anchors().remove(&self.object);
        if let Some(object) = object::find(self.object) {
            object.close();
        }
    }
}
