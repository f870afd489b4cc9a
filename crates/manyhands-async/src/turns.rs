//! Current-thread runtimes in the wait-for graph: their tasks are polled one at a time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use manyhands_executor::{Home, TaskHandle, Workforce};
use manyhands_wait::{Blockers, Relief, SerialExecutor};
use tokio::runtime::{Handle, Id, RuntimeFlavor};

/// The turns in which a runtime polls its tasks, one for all pools on it.
pub(crate) struct Turns {
    executor: SerialExecutor,
    home: Home,
}

impl Turns {
    /// Those of a current-thread runtime.
    ///
    /// A runtime with a single worker has none: `block_in_place` in one of its tasks has another thread
    /// poll the others, and tokio does not say whether that is so at the moment.
    pub(crate) fn of(handle: &Handle) -> Option<Arc<Turns>> {
        static KNOWN: Mutex<Option<HashMap<Id, Weak<Turns>>>> = Mutex::new(None);
        if handle.runtime_flavor() != RuntimeFlavor::CurrentThread {
            return None;
        }
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        let known = known.get_or_insert_default();
        known.retain(|_, turns| turns.strong_count() > 0);
        if let Some(turns) = known.get(&handle.id()).and_then(Weak::upgrade) {
            return Some(turns);
        }
        let executor = SerialExecutor::new(format!("current-thread {}", handle.id()));
        let turns = Arc::new(Turns { executor, home: Home::create() });
        known.insert(handle.id(), Arc::downgrade(&turns));
        let workforce: Weak<Turns> = Arc::downgrade(&turns);
        turns.home.set_workforce(workforce);
        Some(turns)
    }

    /// Where a future is queued that was given to the runtime, and that nobody else will begin.
    pub(crate) fn home(&self) -> Home {
        self.home
    }

    /// Runs `f`, which polls a task of the runtime.
    pub(crate) fn poll<R>(&self, f: impl FnOnce() -> R) -> R {
        self.executor.poll(f)
    }

    /// Whether no task is polled because the poll of one blocks the thread.
    pub(crate) fn are_held_up(&self) -> bool {
        self.executor.is_blocked()
    }
}

/// Of futures that the runtime has, and has not polled yet.
impl Workforce for Turns {
    fn blockers(&self, blockers: &mut Blockers) {
        blockers.any_of(self.executor.agent());
    }

    /// Nothing can be begun but in a turn.
    fn relieve(&self, _awaited: Option<&TaskHandle>) -> Option<Relief> {
        None
    }
}
