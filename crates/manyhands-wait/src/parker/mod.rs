//! How a context sleeps and is woken: the [`Parker`] trait and the built-in parker of threads.
//!
//! The protocol is in [`thread`], the operating system's part behind [`block`]: a futex on Linux, a
//! mutex and a condition variable elsewhere and under loom.

#[cfg_attr(all(target_os = "linux", not(manyhands_loom)), path = "futex.rs")]
#[cfg_attr(not(all(target_os = "linux", not(manyhands_loom))), path = "condvar.rs")]
mod block;
mod current;
mod leave;
mod thread;

pub(crate) use current::{Scoped, with_current};
pub use current::{give_way, has_own_parker, has_scoped_parker, install_parker, with_parker};
pub use leave::{GiveWay, Leave};
pub use thread::ThreadParker;

use std::task::Waker;
use std::time::Instant;

/// What a scheduler implements so that contexts which run on it can wait.
///
/// A thread has one built in ([`ThreadParker`]). A coroutine hub puts its own in force while a
/// coroutine runs ([`with_parker`]); a thread that owns an I/O reactor installs one that turns the
/// reactor while the thread waits ([`install_parker`]).
///
/// # Contract
///
/// A wake-up through [`waker`](Parker::waker) that happens after the previous `park` returned makes
/// the next `park` return at once. `park` may also return for no reason; its caller polls again.
pub trait Parker {
    /// A waker that ends the current or the next [`park`](Parker::park) of this context.
    fn waker(&self) -> Waker;

    /// Sleeps until woken, until the given instant has come, or spuriously.
    fn park(&self, until: Option<Instant>);

    /// Whether this parker can park right now. When it says no, the thread's built-in parker is
    /// used instead: a reactor that is being turned further up the stack cannot be turned again.
    fn is_available(&self) -> bool {
        true
    }

    /// Whether, while this parks, the whole context that [`Agent::current`](crate::Agent::current)
    /// names is stopped: nothing else runs under its name but code that runs on top of its stack inside
    /// of `park`, which has another agent. Only then may a wait be proven to be part of a deadlock.
    ///
    /// A scheduler whose contexts are [scheduled](crate::ScheduledContext) and a reactor may say so;
    /// not a scheduler that runs several contexts as one thread, because each of them would be taken
    /// for the other. Unless said otherwise, waits through a parker count as such that may end.
    fn stops_context(&self) -> bool {
        false
    }

    /// Lets the other contexts of this scheduler that are ready run once, without any wake-up, or says
    /// how to; not where nothing can [park](Self::is_available). See [`give_way`].
    fn give_way(&self) -> GiveWay {
        GiveWay::Nobody
    }
}
