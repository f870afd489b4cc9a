//! Who holds how many permits of a semaphore, and where they were taken.

use std::panic::Location;

use manyhands_wait::Agent;

/// The permits that are held, by holders that are known and by others. Kept under the semaphore's
/// lock, so it is exact whenever it is looked at; or not kept at all, where nothing follows from it.
pub(super) struct Ledger {
    is_kept: bool,
    places: Vec<Option<Holding>>,
    /// Places of `places` that are empty.
    empty: Vec<u32>,
    /// Permits whose holder is not known.
    anonymous: usize,
}

/// The permits of one guard.
#[derive(Clone, Copy)]
pub(super) struct Holding {
    pub(super) agent: Agent,
    pub(super) permits: usize,
    pub(super) taken_at: &'static Location<'static>,
}

/// Where a guard's permits are noted; `None` if they are anonymous.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key(Option<u32>);

impl Key {
    pub(super) const ANONYMOUS: Key = Key(None);
}

impl Ledger {
    pub(super) const fn new(is_kept: bool) -> Ledger {
        Ledger { is_kept, places: Vec::new(), empty: Vec::new(), anonymous: 0 }
    }

    /// Notes permits that are taken; anonymous without an agent.
    #[inline]
    pub(super) fn add(
        &mut self,
        agent: Option<Agent>,
        permits: usize,
        taken_at: &'static Location<'static>,
    ) -> Key {
        if !self.is_kept {
            return Key::ANONYMOUS;
        }
        let Some(agent) = agent else {
            self.anonymous += permits;
            return Key::ANONYMOUS;
        };
        let holding = Some(Holding { agent, permits, taken_at });
        if let Some(place) = self.empty.pop() {
            self.places[place as usize] = holding;
            return Key(Some(place));
        }
        match u32::try_from(self.places.len()) {
            Ok(place) => {
                self.places.push(holding);
                Key(Some(place))
            }
            Err(_) => {
                self.anonymous += permits;
                Key::ANONYMOUS
            }
        }
    }

    /// Strikes out permits that a guard no longer holds; who held them, if that is known.
    #[inline]
    pub(super) fn remove(&mut self, key: Key, permits: usize) -> Option<Agent> {
        if !self.is_kept {
            return None;
        }
        let Some(place) = key.0 else {
            self.anonymous -= permits;
            return None;
        };
        let holding = self.places[place as usize].take();
        self.empty.push(place);
        holding.map(|holding| holding.agent)
    }

    /// Whether the holder of every permit that is taken is known.
    pub(super) fn is_complete(&self) -> bool {
        self.anonymous == 0
    }

    /// What known holders hold. One holder may have several guards.
    pub(super) fn holdings(&self) -> impl Iterator<Item = &Holding> {
        self.places.iter().flatten()
    }

    /// How many guards of known holders there are.
    pub(super) fn len(&self) -> usize {
        self.places.len() - self.empty.len()
    }

    /// Each known holder with all of its permits.
    pub(super) fn totals(&self) -> Vec<(Agent, usize)> {
        let mut totals: Vec<(Agent, usize)> =
            self.holdings().map(|holding| (holding.agent, holding.permits)).collect();
        totals.sort_unstable_by_key(|(agent, _)| *agent);
        totals.dedup_by(|(agent, permits), (kept, total)| {
            let same = agent == kept;
            if same {
                *total += *permits;
            }
            same
        });
        totals
    }
}

#[cfg(all(test, not(manyhands_loom)))]
mod tests {
    use super::*;

    fn agent(bits: u64) -> Option<Agent> {
        Agent::from_bits(bits)
    }

    #[test]
    fn permits_are_struck_out_where_they_were_noted_and_places_are_used_again() {
        let here = Location::caller();
        let mut ledger = Ledger::new(true);
        let first = ledger.add(agent(1), 2, here);
        let second = ledger.add(agent(2), 1, here);
        let anonymous = ledger.add(None, 3, here);
        assert!(!ledger.is_complete());
        assert_eq!(ledger.remove(first, 2), agent(1));
        assert_eq!(ledger.add(agent(3), 1, here), first);
        assert_eq!(ledger.remove(anonymous, 3), None);
        assert!(ledger.is_complete());
        assert_eq!(ledger.len(), 2);
        assert_eq!(ledger.remove(second, 1), agent(2));
        assert_eq!(
            ledger.holdings().map(|holding| holding.agent).collect::<Vec<_>>(),
            [agent(3).unwrap()]
        );
    }

    #[test]
    fn totals_are_of_all_guards_of_a_holder() {
        let here = Location::caller();
        let mut ledger = Ledger::new(true);
        for (of, permits) in [(2, 1), (1, 4), (2, 2), (2, 3)] {
            ledger.add(agent(of), permits, here);
        }
        assert_eq!(ledger.totals(), [(agent(1).unwrap(), 4), (agent(2).unwrap(), 6)]);
    }
}
