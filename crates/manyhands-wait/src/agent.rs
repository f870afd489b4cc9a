//! Who waits or holds something, as one word: small enough to be the word of a lock.

use std::fmt;
use std::num::NonZeroU64;

use crate::ambient::with_ambient;
use crate::departed::recall;
use crate::identity::{find_current, with_polled};
use crate::slot::Slot;
use crate::table::find;

/// Bits of the number of a slot.
pub(crate) const INDEX_BITS: u32 = 26;
/// Bits of how often the slot was taken.
pub(crate) const GENERATION_BITS: u32 = 36;

/// A context that can wait and hold things: a thread, a coroutine, an async task that is
/// [tracked](crate::tracked()), or one that [somebody else](crate::ProxyAgent) speaks for.
///
/// One word of 62 bits that is never 0, so that it fits into the word of a lock. An ended context's
/// agent never becomes another's. Two agents are equal if they are the same context.
///
/// ```
/// use manyhands_wait::Agent;
///
/// let me = Agent::current();
/// assert_eq!(Agent::from_bits(me.to_bits()), Some(me));
/// assert!(me.is_alive());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Agent(NonZeroU64);

impl Agent {
    /// The agent of the stack that this code runs on: a coroutine's, or else the thread's. What it
    /// takes by a blocking call is held by it.
    ///
    /// Code that a thread runs while it waits, such as the tasks of its I/O reactor, has another
    /// agent than the code that waits: it goes on while that one cannot.
    ///
    /// May be called from anywhere, also while the thread ends. The first call of a context takes a
    /// place in the table of contexts; later ones cost a nanosecond.
    #[inline]
    pub fn current() -> Agent {
        match NonZeroU64::new(with_ambient(|ambient| ambient.agent().get())) {
            Some(bits) => Agent(bits),
            None => find_current().1,
        }
    }

    /// The agent of the innermost [tracked](crate::tracked()) async task that is being polled on this
    /// stack; `None` outside of tracked tasks. What it takes by `.await` is held by it.
    #[inline]
    pub fn current_async() -> Option<Agent> {
        with_polled(|state, task| state.listed(task).1)
    }

    /// The word: at most 62 bits, never 0.
    #[inline]
    pub const fn to_bits(self) -> u64 {
        self.0.get()
    }

    /// The agent of a word that [`to_bits`](Self::to_bits) has given; `None` of 0.
    #[inline]
    pub const fn from_bits(bits: u64) -> Option<Agent> {
        match NonZeroU64::new(bits) {
            Some(bits) => Some(Agent(bits)),
            None => None,
        }
    }

    /// Whether the context has not ended yet.
    pub fn is_alive(self) -> bool {
        self.slot().is_some_and(|slot| slot.is_of(self))
    }

    /// Whether the context waits now, for whatever that is. It may go on at any moment. Takes no lock, so
    /// it may be asked under one that [`Resource::blockers`](crate::Resource::blockers) takes.
    pub fn is_waiting(self) -> bool {
        self.slot().is_some_and(|slot| slot.shows_something() && slot.is_of(self))
    }

    /// Says that others wait for something that this context holds, such as a lock. Should it end without
    /// releasing that, they are told of it by a [report](crate::HolderEnded). To be said whenever somebody
    /// begins to wait for what it holds, or it gets something that others wait for still.
    ///
    /// Two loads, after the first time. Takes no lock.
    #[inline]
    pub fn note_awaited(self) {
        if let Some(slot) = self.slot() {
            slot.note_awaited(self);
        }
    }

    /// Its slot, also if that is another's by now.
    pub(crate) fn slot(self) -> Option<&'static Slot> {
        find(self.index())
    }

    pub(crate) const fn of(index: u32, generation: u64) -> Option<Agent> {
        Agent::from_bits(generation << INDEX_BITS | index as u64)
    }

    pub(crate) const fn index(self) -> u32 {
        (self.0.get() & ((1 << INDEX_BITS) - 1)) as u32
    }

    pub(crate) const fn generation(self) -> u64 {
        self.0.get() >> INDEX_BITS
    }
}

impl fmt::Display for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.slot().and_then(|slot| slot.describe(*self)) {
            Some((kind, name)) => write!(f, "{kind} '{name}'"),
            None => match recall(*self) {
                Some((kind, name)) => write!(f, "{kind} '{name}' (ended)"),
                None => f.write_str("a context that has ended"),
            },
        }
    }
}

impl fmt::Debug for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Agent({}.{} {self})", self.index(), self.generation())
    }
}
