//! One value per runtime, for things that must not be shared between runtimes.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::runtime::{Handle, Id};
use tokio::task::AbortHandle;

/// One value per runtime: per thread that drives itself, per scheduler, per async runtime.
///
/// For what is bound to the runtime that it was made in, like a pool of connections: the tasks that
/// serve them make progress only while *that* runtime is turned. A value is dropped when its
/// runtime ends (before its drivers), when a thread with a runtime of its own ends, or together
/// with the `PerRuntime`.
///
/// ```
/// use manyhands_io::PerRuntime;
/// use std::sync::Arc;
///
/// let pools: PerRuntime<Arc<str>> = PerRuntime::new();
/// let make = || "a pool of connections".into();
/// let here = manyhands_io::wait(async { pools.get_or_init(make) }).unwrap();
/// let again = manyhands_io::wait(async { pools.get_or_init(make) }).unwrap();
/// assert!(Arc::ptr_eq(&here, &again));
/// ```
pub struct PerRuntime<T: Send + 'static> {
    entries: Arc<Entries<T>>,
}

struct Entries<T>(Mutex<HashMap<Id, Entry<T>>>);

struct Entry<T> {
    value: T,
    /// The task that does nothing but to be dropped with the runtime.
    witness: Option<AbortHandle>,
}

impl<T> Entries<T> {
    fn lock(&self) -> MutexGuard<'_, HashMap<Id, Entry<T>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Held by the witness: takes the entry out when the runtime drops its tasks.
struct End<T> {
    entries: Weak<Entries<T>>,
    runtime: Id,
}

impl<T> Drop for End<T> {
    fn drop(&mut self) {
        if let Some(entries) = self.entries.upgrade() {
            let entry = entries.lock().remove(&self.runtime);
            // Dropped outside the lock: the value's destructor is not ours.
            drop(entry);
        }
    }
}

impl<T: Clone + Send + 'static> PerRuntime<T> {
    /// Without values yet.
    pub fn new() -> PerRuntime<T> {
        PerRuntime { entries: Arc::new(Entries(Mutex::new(HashMap::new()))) }
    }

    /// The value of the runtime in whose context the caller is, made by `init` at first.
    ///
    /// Call it where the runtime is the one that will drive what the value is for: in the future
    /// that is waited for, or inside [`enter`](crate::enter). Several threads of one runtime that
    /// ask for the first time at once may each call `init`; one of the values stays.
    ///
    /// Returns `None` outside any tokio context.
    pub fn get_or_init(&self, init: impl FnOnce() -> T) -> Option<T> {
        let runtime = Handle::try_current().ok()?;
        let id = runtime.id();
        if let Some(entry) = self.entries.lock().get(&id) {
            return Some(entry.value.clone());
        }
        let value = init();
        // The entry is there before its witness: a runtime that is shutting down drops the witness
        // at once.
        {
            let mut entries = self.entries.lock();
            if let Some(first) = entries.get(&id) {
                let first = first.value.clone();
                drop(entries);
                return Some(first);
            }
            entries.insert(id, Entry { value: value.clone(), witness: None });
        }
        let end = End { entries: Arc::downgrade(&self.entries), runtime: id };
        let witness = runtime.spawn(async move {
            let _end = end;
            std::future::pending::<()>().await;
        });
        if let Some(entry) = self.entries.lock().get_mut(&id) {
            entry.witness = Some(witness.abort_handle());
        }
        Some(value)
    }

    /// How many runtimes have a value at present.
    pub fn len(&self) -> usize {
        self.entries.lock().len()
    }

    /// Whether no runtime has a value at present.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T: Clone + Send + 'static> Default for PerRuntime<T> {
    fn default() -> Self {
        PerRuntime::new()
    }
}

impl<T: Send + 'static> Drop for PerRuntime<T> {
    fn drop(&mut self) {
        let entries = std::mem::take(&mut *self.entries.lock());
        for witness in entries.values().filter_map(|entry| entry.witness.as_ref()) {
            witness.abort();
        }
    }
}

impl<T: Send + 'static> fmt::Debug for PerRuntime<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PerRuntime").field("runtimes", &self.entries.lock().len()).finish()
    }
}
