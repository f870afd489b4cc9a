//! Who works for a home, as the wait-for graph asks when somebody waits for a task that is queued there.
//!
//! The number of its [home](Home) leads from a task to those who could begin it; so a task that is
//! submitted costs no more than before.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, Weak};

use manyhands_wait::{Blockers, Relief};

use crate::home::Home;
use crate::task::TaskHandle;

/// Those who begin the tasks of a home: the workers of a pool, or the tasks that hold its places.
///
/// The methods are called while a wait is looked at: from any thread, at any time. They must not wait,
/// and take no lock under which anybody wakes or asks for its own context. They may be called with the
/// last reference, so what is dropped with that must not do so either.
pub trait Workforce: Send + Sync {
    /// Names whom a task that is queued now waits for: [`any_of`](Blockers::any_of) those of whom one
    /// has to come free before it is begun. [`may_end`](Blockers::may_end) if one is free, or cannot be
    /// named, or if another one may be started.
    fn blockers(&self, blockers: &mut Blockers);

    /// Has one more task begun although all places are taken, because all who have them were proven to
    /// wait, in the end, for what is queued: the awaited task if it is named, with
    /// [`run_here`](TaskHandle::run_here) or out of the queue, else the next one. `None` if there may be
    /// no more. What may run code of the program, or wake somebody, is left to the [`Relief`].
    fn relieve(&self, awaited: Option<&TaskHandle>) -> Option<Relief>;
}

impl Home {
    /// Says who works for this home, as long as that lives. Without it nobody can tell that a task in
    /// its queue will never be begun.
    pub fn set_workforce(self, workforce: Weak<dyn Workforce>) {
        let mut all = WORKFORCES.write().unwrap_or_else(PoisonError::into_inner);
        let all = all.get_or_insert_default();
        all.retain(|_, workforce| workforce.strong_count() > 0);
        all.insert(self.number(), workforce);
    }
}

/// Names whom a task waits for that is queued at the home of this number.
pub(crate) fn blockers_at(home: u32, blockers: &mut Blockers) {
    match workforce_of(home) {
        Some(workforce) => workforce.blockers(blockers),
        None => blockers.may_end(),
    }
}

/// Has the home of this queued task begin it, if it will.
pub(crate) fn relieve(awaited: &TaskHandle) -> Option<Relief> {
    workforce_of(awaited.header().home())?.relieve(Some(awaited))
}

fn workforce_of(home: u32) -> Option<Arc<dyn Workforce>> {
    let all = WORKFORCES.read().unwrap_or_else(PoisonError::into_inner);
    all.as_ref()?.get(&home)?.upgrade()
}

static WORKFORCES: RwLock<Option<HashMap<u32, Weak<dyn Workforce>>>> = RwLock::new(None);
