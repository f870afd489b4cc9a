//! Who holds a managed lock and who waits for it: what somebody needs to find waits in a circle.

use std::borrow::Cow;
use std::panic::Location;

use manyhands_wait::{Context, Place};
use serde::{Deserialize, Serialize};

use super::state::LockState;
use crate::manager::object::{self, Object};
use crate::manager::objects::ObjectId;

/// Who holds a [`ManagedLock`](crate::ManagedLock) or waits for it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LockUser {
    process: u32,
    context: u64,
    name: String,
    file: Cow<'static, str>,
    line: u32,
}

impl LockUser {
    pub(in crate::manager::objects) fn here(place: &'static Location<'static>) -> LockUser {
        let context = Context::current();
        LockUser {
            process: std::process::id(),
            context: context.id(),
            name: context.name().as_ref().to_owned(),
            file: Cow::Borrowed(place.file()),
            line: place.line(),
        }
    }

    /// The number of its process.
    pub fn process(&self) -> u32 {
        self.process
    }

    /// The number of the thread, coroutine or task in that process
    /// ([`Context::id`](manyhands_wait::Context::id)).
    pub fn context(&self) -> u64 {
        self.context
    }

    /// The name of that thread, coroutine or task ([`Context::name`](manyhands_wait::Context::name)),
    /// as it was when it asked.
    pub fn context_name(&self) -> &str {
        &self.name
    }

    /// The file of the source where it asked for the lock.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The line there.
    pub fn line(&self) -> u32 {
        self.line
    }

    /// Where it asked, as the wait-for graph shows it.
    pub(in crate::manager::objects) fn place(&self) -> Place {
        Place::Elsewhere(format!("{}:{}", self.file, self.line).into())
    }

    pub(super) fn is_same_context(&self, other: &LockUser) -> bool {
        (self.process, self.context) == (other.process, other.context)
    }
}

impl std::fmt::Display for LockUser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let LockUser { process, name, file, line, .. } = self;
        write!(f, "{name:?} of process {process}, at {file}:{line}")
    }
}

/// One [`ManagedLock`](crate::ManagedLock) as it was at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LockSituation {
    /// Which lock it is.
    pub lock: ObjectId,
    /// Its name, if it was given one ([`Manager::lock_named`](crate::Manager::lock_named)).
    pub name: Option<String>,
    /// Who holds it.
    pub holder: Option<LockUser>,
    /// Who waits for it, the next one first.
    pub waiters: Vec<LockUser>,
}

/// The locks of all managers of this process, in the order in which they were made. Each is looked at
/// for itself: between two of them others may have gone on.
///
/// From anywhere; empty from inside of a function that runs on a managed object.
///
/// ```
/// let manager = manyhands_processes::Manager::new();
/// let accounts = manager.lock_named("accounts");
/// let _guard = accounts.lock()?;
/// let locks = manyhands_processes::managed_locks();
/// let held = locks.iter().find(|lock| lock.lock == accounts.id()).unwrap();
/// assert_eq!(held.name.as_deref(), Some("accounts"));
/// assert_eq!(held.holder.as_ref().unwrap().process(), std::process::id());
/// assert!(held.waiters.is_empty());
/// # Ok::<(), manyhands_processes::ManagerError>(())
/// ```
pub fn managed_locks() -> Vec<LockSituation> {
    let owner = object::this_process();
    let look = |object: &Object<LockState>| {
        let lock = ObjectId { owner, object: object.id() };
        let seen = object.with(|state| state.seen());
        seen.ok().map(|(name, holder, waiters)| LockSituation { lock, name, holder, waiters })
    };
    let mut locks: Vec<LockSituation> =
        object::all_typed::<LockState>().iter().filter_map(|object| look(object)).collect();
    locks.sort_by_key(|situation| situation.lock.object);
    locks
}
