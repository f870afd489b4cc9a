//! `Manager` and its handles: state shared between processes, kept in one.
//!
//! Objects live in the process that made them. There, a handle calls them directly; from a process
//! that was started there, or further down, it sends requests over the line that each process has to
//! the one that started it. The protocol is described in `README.md` beside this file.

mod answer;
mod calls;
mod error;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod handle;
mod link;
pub(crate) mod object;
mod objects;
mod pending;
mod protocol;
mod service;
mod serving;
mod upstream;

#[cfg(test)]
mod inside_tests;
#[cfg(test)]
mod line_tests;

pub use error::{ManagerError, ManagerErrorKind};
pub use objects::{
    Full, LockSituation, LockUser, Managed, ManagedBarrier, ManagedCounter, ManagedEvent,
    ManagedList, ManagedLock, ManagedLockGuard, ManagedLockOwnedGuard, ManagedMap,
    ManagedOwnedPermit, ManagedPermit, ManagedQueue, ManagedSemaphore, ManagedValue, ObjectId,
    managed_locks,
};

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::io;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use manyhands_executor::Portable;

use link::{Link, Socket};
use object::{AnyObject, Object, Plain, State};
use objects::{BarrierState, EventState, LockState, Refuse, SemaphoreState};
pub(crate) use objects::{QueueState, waits_as};
use serving::Serving;

/// Serves the requests of a process that this one has started, until it ends.
///
/// # Errors
/// If the operating system refuses a thread or a descriptor.
pub(crate) fn serve(pid: u32, socket: UnixStream) -> io::Result<()> {
    service::serve(Arc::new(Serving::new(pid, Link::new(Socket::Owned(socket)))))
}

/// Keeps objects that several processes use: lists, maps, queues, locks and whatever else.
///
/// The objects are in the process that made the manager, and a thread there serves the others. What
/// is given to them are *handles*, which are cloned, sent as arguments and results of tasks and
/// processes, alone or inside of other values, and mean the same object everywhere.
///
/// A handle works in the process of its manager, without a message and without encoding, and in all
/// processes that were started from there, directly or not; elsewhere its calls fail
/// ([`ManagerErrorKind::Unreachable`]).
///
/// The objects live until the manager is dropped or they are [removed](Self::remove), however many
/// handles there are: a handle on its way between processes is in nobody's hands and could not be
/// counted. After that calls fail, also those that were waiting ([`ManagerErrorKind::Closed`]);
/// nothing hangs.
///
/// Waits can be cancelled and have deadlines like all waits, from threads and coroutines. Who is
/// cancelled leaves nothing behind: what it was just given (a lock, an item) goes to the next.
///
/// ```
/// use manyhands_processes::Manager;
///
/// let manager = Manager::new();
/// let list = manager.list(Vec::new());
/// let handle = list.clone(); // as well in another process
/// std::thread::spawn(move || handle.push(111)).join().unwrap()?;
/// list.push(333)?;
/// assert_eq!(list.to_vec()?, [111, 333]);
///
/// drop(manager);
/// assert!(list.len().unwrap_err().is_closed());
/// # Ok::<(), manyhands_processes::ManagerError>(())
/// ```
#[doc(alias = "SyncManager")]
#[doc(alias = "BaseManager")]
#[derive(Default)]
pub struct Manager {
    objects: Mutex<HashMap<u64, Arc<dyn AnyObject>>>,
}

impl Manager {
    /// A manager without objects.
    pub fn new() -> Manager {
        Manager::default()
    }

    /// A list with these elements.
    pub fn list<T: Portable>(&self, elements: Vec<T>) -> ManagedList<T> {
        ManagedList::of(self.keep(Plain(elements)))
    }

    /// An empty map.
    #[doc(alias = "dict")]
    pub fn map<K: Portable + Eq + Hash, V: Portable>(&self) -> ManagedMap<K, V> {
        ManagedMap::of(self.keep(Plain(HashMap::new())))
    }

    /// A value that is read and replaced as a whole.
    pub fn value<T: Portable>(&self, value: T) -> ManagedValue<T> {
        ManagedValue::of(self.keep(Plain(value)))
    }

    /// A number to count with.
    pub fn counter(&self, start: i64) -> ManagedCounter {
        ManagedCounter::of(self.keep(Plain(start)))
    }

    /// Any other value, for functions that run on it.
    #[doc(alias = "register")]
    pub fn manage<T: Send + 'static>(&self, value: T) -> Managed<T> {
        Managed::of(self.keep(Plain(value)))
    }

    /// A queue with room for so many items, at least one; without a number for any number.
    pub fn queue<T: Portable>(&self, capacity: Option<usize>) -> ManagedQueue<T> {
        ManagedQueue::of(self.keep(QueueState::new(capacity)))
    }

    /// A lock.
    pub fn lock(&self) -> ManagedLock {
        ManagedLock::of(self.keep_refusing(LockState::default()))
    }

    /// A lock with a name, for messages and [`managed_locks`].
    pub fn lock_named(&self, name: impl Into<String>) -> ManagedLock {
        ManagedLock::of(self.keep_refusing(LockState::named(Some(name.into()))))
    }

    /// An event that is not set.
    pub fn event(&self) -> ManagedEvent {
        ManagedEvent::of(self.keep(EventState::default()))
    }

    /// A semaphore with so many permits.
    pub fn semaphore(&self, permits: usize) -> ManagedSemaphore {
        ManagedSemaphore::of(self.keep_refusing(SemaphoreState::new(None, permits)))
    }

    /// A semaphore with a name, for messages, and so many permits.
    pub fn semaphore_named(&self, name: impl Into<String>, permits: usize) -> ManagedSemaphore {
        ManagedSemaphore::of(self.keep_refusing(SemaphoreState::new(Some(name.into()), permits)))
    }

    /// A barrier for so many participants. With 0 or 1 nobody waits at it.
    pub fn barrier(&self, parties: usize) -> ManagedBarrier {
        ManagedBarrier::of(self.keep(BarrierState::new(parties)))
    }

    /// Ends one object: whoever waits for it is told, later calls fail. `false` if it is not one of
    /// this manager's, or gone already.
    ///
    /// From anywhere. Called from inside of a function that runs on a managed object, as where a
    /// manager is dropped there, it takes effect when that function has ended.
    pub fn remove(&self, id: ObjectId) -> bool {
        if id.owner != object::this_process() {
            return false;
        }
        let removed = self.objects().remove(&id.object);
        removed.inspect(|object| object.close()).is_some()
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.objects().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn keep_refusing<S: Refuse>(&self, state: S) -> Arc<Object<S>> {
        let object = self.keep(state);
        // Inside of an object it stays out of the wait-for graph, and out of nothing else.
        let _nested = object.with(|state| state.belongs_to(&object));
        object
    }

    fn keep<S: State>(&self, state: S) -> Arc<Object<S>> {
        let object = Object::register(state);
        self.objects().insert(object.id(), Arc::<Object<S>>::clone(&object));
        object
    }

    fn objects(&self) -> MutexGuard<'_, HashMap<u64, Arc<dyn AnyObject>>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        let objects = std::mem::take(&mut *self.objects());
        objects.into_values().for_each(|object| object.close());
    }
}

impl fmt::Debug for Manager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Manager").field("objects", &self.len()).finish()
    }
}
