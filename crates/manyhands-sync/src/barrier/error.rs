//! Why a barrier was not passed.

use std::fmt;

/// A barrier was not passed: it is broken, or was reset, so not all have arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
#[doc(alias = "BrokenBarrierError")]
pub struct BarrierError {
    pub(super) kind: BarrierErrorKind,
    pub(super) which: String,
}

/// What has kept a barrier from being passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BarrierErrorKind {
    /// The time of one that waited was over before all had arrived.
    TimedOut,
    /// One that waited was cancelled before all had arrived, or its future was dropped.
    Left,
    /// Somebody has called [`abort`](crate::Barrier::abort).
    Aborted,
    /// Somebody has called [`reset`](crate::Barrier::reset) while others waited. The barrier is not
    /// broken.
    Reset,
    /// The action has panicked, or was cancelled, in the context that ran it.
    ActionFailed,
}

impl BarrierError {
    /// What has kept the barrier from being passed.
    pub fn kind(&self) -> BarrierErrorKind {
        self.kind
    }
}

impl fmt::Display for BarrierError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.which)?;
        f.write_str(match self.kind {
            BarrierErrorKind::TimedOut => {
                " is broken: the time of one that waited was over before all had arrived"
            }
            BarrierErrorKind::Left => {
                " is broken: one that waited was cancelled before all had arrived"
            }
            BarrierErrorKind::Aborted => " is broken: it was aborted",
            BarrierErrorKind::Reset => " was reset before all had arrived",
            BarrierErrorKind::ActionFailed => {
                " is broken: its action panicked or was cancelled in the context that ran it"
            }
        })?;
        match self.kind {
            BarrierErrorKind::Reset => Ok(()),
            _ => f.write_str("; `reset` makes it usable again"),
        }
    }
}

impl std::error::Error for BarrierError {}
