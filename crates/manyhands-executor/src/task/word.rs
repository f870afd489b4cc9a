//! The state word of a task: where it is, how it ended, and flags. `README.md` beside this file says who
//! sets what.

/// Where a task is. Lives in the low bits of the state word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Nobody has begun; the work is there.
    Queued,
    /// Exactly one context has claimed it.
    Running,
    /// The outcome is stored and callbacks are running.
    Finished,
    /// The outcome is there for the holder of the `Task`.
    Done,
}

/// How a finished task ended, for those who must not look at the outcome itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Value,
    Failed,
    Cancelled,
}

pub(super) const PHASE: u32 = 0b11;
pub(super) const VALUE: u32 = 1 << 2;
pub(super) const FAILED: u32 = 1 << 3;
pub(super) const WAS_CANCELLED: u32 = 1 << 4;
/// Somebody asked the running code to end.
pub(super) const CANCEL: u32 = 1 << 5;
/// There may be wakers or queues to tell.
pub(super) const WAITERS: u32 = 1 << 6;
/// There may be callbacks to run.
pub(super) const CALLBACKS: u32 = 1 << 7;
/// The work was sent away: the executor of the task's home knows where it is.
pub(super) const AWAY: u32 = 1 << 8;
/// Job and task are on one thread, the only one that will ever see this header again.
pub(super) const ALONE: u32 = 1 << 9;

/// The code of the task began in its own job.
pub(super) const BEGUN: u32 = 1 << 10;
/// A callback that never returns has borrowed the outcome: nobody may touch that any more.
pub(super) const LENT: u32 = 1 << 11;

pub(super) fn phase_of(state: u32) -> Phase {
    match state & PHASE {
        0 => Phase::Queued,
        1 => Phase::Running,
        2 => Phase::Finished,
        _ => Phase::Done,
    }
}

pub(super) fn verdict_of(state: u32) -> Option<Verdict> {
    match state & (VALUE | FAILED | WAS_CANCELLED) {
        0 => None,
        VALUE => Some(Verdict::Value),
        FAILED => Some(Verdict::Failed),
        _ => Some(Verdict::Cancelled),
    }
}

pub(super) fn bit_of(verdict: Verdict) -> u32 {
    match verdict {
        Verdict::Value => VALUE,
        Verdict::Failed => FAILED,
        Verdict::Cancelled => WAS_CANCELLED,
    }
}
