//! The guards of a semaphore: whoever holds one holds permits, and dropping it gives them back.

use std::fmt;
use std::marker::PhantomData;
use std::mem;
use std::sync::{Arc, MutexGuard};

use manyhands_wait::Agent;

use super::core::{Claim, Core};
use super::ledger::Key;

/// Permits of a [`Semaphore`](super::Semaphore), taken by a thread or coroutine; dropping it gives
/// them back.
///
/// It belongs to the context that took it, as the wait-for graph knows: whoever waits for permits
/// waits for those contexts. It cannot be sent to another thread; [`into_owned`](Self::into_owned)
/// makes one that can. Given to another coroutine of the same thread as it is, it is found out when it
/// is dropped there; from then on waits for the semaphore are listed but never proven to be
/// deadlocked.
#[must_use = "dropping it gives the permits back at once"]
#[doc(alias = "release")]
pub struct Permit<'a> {
    core: &'a Arc<Core>,
    claim: Claim,
    /// Not to be sent.
    of_this_stack: PhantomData<MutexGuard<'a, ()>>,
}

/// Permits of a [`Semaphore`](super::Semaphore), taken by `.await`; dropping it gives them back.
///
/// It may be held across `.await` and be sent between threads with its task, to which it belongs. To
/// give it to another task, use [`into_owned`](Self::into_owned).
#[must_use = "dropping it gives the permits back at once"]
pub struct AsyncPermit<'a> {
    core: &'a Arc<Core>,
    claim: Claim,
}

/// Permits that belong to nobody in particular: they may be sent anywhere and outlive the
/// [`Semaphore`](super::Semaphore) itself. Dropping it gives them back.
///
/// Nobody knows who will drop it, so a wait for a semaphore that has such permits is listed but
/// never proven to be a deadlock.
///
/// ```
/// use manyhands_sync::Semaphore;
///
/// let connections = Semaphore::new(2);
/// let permit = connections.acquire().into_owned();
/// let worker = std::thread::spawn(move || {
///     // ... one connection's work ...
///     drop(permit);
/// });
/// worker.join().unwrap();
/// assert_eq!(connections.available(), 2);
/// ```
#[must_use = "dropping it gives the permits back at once"]
pub struct OwnedPermit {
    core: Arc<Core>,
    permits: usize,
}

impl<'a> Permit<'a> {
    #[inline]
    pub(super) fn new(core: &'a Arc<Core>, claim: Claim) -> Permit<'a> {
        Permit { core, claim, of_this_stack: PhantomData }
    }

    /// How many permits it holds.
    pub fn permits(&self) -> usize {
        self.claim.permits
    }

    /// Leaves the permits behind: they do not come back until they are
    /// [released](super::Semaphore::release), by anybody.
    #[inline]
    pub fn forget(self) {
        self.core.forget(&self.claim);
        mem::forget(self);
    }

    /// Makes it one that may be sent anywhere, and belongs to nobody in particular.
    pub fn into_owned(self) -> OwnedPermit {
        let owned = OwnedPermit::new(self.core, &self.claim);
        mem::forget(self);
        owned
    }
}

impl Drop for Permit<'_> {
    #[inline]
    fn drop(&mut self) {
        self.core.give_back(&self.claim, Some(Agent::current()));
    }
}

impl<'a> AsyncPermit<'a> {
    pub(super) fn new(core: &'a Arc<Core>, claim: Claim) -> AsyncPermit<'a> {
        AsyncPermit { core, claim }
    }

    /// How many permits it holds.
    pub fn permits(&self) -> usize {
        self.claim.permits
    }

    /// Leaves the permits behind: they do not come back until they are
    /// [released](super::Semaphore::release), by anybody.
    pub fn forget(self) {
        self.core.forget(&self.claim);
        mem::forget(self);
    }

    /// Makes it one that belongs to nobody in particular, to be given to another task.
    pub fn into_owned(self) -> OwnedPermit {
        let owned = OwnedPermit::new(self.core, &self.claim);
        mem::forget(self);
        owned
    }
}

impl Drop for AsyncPermit<'_> {
    fn drop(&mut self) {
        self.core.give_back(&self.claim, Agent::current_async());
    }
}

impl OwnedPermit {
    fn new(core: &Arc<Core>, claim: &Claim) -> OwnedPermit {
        core.make_anonymous(claim);
        OwnedPermit { core: Arc::clone(core), permits: claim.permits }
    }

    /// How many permits it holds.
    pub fn permits(&self) -> usize {
        self.permits
    }

    /// Leaves the permits behind: they do not come back until they are
    /// [released](super::Semaphore::release), by anybody.
    pub fn forget(mut self) {
        self.core.forget(&self.claim());
        // What is dropped now holds nothing.
        self.permits = 0;
    }

    fn claim(&self) -> Claim {
        Claim { permits: self.permits, key: Key::ANONYMOUS }
    }
}

impl Drop for OwnedPermit {
    fn drop(&mut self) {
        self.core.give_back(&self.claim(), None);
    }
}

impl fmt::Debug for Permit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, "Permit", self.core, self.claim.permits)
    }
}

impl fmt::Debug for AsyncPermit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, "AsyncPermit", self.core, self.claim.permits)
    }
}

impl fmt::Debug for OwnedPermit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, "OwnedPermit", &self.core, self.permits)
    }
}

fn show(f: &mut fmt::Formatter<'_>, kind: &str, core: &Core, permits: usize) -> fmt::Result {
    f.debug_struct(kind).field("of", &format_args!("{core}")).field("permits", &permits).finish()
}
