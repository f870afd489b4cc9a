//! `ManagedEvent`: a flag that processes wait for.

use std::time::{Duration, Instant};

use manyhands_wait::Reason;

use super::handle;
use crate::manager::answer::{Answers, Asker, PeerId, Ticket};
use crate::manager::error::ManagerError;
use crate::manager::handle::Handle;
use crate::manager::object::State;

static WAIT: Reason = Reason::new("managed event");
static CALL: Reason = Reason::new("call of a managed event");

/// A flag of a [`Manager`](crate::Manager) that can be waited for. Every method fails if the event is
/// gone or cannot be reached ([`ManagerError`]).
///
/// ```
/// let manager = manyhands_processes::Manager::new();
/// let ready = manager.event();
/// let setter = ready.clone();
/// let thread = std::thread::spawn(move || setter.set());
/// ready.wait()?;
/// assert!(ready.is_set()?);
/// # thread.join().unwrap()?;
/// # Ok::<(), manyhands_processes::ManagerError>(())
/// ```
#[doc(alias = "EventProxy")]
pub struct ManagedEvent(Handle<EventState>);

handle!(ManagedEvent, EventState);

#[allow(clippy::missing_errors_doc, reason = "the same for all of them, said at the type")]
impl ManagedEvent {
    /// Sets the flag: all who wait go on.
    #[track_caller]
    pub fn set(&self) -> Result<(), ManagerError> {
        self.0.start((), EventState::set).wait(&CALL)
    }

    /// Takes the flag down: who waits from now on waits for the next [`set`](Self::set).
    #[track_caller]
    pub fn clear(&self) -> Result<(), ManagerError> {
        self.0.start((), EventState::clear).wait(&CALL)
    }

    /// Whether the flag is set.
    #[track_caller]
    pub fn is_set(&self) -> Result<bool, ManagerError> {
        self.0.start((), EventState::is_set).wait(&CALL)
    }

    /// Waits until the flag is set. From threads and coroutines.
    #[track_caller]
    pub fn wait(&self) -> Result<(), ManagerError> {
        self.0.start((), EventState::wait).wait(&WAIT)
    }

    /// Like [`wait`](Self::wait), for async code.
    pub async fn wait_async(&self) -> Result<(), ManagerError> {
        self.0.start((), EventState::wait).await
    }

    /// Like [`wait`](Self::wait), for at most `limit`; whether the flag was set until then.
    #[track_caller]
    pub fn wait_timeout(&self, limit: Duration) -> Result<bool, ManagerError> {
        let until = Instant::now().checked_add(limit);
        match self.0.start((), EventState::wait).wait_until(&WAIT, until) {
            Ok(set) => set.map(|()| true),
            Err(_time_is_over) => Ok(false),
        }
    }
}

/// The event at its owner.
#[derive(Default)]
pub(crate) struct EventState {
    is_set: bool,
    waiting: Vec<Asker<()>>,
}

impl EventState {
    fn set(&mut self, (): (), asker: Asker<()>, answers: &mut Answers) {
        self.is_set = true;
        for waiter in self.waiting.drain(..) {
            waiter.answer((), answers);
        }
        asker.answer((), answers);
    }

    fn clear(&mut self, (): (), asker: Asker<()>, answers: &mut Answers) {
        self.is_set = false;
        asker.answer((), answers);
    }

    fn is_set(&mut self, (): (), asker: Asker<bool>, answers: &mut Answers) {
        asker.answer(self.is_set, answers);
    }

    fn wait(&mut self, (): (), asker: Asker<()>, answers: &mut Answers) {
        if self.is_set {
            asker.answer((), answers);
        } else {
            self.waiting.push(asker);
        }
    }
}

impl State for EventState {
    fn withdraw(&mut self, ticket: Ticket, _: &mut Answers) {
        for gone in self.waiting.extract_if(.., |waiter| waiter.ticket() == ticket) {
            gone.forget();
        }
    }

    fn peer_gone(&mut self, peer: PeerId, _: &mut Answers) {
        for gone in self.waiting.extract_if(.., |waiter| waiter.ticket().peer == peer) {
            gone.forget();
        }
    }
}
