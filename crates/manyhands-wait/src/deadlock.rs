//! A proven deadlock: who takes part, what each holds and waits for, and all of it in words.

use std::fmt;
use std::panic::{catch_unwind, resume_unwind};
use std::sync::Arc;
use std::time::Duration;

use crate::agent::Agent;
use crate::context::ContextKind;
use crate::layer::TaskLabel;
use crate::place::Place;
use crate::timed_out::TimedOut;

/// Contexts that wait for each other so that none of them can ever go on: proven, not suspected.
///
/// One of them, the [victim](Self::victim), has got this as the error of its wait, or has panicked
/// with it; the others go on as soon as the victim has released what it holds. Prints as the whole
/// report, one line for each participant. Clones are the same report.
#[derive(Clone)]
pub struct Deadlock(Arc<Report>);

struct Report {
    victim: Option<Agent>,
    participants: Vec<Participant>,
}

/// One context in a [`Deadlock`].
#[derive(Debug, Clone)]
pub struct Participant {
    pub(crate) agent: Agent,
    pub(crate) kind: ContextKind,
    pub(crate) name: Arc<str>,
    pub(crate) task: Option<TaskLabel>,
    pub(crate) reason: &'static str,
    pub(crate) waits_for: String,
    pub(crate) waits_at: Place,
    pub(crate) waits_since: Duration,
    pub(crate) held_by: Vec<Holder>,
}

/// Who holds what a [`Participant`] waits for.
#[derive(Debug, Clone)]
pub struct Holder {
    pub(crate) agent: Agent,
    pub(crate) who: String,
    pub(crate) taken_at: Option<Place>,
}

impl Deadlock {
    pub(crate) fn new(victim: Option<Agent>, participants: Vec<Participant>) -> Deadlock {
        Deadlock(Arc::new(Report { victim, participants }))
    }

    /// The participants, beginning with the one that has found the deadlock; each waits for others
    /// of them.
    pub fn participants(&self) -> impl ExactSizeIterator<Item = &Participant> {
        self.0.participants.iter()
    }

    /// The participant whose wait was ended to break the deadlock. `None` if all of them wait in
    /// destructors while they unwind: none can be ended, and the deadlock stays.
    pub fn victim(&self) -> Option<Agent> {
        self.0.victim
    }

    /// Unwinds with this deadlock as the payload, after the panic hook was called with the report: for
    /// functions that cannot return it. A task fails with it as its error.
    ///
    /// # Panics
    /// Always; `payload.downcast::<Deadlock>()` gives the report back.
    pub fn raise(self) -> ! {
        let told = catch_unwind(|| panic!("{self}"));
        // What it unwinds with is the text alone; dropped, because the report says more.
        drop(told);
        resume_unwind(Box::new(self))
    }
}

impl Participant {
    /// Who it is.
    pub fn agent(&self) -> Agent {
        self.agent
    }

    /// What kind of context it is.
    pub fn kind(&self) -> ContextKind {
        self.kind
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The task whose code waits, if it is a task's.
    pub fn task(&self) -> Option<&TaskLabel> {
        self.task.as_ref()
    }

    /// The kind of its wait.
    pub fn reason(&self) -> &'static str {
        self.reason
    }

    /// What it waits for, such as `mutex 'fork'`.
    pub fn waits_for(&self) -> &str {
        &self.waits_for
    }

    /// Where it waits.
    pub fn waits_at(&self) -> &Place {
        &self.waits_at
    }

    /// For how long it had waited when the deadlock was found, to a few milliseconds.
    pub fn waited(&self) -> Duration {
        self.waits_since
    }

    /// Who would have to go on for its wait to end.
    pub fn held_by(&self) -> impl ExactSizeIterator<Item = &Holder> {
        self.held_by.iter()
    }
}

impl Holder {
    /// Who it is.
    pub fn agent(&self) -> Agent {
        self.agent
    }

    /// Where it has taken what others wait for, if that is known.
    pub fn taken_at(&self) -> Option<&Place> {
        self.taken_at.as_ref()
    }
}

impl fmt::Display for Deadlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.participants[..] {
            [alone] => write!(f, "deadlock: {} '{}' waits for itself", alone.kind, alone.name)?,
            all => write!(f, "deadlock: {} contexts wait for each other", all.len())?,
        }
        self.0.participants.iter().try_for_each(|participant| write!(f, "\n  {participant}"))?;
        match self.0.victim {
            Some(_) => Ok(()),
            None => f.write_str("\n  all of them unwind already: no wait can be ended by an error"),
        }
    }
}

impl fmt::Display for Participant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} '{}'", self.kind, self.name)?;
        if let Some(task) = &self.task {
            write!(f, " in {task}")?;
        }
        write!(f, " waits for {} at {}", self.waits_for, self.waits_at)?;
        for (place, holder) in self.held_by.iter().enumerate() {
            f.write_str(if place == 0 { ", which is held by " } else { " and by " })?;
            write!(f, "{holder}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.who)?;
        match &self.taken_at {
            Some(place) => write!(f, " since {place}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Deadlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // As a failed `unwrap` shows it: the report is what one wants to read then.
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Deadlock {}

/// Why a [checked wait](crate::Wait::run_checked) has no value.
#[derive(Debug, Clone)]
pub enum WaitError {
    /// The time given to the wait ran out.
    TimedOut,
    /// It was proven that the wait could never end.
    Deadlock(Deadlock),
}

impl From<TimedOut> for WaitError {
    fn from(_: TimedOut) -> WaitError {
        WaitError::TimedOut
    }
}

impl From<Deadlock> for WaitError {
    fn from(deadlock: Deadlock) -> WaitError {
        WaitError::Deadlock(deadlock)
    }
}

impl fmt::Display for WaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WaitError::TimedOut => TimedOut.fmt(f),
            WaitError::Deadlock(deadlock) => deadlock.fmt(f),
        }
    }
}

impl std::error::Error for WaitError {}
