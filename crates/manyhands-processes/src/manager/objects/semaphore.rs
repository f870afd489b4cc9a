//! `ManagedSemaphore`: so many at a time among all processes.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use manyhands_wait::Reason;

use super::handle;
use crate::manager::answer::{Answers, Asker, PeerId, Ticket};
use crate::manager::error::{ManagerError, ManagerErrorKind};
use crate::manager::handle::Handle;
use crate::manager::object::State;
use crate::manager::pending::Pending;

static ACQUIRE: Reason = Reason::new("managed semaphore");
static CALL: Reason = Reason::new("call of a managed semaphore");

/// A number of permits of a [`Manager`](crate::Manager), of which each holder has one. Whoever has
/// waited longest is next.
///
/// A permit is given back when its guard is dropped, and when the process of its holder dies. Every
/// method fails if the semaphore is gone or cannot be reached ([`ManagerError`]).
///
/// ```
/// let manager = manyhands_processes::Manager::new();
/// let seats = manager.semaphore(2);
/// let first = seats.acquire()?;
/// let second = seats.acquire()?;
/// assert!(seats.try_acquire()?.is_none());
/// drop(first);
/// assert_eq!(seats.available()?, 1);
/// # drop(second);
/// # Ok::<(), manyhands_processes::ManagerError>(())
/// ```
#[doc(alias = "BoundedSemaphore")]
pub struct ManagedSemaphore(Handle<SemaphoreState>);

handle!(ManagedSemaphore, SemaphoreState);

#[allow(clippy::missing_errors_doc, reason = "the same for all of them, said at the type")]
impl ManagedSemaphore {
    /// Waits for a permit and takes it. From threads and coroutines.
    #[track_caller]
    pub fn acquire(&self) -> Result<ManagedPermit, ManagerError> {
        self.request().wait(&ACQUIRE).map(|token| self.permit(token))
    }

    /// Like [`acquire`](Self::acquire), for async code.
    pub async fn acquire_async(&self) -> Result<ManagedPermit, ManagerError> {
        self.request().await.map(|token| self.permit(token))
    }

    /// Takes a permit if there is one.
    #[track_caller]
    pub fn try_acquire(&self) -> Result<Option<ManagedPermit>, ManagerError> {
        let token = self.0.start((), SemaphoreState::try_acquire).wait(&CALL)?;
        Ok(token.map(|token| self.permit(token)))
    }

    /// Like [`acquire`](Self::acquire), for at most `limit`; `None` if there was none until then.
    #[track_caller]
    pub fn acquire_timeout(&self, limit: Duration) -> Result<Option<ManagedPermit>, ManagerError> {
        match self.request().wait_until(&ACQUIRE, Instant::now().checked_add(limit)) {
            Ok(token) => token.map(|token| Some(self.permit(token))),
            Err(_time_is_over) => Ok(None),
        }
    }

    /// Gives a permit back whose guard was [forgotten](ManagedPermit::forget).
    ///
    /// # Errors
    /// Also if all permits are there: then nothing is changed.
    #[track_caller]
    pub fn release(&self) -> Result<(), ManagerError> {
        self.0.start((), SemaphoreState::release).wait(&CALL)
    }

    /// How many permits there are to take.
    #[track_caller]
    pub fn available(&self) -> Result<usize, ManagerError> {
        let look = |state: &mut SemaphoreState, (), asker: Asker<usize>, answers: &mut _| {
            asker.answer(state.available, answers);
        };
        self.0.start((), look).wait(&CALL)
    }

    fn request(&self) -> Pending<SemaphoreState, u64> {
        self.0.start((), SemaphoreState::acquire)
    }

    fn permit(&self, token: u64) -> ManagedPermit {
        ManagedPermit { semaphore: self.clone(), token }
    }
}

/// A permit of a [`ManagedSemaphore`], given back when this is dropped.
#[must_use = "dropped, it gives the permit back"]
#[derive(Debug)]
pub struct ManagedPermit {
    semaphore: ManagedSemaphore,
    /// 0 once it was forgotten.
    token: u64,
}

impl ManagedPermit {
    /// Keeps the permit taken until somebody, anywhere, calls
    /// [`release`](ManagedSemaphore::release). It then belongs to no process and outlives all that die.
    ///
    /// # Errors
    /// If the semaphore is gone or cannot be reached.
    #[track_caller]
    pub fn forget(mut self) -> Result<(), ManagerError> {
        // From here on dropping this does nothing.
        let token = std::mem::take(&mut self.token);
        self.semaphore.0.start(token, SemaphoreState::forget).wait(&CALL)
    }
}

impl Drop for ManagedPermit {
    fn drop(&mut self) {
        if self.token != 0 {
            // A semaphore that is gone or cannot be reached has no permits to take.
            let _gone = self.semaphore.0.tell(self.token, SemaphoreState::give_back);
        }
    }
}

/// The semaphore at its owner.
pub(crate) struct SemaphoreState {
    permits: usize,
    available: usize,
    last_token: u64,
    holders: Vec<(u64, Ticket)>,
    waiting: VecDeque<Asker<u64>>,
}

impl SemaphoreState {
    pub(crate) fn new(permits: usize) -> SemaphoreState {
        SemaphoreState {
            permits,
            available: permits,
            last_token: 0,
            holders: Vec::new(),
            waiting: VecDeque::new(),
        }
    }

    fn acquire(&mut self, (): (), asker: Asker<u64>, answers: &mut Answers) {
        self.waiting.push_back(asker);
        self.advance(answers);
    }

    fn try_acquire(&mut self, (): (), asker: Asker<Option<u64>>, answers: &mut Answers) {
        // While somebody waits, there is none.
        let token = (self.available > 0).then(|| self.grant(asker.ticket()));
        asker.answer(token, answers);
    }

    fn give_back(&mut self, token: u64, asker: Asker<()>, answers: &mut Answers) {
        if let Some(at) = self.holders.iter().position(|(other, _)| *other == token) {
            self.holders.swap_remove(at);
            self.available += 1;
            self.advance(answers);
        }
        asker.answer((), answers);
    }

    fn forget(&mut self, token: u64, asker: Asker<()>, answers: &mut Answers) {
        self.holders.retain(|(other, _)| *other != token);
        asker.answer((), answers);
    }

    fn release(&mut self, (): (), asker: Asker<()>, answers: &mut Answers) {
        if self.available + self.holders.len() >= self.permits {
            let message = format!(
                "a semaphore of {} permits was given one more than were taken for good",
                self.permits
            );
            let error = ManagerError::new(ManagerErrorKind::TooManyReleased, message);
            return asker.fail(error, answers);
        }
        self.available += 1;
        self.advance(answers);
        asker.answer((), answers);
    }

    fn grant(&mut self, ticket: Ticket) -> u64 {
        self.last_token += 1;
        self.available -= 1;
        self.holders.push((self.last_token, ticket));
        self.last_token
    }

    fn advance(&mut self, answers: &mut Answers) {
        while self.available > 0
            && let Some(asker) = self.waiting.pop_front()
        {
            let token = self.grant(asker.ticket());
            asker.answer(token, answers);
        }
    }

    /// Those who match neither wait nor hold any more.
    fn drop_all(&mut self, matches: impl Fn(Ticket) -> bool, answers: &mut Answers) {
        for asker in std::mem::take(&mut self.waiting) {
            if matches(asker.ticket()) {
                asker.forget();
            } else {
                self.waiting.push_back(asker);
            }
        }
        let before = self.holders.len();
        self.holders.retain(|(_, ticket)| !matches(*ticket));
        self.available += before - self.holders.len();
        self.advance(answers);
    }
}

impl State for SemaphoreState {
    fn withdraw(&mut self, ticket: Ticket, answers: &mut Answers) {
        self.drop_all(|other| other == ticket, answers);
    }

    fn peer_gone(&mut self, peer: PeerId, answers: &mut Answers) {
        self.drop_all(|other| other.peer == peer, answers);
    }
}
