//! Who holds a lock, as a part of its word.

use manyhands_wait::Agent;

/// Bits of a lock's word below the owner: flags.
const FLAGS: u32 = 2;

/// The holder of a lock: an agent, or somebody that is not known. A word with the flags all 0, and
/// never 0 itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Owner(u64);

impl Owner {
    /// Somebody that is not known. No agent has this number: it would be the last one of a slot
    /// that has been used 2^36 times.
    pub(crate) const ANONYMOUS: Owner = Owner(u64::MAX << FLAGS);

    /// Whoever runs on this stack.
    #[inline]
    pub(crate) fn current() -> Owner {
        Owner::of(Agent::current())
    }

    /// The tracked async task that is polled here, or else whoever runs on this stack.
    #[inline]
    pub(crate) fn innermost() -> Owner {
        Owner::of(Agent::current_async().unwrap_or_else(Agent::current))
    }

    /// The async task that is polled here, if it is known.
    pub(crate) fn current_async() -> Owner {
        Agent::current_async().map_or(Owner::ANONYMOUS, Owner::of)
    }

    #[inline]
    pub(crate) fn of(agent: Agent) -> Owner {
        Owner(agent.to_bits() << FLAGS)
    }

    /// The owner part of a word; `None` if it has none.
    #[inline]
    pub(crate) fn of_word(word: u64) -> Option<Owner> {
        let bits = word & (u64::MAX << FLAGS);
        (bits != 0).then_some(Owner(bits))
    }

    #[inline]
    pub(crate) fn word(self) -> u64 {
        self.0
    }

    /// Says that others wait for what it holds.
    pub(crate) fn note_awaited(self) {
        if let Some(agent) = self.agent() {
            agent.note_awaited();
        }
    }

    /// The agent, if it is known.
    pub(crate) fn agent(self) -> Option<Agent> {
        if self == Owner::ANONYMOUS { None } else { Agent::from_bits(self.0 >> FLAGS) }
    }
}
