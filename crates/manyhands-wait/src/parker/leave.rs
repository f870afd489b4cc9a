//! Leaving a stack from the middle of a wait, by code that is part of its caller.

use std::fmt;
#[cfg(feature = "stacks")]
use std::ptr::NonNull;

#[cfg(feature = "stacks")]
use corosensei::Yielder;

/// What a [`Parker`](super::Parker) says to a context that would let others go on.
#[derive(Debug)]
pub enum GiveWay {
    /// Nobody else is ready to run, or this is no context of a scheduler.
    Nobody,
    /// The others have run.
    Done,
    /// The others run when the stack is left like this.
    Leave(Leave),
}

/// How to leave the stack that runs, until its scheduler goes on with it.
///
/// The processor foresees where a function returns to by the calls that it has seen, and those of
/// another stack are in the way then: each return out of a function that was called before the switch
/// costs some 5 ns, and so does the next switch. So the scheduler only says how, and whoever waits
/// leaves the stack itself.
pub struct Leave {
    #[cfg(feature = "stacks")]
    yielder: NonNull<Yielder<(), bool>>,
    #[cfg(not(feature = "stacks"))]
    never: std::convert::Infallible,
}

impl Leave {
    /// Leaves the stack by telling this to whoever has resumed it, with `false`.
    ///
    /// # Safety
    /// It must be that of the stack that runs when this is used, which is to happen before anything else
    /// of the scheduler is called. All that the scheduler has to do before its context is suspended
    /// must have been done.
    #[cfg(feature = "stacks")]
    #[inline(always)]
    pub unsafe fn new(yielder: NonNull<Yielder<(), bool>>) -> Leave {
        Leave { yielder }
    }

    #[inline(always)]
    pub(crate) fn go(self) {
        #[cfg(feature = "stacks")]
        // SAFETY: the yielder of the stack that runs, as `new` was promised.
        unsafe {
            self.yielder.as_ref().suspend(false);
        }
        #[cfg(not(feature = "stacks"))]
        match self.never {}
    }
}

impl fmt::Debug for Leave {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leave").finish_non_exhaustive()
    }
}
