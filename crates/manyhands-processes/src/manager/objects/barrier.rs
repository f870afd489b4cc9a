//! `ManagedBarrier`: all go on when all have come.

use std::time::{Duration, Instant};

use manyhands_wait::Reason;

use super::handle;
use crate::manager::answer::{Answers, Asker, PeerId, Ticket};
use crate::manager::error::{ManagerError, ManagerErrorKind};
use crate::manager::handle::Handle;
use crate::manager::object::State;

static WAIT: Reason = Reason::new("managed barrier");
static CALL: Reason = Reason::new("call of a managed barrier");

/// A meeting point of a [`Manager`](crate::Manager): all who wait go on when the last has come, again
/// and again.
///
/// If one of those who wait gives up, is cancelled or dies, the others would wait in vain: the barrier
/// is *broken*, their waits and later ones fail until somebody calls [`reset`](Self::reset). Every
/// method fails if the barrier is gone or cannot be reached ([`ManagerError`]).
///
/// ```
/// let manager = manyhands_processes::Manager::new();
/// let barrier = manager.barrier(2);
/// let other = barrier.clone();
/// let thread = std::thread::spawn(move || other.wait());
/// let here = barrier.wait()?;
/// assert_eq!(here + thread.join().unwrap()?, 1); // 0 and 1
/// # Ok::<(), manyhands_processes::ManagerError>(())
/// ```
#[doc(alias = "BarrierProxy")]
pub struct ManagedBarrier(Handle<BarrierState>);

handle!(ManagedBarrier, BarrierState);

#[allow(clippy::missing_errors_doc, reason = "the same for all of them, said at the type")]
impl ManagedBarrier {
    /// Waits for all others. Returns how many had come before: 0 for exactly one of each round. From
    /// threads and coroutines.
    ///
    /// # Errors
    /// Also if the barrier is or gets broken.
    #[track_caller]
    pub fn wait(&self) -> Result<usize, ManagerError> {
        self.0.start((), BarrierState::wait).wait(&WAIT)
    }

    /// Like [`wait`](Self::wait), for async code.
    pub async fn wait_async(&self) -> Result<usize, ManagerError> {
        self.0.start((), BarrierState::wait).await
    }

    /// Like [`wait`](Self::wait), for at most `limit`. If not all have come until then, the barrier is
    /// broken, which is the error here too.
    #[track_caller]
    pub fn wait_timeout(&self, limit: Duration) -> Result<usize, ManagerError> {
        let until = Instant::now().checked_add(limit);
        match self.0.start((), BarrierState::wait).wait_until(&WAIT, until) {
            Ok(answer) => answer,
            Err(_time_is_over) => Err(broken()),
        }
    }

    /// Breaks the barrier: the waits of others and later ones fail.
    #[track_caller]
    pub fn abort(&self) -> Result<(), ManagerError> {
        self.0.start((), BarrierState::abort).wait(&CALL)
    }

    /// Makes the barrier as new. Waits that are under way fail.
    #[track_caller]
    pub fn reset(&self) -> Result<(), ManagerError> {
        self.0.start((), BarrierState::reset).wait(&CALL)
    }

    /// How many have come and wait for the others.
    #[doc(alias = "n_waiting")]
    #[track_caller]
    pub fn waiting(&self) -> Result<usize, ManagerError> {
        let look = |state: &mut BarrierState, (), asker: Asker<usize>, answers: &mut _| {
            asker.answer(state.waiting.len(), answers);
        };
        self.0.start((), look).wait(&CALL)
    }

    /// Whether the barrier is broken.
    #[track_caller]
    pub fn is_broken(&self) -> Result<bool, ManagerError> {
        let look = |state: &mut BarrierState, (), asker: Asker<bool>, answers: &mut _| {
            asker.answer(state.is_broken, answers);
        };
        self.0.start((), look).wait(&CALL)
    }
}

fn broken() -> ManagerError {
    ManagerError::new(
        ManagerErrorKind::BrokenBarrier,
        "the barrier is broken: a participant gave up, was cancelled or died, or it was aborted; \
         `reset` makes it usable again",
    )
}

/// The barrier at its owner.
pub(crate) struct BarrierState {
    parties: usize,
    is_broken: bool,
    waiting: Vec<Asker<usize>>,
}

impl BarrierState {
    pub(crate) fn new(parties: usize) -> BarrierState {
        BarrierState { parties, is_broken: false, waiting: Vec::new() }
    }

    fn wait(&mut self, (): (), asker: Asker<usize>, answers: &mut Answers) {
        if self.is_broken {
            return asker.fail(broken(), answers);
        }
        self.waiting.push(asker);
        if self.waiting.len() >= self.parties {
            for (index, asker) in self.waiting.drain(..).enumerate() {
                asker.answer(index, answers);
            }
        }
    }

    fn abort(&mut self, (): (), asker: Asker<()>, answers: &mut Answers) {
        self.break_up(answers);
        asker.answer((), answers);
    }

    fn reset(&mut self, (): (), asker: Asker<()>, answers: &mut Answers) {
        self.break_up(answers);
        self.is_broken = false;
        asker.answer((), answers);
    }

    fn break_up(&mut self, answers: &mut Answers) {
        self.is_broken = true;
        for asker in self.waiting.drain(..) {
            asker.fail(broken(), answers);
        }
    }

    fn leave(&mut self, matches: impl Fn(Ticket) -> bool, answers: &mut Answers) {
        let mut left = false;
        for gone in self.waiting.extract_if(.., |asker| matches(asker.ticket())) {
            gone.forget();
            left = true;
        }
        if left {
            self.break_up(answers);
        }
    }
}

impl State for BarrierState {
    fn withdraw(&mut self, ticket: Ticket, answers: &mut Answers) {
        self.leave(|other| other == ticket, answers);
    }

    fn peer_gone(&mut self, peer: PeerId, answers: &mut Answers) {
        self.leave(|other| other.peer == peer, answers);
    }
}
