//! `ManagedLock`: one holder at a time among all processes, and what happens when the holder dies.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use manyhands_wait::{Context, Reason};
use serde::{Deserialize, Serialize};

use super::handle;
use crate::manager::answer::{Answers, Asker, PeerId, Ticket};
use crate::manager::error::ManagerError;
use crate::manager::handle::Handle;
use crate::manager::object::State;
use crate::manager::pending::Pending;

static LOCK: Reason = Reason::new("managed lock");
static TRY_LOCK: Reason = Reason::new("trying a managed lock");
static LOOK: Reason = Reason::new("who holds a managed lock");

/// A lock of a [`Manager`](crate::Manager): one holder at a time among all threads, coroutines and
/// tasks of all processes that have a handle. Whoever has waited longest is next.
///
/// If the process of the holder dies, the lock is released, and the next holder is told
/// ([`ManagedLockGuard::predecessor_died`]): what the lock protects may be half changed. It is not
/// re-entrant: who holds it and asks again waits for itself.
///
/// ```
/// let manager = manyhands_processes::Manager::new();
/// let lock = manager.lock();
/// let guard = lock.lock()?;
/// assert!(lock.try_lock()?.is_none());
/// drop(guard);
/// assert!(lock.try_lock()?.is_some());
/// # Ok::<(), manyhands_processes::ManagerError>(())
/// ```
#[doc(alias = "AcquirerProxy")]
pub struct ManagedLock(Handle<LockState>);

handle!(ManagedLock, LockState);

impl ManagedLock {
    /// Waits until the lock is free, and takes it.
    ///
    /// From threads and coroutines. If the caller is cancelled while it waits, it does not get the
    /// lock, nor does anybody wait for it to give it back.
    ///
    /// # Errors
    /// If the lock is gone or cannot be reached.
    #[doc(alias = "acquire")]
    #[track_caller]
    pub fn lock(&self) -> Result<ManagedLockGuard, ManagerError> {
        self.request().wait(&LOCK).map(|granted| self.guard(granted))
    }

    /// Like [`lock`](Self::lock), for async code.
    ///
    /// # Errors
    /// Like [`lock`](Self::lock).
    pub async fn lock_async(&self) -> Result<ManagedLockGuard, ManagerError> {
        self.request().await.map(|granted| self.guard(granted))
    }

    /// Takes the lock if it is free.
    ///
    /// # Errors
    /// Like [`lock`](Self::lock).
    #[track_caller]
    pub fn try_lock(&self) -> Result<Option<ManagedLockGuard>, ManagerError> {
        let granted = self.0.start(LockHolder::here(), LockState::try_lock).wait(&TRY_LOCK)?;
        Ok(granted.map(|granted| self.guard(granted)))
    }

    /// Like [`lock`](Self::lock), for at most `limit`; `None` if it was not free until then.
    ///
    /// # Errors
    /// Like [`lock`](Self::lock).
    #[track_caller]
    pub fn lock_timeout(&self, limit: Duration) -> Result<Option<ManagedLockGuard>, ManagerError> {
        match self.request().wait_until(&LOCK, Instant::now().checked_add(limit)) {
            Ok(granted) => granted.map(|granted| Some(self.guard(granted))),
            Err(_time_is_over) => Ok(None),
        }
    }

    /// Who holds the lock, as of a moment ago.
    ///
    /// # Errors
    /// Like [`lock`](Self::lock).
    #[track_caller]
    pub fn holder(&self) -> Result<Option<LockHolder>, ManagerError> {
        let look = |lock: &mut LockState, (), asker: Asker<Option<LockHolder>>, answers: &mut _| {
            asker.answer(lock.held.as_ref().map(|held| held.who), answers);
        };
        self.0.start((), look).wait(&LOOK)
    }

    /// A call of [`lock`](Self::lock) that nobody waits for yet.
    #[cfg(test)]
    pub(crate) fn begin_lock(&self) -> impl Sized + use<> {
        self.request()
    }

    fn request(&self) -> Pending<LockState, Granted> {
        self.0.start(LockHolder::here(), LockState::lock)
    }

    fn guard(&self, granted: Granted) -> ManagedLockGuard {
        ManagedLockGuard { lock: self.clone(), granted }
    }
}

/// Who holds a [`ManagedLock`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LockHolder {
    process: u32,
    context: u64,
}

impl LockHolder {
    fn here() -> LockHolder {
        LockHolder { process: std::process::id(), context: Context::current().id() }
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
}

/// The lock is held as long as this lives.
#[must_use = "dropped, it releases the lock"]
#[derive(Debug)]
pub struct ManagedLockGuard {
    lock: ManagedLock,
    granted: Granted,
}

impl ManagedLockGuard {
    /// Whether the holder before died while it had the lock, so that what the lock protects may be
    /// half changed. Only the first holder after it is told.
    pub fn predecessor_died(&self) -> bool {
        self.granted.predecessor_died
    }
}

impl Drop for ManagedLockGuard {
    fn drop(&mut self) {
        // A lock that is gone or cannot be reached is held by nobody.
        let _gone = self.lock.0.tell(self.granted.token, LockState::unlock);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Granted {
    token: u64,
    predecessor_died: bool,
}

/// The lock at its owner.
#[derive(Default)]
pub(crate) struct LockState {
    held: Option<Held>,
    last_token: u64,
    /// The last holder died, and nobody was told yet.
    holder_died: bool,
    waiting: VecDeque<(LockHolder, Asker<Granted>)>,
}

struct Held {
    ticket: Ticket,
    granted: Granted,
    who: LockHolder,
}

impl LockState {
    fn lock(&mut self, who: LockHolder, asker: Asker<Granted>, answers: &mut Answers) {
        self.waiting.push_back((who, asker));
        self.advance(answers);
    }

    fn try_lock(&mut self, who: LockHolder, asker: Asker<Option<Granted>>, answers: &mut Answers) {
        // While somebody waits, it is held.
        let granted = self.held.is_none().then(|| self.grant(asker.ticket(), who));
        asker.answer(granted, answers);
    }

    fn unlock(&mut self, token: u64, asker: Asker<()>, answers: &mut Answers) {
        if self.held.as_ref().is_some_and(|held| held.granted.token == token) {
            self.held = None;
            self.advance(answers);
        }
        asker.answer((), answers);
    }

    fn grant(&mut self, ticket: Ticket, who: LockHolder) -> Granted {
        self.last_token += 1;
        let predecessor_died = std::mem::take(&mut self.holder_died);
        let granted = Granted { token: self.last_token, predecessor_died };
        self.held = Some(Held { ticket, granted, who });
        granted
    }

    fn advance(&mut self, answers: &mut Answers) {
        if self.held.is_none()
            && let Some((who, asker)) = self.waiting.pop_front()
        {
            let granted = self.grant(asker.ticket(), who);
            asker.answer(granted, answers);
        }
    }

    /// Those who match wait no more.
    fn forget(&mut self, matches: impl Fn(Ticket) -> bool) {
        let (gone, stay) = self.waiting.drain(..).partition(|(_, asker)| matches(asker.ticket()));
        self.waiting = stay;
        let gone: VecDeque<(LockHolder, Asker<Granted>)> = gone;
        gone.into_iter().for_each(|(_, asker)| asker.forget());
    }
}

impl State for LockState {
    fn withdraw(&mut self, ticket: Ticket, answers: &mut Answers) {
        self.forget(|other| other == ticket);
        if let Some(held) = self.held.take_if(|held| held.ticket == ticket) {
            // It was granted to somebody who had left: nobody was told what was to be told.
            self.holder_died |= held.granted.predecessor_died;
            self.advance(answers);
        }
    }

    fn peer_gone(&mut self, peer: PeerId, answers: &mut Answers) {
        self.forget(|other| other.peer == peer);
        if self.held.take_if(|held| held.ticket.peer == peer).is_some() {
            self.holder_died = true;
            self.advance(answers);
        }
    }
}
