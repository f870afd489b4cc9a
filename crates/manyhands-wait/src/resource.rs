//! What contexts wait for, as the wait-for graph asks it: who would have to go on first.

use std::fmt;
use std::panic::Location;

use crate::agent::Agent;
use crate::place::Place;
use crate::relief::{Relief, Stuck};

/// What a context waits for, as the wait-for graph asks it: a lock, a task, a place in a queue.
///
/// It is asked on the stacks of other contexts, while the wait is published and cannot end. So no
/// method may wait, and none may take a lock that is held anywhere while a wait is published or taken
/// back; a short lock around the resource's own state is fine.
///
/// # What may be named
///
/// An agent may be named as a blocker only if nothing but that agent's going on can end the wait:
/// whatever releases the resource is done by that agent itself, in code that runs after its own wait.
/// Where anybody else could do it, now or later, the answer is [`Blockers::may_end`]. This one rule,
/// kept by every resource, is what makes a found cycle a proof. Cancellation and the end of the
/// process do not count: they are no progress.
///
/// ```
/// use std::fmt;
/// use manyhands_wait::{Agent, Blockers, Resource};
///
/// struct Baton { holder: Option<Agent> }
///
/// impl Resource for Baton {
///     fn blockers(&self, _waiter: Agent, blockers: &mut Blockers) {
///         match self.holder {
///             Some(holder) => blockers.any_of(holder),
///             None => blockers.may_end(),
///         }
///     }
///     fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
///         f.write_str("the baton")
///     }
/// }
/// ```
pub trait Resource: Send + Sync {
    /// Says for whom `waiter` waits right now.
    ///
    /// Whoever was granted the resource already, and only has not noticed, waits for nobody:
    /// [`may_end`](Blockers::may_end).
    fn blockers(&self, waiter: Agent, blockers: &mut Blockers);

    /// What it is, in words: `mutex 'fork'`, `result of task 7 'crawl'`.
    ///
    /// # Errors
    /// Those of the formatter.
    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result;

    /// Where `holder` took it, if that is known.
    fn held_since(&self, holder: Agent) -> Option<&'static Location<'static>> {
        let _ = holder;
        None
    }

    /// Whether something outside of the known contexts may end the wait: a socket, another process, a
    /// task of which nobody knows what it waits for. Only the report of a
    /// [quiet process](crate::report_when_quiet()) asks this.
    fn is_from_outside(&self) -> bool {
        false
    }

    /// Like [`held_since`](Self::held_since), for what may be held from other processes too.
    fn held_at(&self, holder: Agent) -> Option<Place> {
        self.held_since(holder).map(Place::Here)
    }

    /// A number that no other resource has while this one lives, but every other edge to the same thing: its
    /// address. Where it is told, a task may await this and other resources at the same time, and a deadlock
    /// is proven all the same. `None` if it is not known.
    fn id(&self) -> Option<usize> {
        None
    }

    /// Asks a resource of a proven deadlock, that of those who are `stuck`, to break it by itself, as a pool
    /// can that starts one more worker. Then nobody is told of a deadlock; if it turns out not to be broken,
    /// the resource is asked again, so it must not say so without end.
    ///
    /// Called like the other methods, while the wait is published; it may start a thread, and may not
    /// wait. What may run code of others is left to the [`Relief`].
    fn relieve(&self, stuck: &Stuck<'_>) -> Option<Relief> {
        let _ = stuck;
        None
    }
}

/// How many words fit without an allocation.
const INLINE: usize = 6;

/// For whom a context waits, as a [`Resource`] tells it.
///
/// Conditions, every one of which is needed for the wait to end; and for each condition the agents
/// any one of which can fulfil it. [`any_of`](Self::any_of) adds to the current condition,
/// [`all_of`](Self::all_of) and [`also`](Self::also) make conditions of their own. With nothing said at
/// all the wait may end.
#[derive(Debug, Default)]
pub struct Blockers {
    /// Conditions one after the other, a 0 behind each.
    inline: [u64; INLINE],
    more: Vec<u64>,
    len: usize,
    may_end: bool,
    /// Whether the condition that is being said may be fulfilled by somebody unknown.
    open: bool,
    /// Where the condition that is being said begins.
    start: usize,
    /// A holder that has ended; 0 if none is known.
    gone: u64,
}

impl Blockers {
    pub(crate) fn new() -> Blockers {
        Blockers::default()
    }

    /// `agent`, or any other that is named so for this condition, could end the wait: it is stuck only
    /// if all of them are.
    pub fn any_of(&mut self, agent: Agent) {
        self.push(agent.to_bits());
    }

    /// `agent` has to go on for the wait to end, whatever others do: it is stuck if that one is.
    pub fn all_of(&mut self, agent: Agent) {
        self.also(|condition| condition.any_of(agent));
    }

    /// Says one more condition, needed besides the others, with agents of its own. Inside,
    /// [`may_end`](Self::may_end) is about that condition alone: the wait is stuck if the others are.
    pub fn also(&mut self, condition: impl FnOnce(&mut Blockers)) {
        let mut inner = Blockers::new();
        condition(&mut inner);
        inner.close();
        self.gone = if inner.gone == 0 { self.gone } else { inner.gone };
        if inner.may_end {
            return;
        }
        // Kept before the condition that is being said, which stays the last one.
        let current: Vec<u64> = self.words()[self.start..].to_vec();
        self.truncate(self.start);
        inner.words().iter().for_each(|&word| self.push(word));
        self.start = self.len;
        current.into_iter().for_each(|word| self.push(word));
    }

    /// The wait may end, through somebody who is not known: it is never called stuck.
    pub fn may_end(&mut self) {
        self.may_end = true;
    }

    /// `agent` has ended without releasing what it held. Nothing is proven by that, the wait counts as
    /// one that may end, but reports of suspicions show it.
    pub fn ended(&mut self, agent: Agent) {
        self.open = true;
        self.gone = agent.to_bits();
    }

    /// Whether nothing that is added can change the answer: it was said that the wait may end. Whoever
    /// has many to name stops then.
    pub fn is_settled(&self) -> bool {
        self.may_end
    }

    /// Ends the condition that is being said.
    pub(crate) fn close(&mut self) {
        if std::mem::take(&mut self.open) {
            self.truncate(self.start);
        } else if self.len > self.start {
            self.push(0);
        }
        self.start = self.len;
        self.may_end |= self.len == 0;
    }

    /// Whether the wait may end for all that is known. To be asked after [`close`](Self::close).
    pub(crate) fn is_open(&self) -> bool {
        self.may_end
    }

    /// A holder that has ended without releasing, if one was named.
    pub(crate) fn gone(&self) -> Option<Agent> {
        Agent::from_bits(self.gone)
    }

    /// The conditions that somebody known has to fulfil. To be asked after [`close`](Self::close).
    pub(crate) fn conditions(&self) -> impl Iterator<Item = impl Iterator<Item = Agent>> {
        let words = if self.may_end { &[] } else { self.words() };
        words
            .split(|&word| word == 0)
            .filter(|condition| !condition.is_empty())
            .map(|condition| condition.iter().filter_map(|&word| Agent::from_bits(word)))
    }

    fn words(&self) -> &[u64] {
        if self.more.is_empty() { &self.inline[..self.len] } else { &self.more }
    }

    fn push(&mut self, word: u64) {
        if self.more.is_empty() && self.len < INLINE {
            self.inline[self.len] = word;
        } else {
            if self.more.is_empty() {
                self.more.extend_from_slice(&self.inline[..self.len]);
            }
            self.more.push(word);
        }
        self.len += 1;
    }

    fn truncate(&mut self, len: usize) {
        // Cut to nothing, what follows goes to the inline words again.
        self.more.truncate(len);
        self.len = len;
    }
}

#[cfg(all(test, not(manyhands_loom)))]
mod tests {
    use super::*;

    fn agent(bits: u64) -> Agent {
        Agent::from_bits(bits).unwrap()
    }

    fn said(say: impl FnOnce(&mut Blockers)) -> Option<Vec<Vec<u64>>> {
        let mut blockers = Blockers::new();
        say(&mut blockers);
        blockers.close();
        let conditions: Vec<Vec<u64>> = blockers
            .conditions()
            .map(|condition| condition.map(Agent::to_bits).collect())
            .collect();
        assert_eq!(blockers.is_open(), conditions.is_empty());
        (!blockers.is_open()).then_some(conditions)
    }

    #[test]
    fn those_named_any_of_are_one_condition_and_each_all_of_is_its_own() {
        let conditions = said(|blockers| {
            blockers.any_of(agent(1));
            blockers.all_of(agent(2));
            blockers.any_of(agent(3));
        });
        assert_eq!(conditions, Some(vec![vec![2], vec![1, 3]]));
    }

    #[test]
    fn many_agents_are_kept_in_their_conditions() {
        let conditions = said(|blockers| {
            (1..=50).for_each(|bits| blockers.any_of(agent(bits)));
            blockers.also(|also| (51..=99).for_each(|bits| also.any_of(agent(bits))));
            blockers.any_of(agent(100));
        });
        let first: Vec<u64> = (51..=99).collect();
        let second: Vec<u64> = (1..=50).chain([100]).collect();
        assert_eq!(conditions, Some(vec![first, second]));
    }

    #[test]
    fn in_doubt_a_wait_may_end() {
        assert_eq!(said(|_| ()), None);
        assert_eq!(said(|blockers| blockers.also(|_| ())), None);
        assert_eq!(said(|blockers| blockers.ended(agent(1))), None);
        assert_eq!(
            said(|blockers| {
                blockers.all_of(agent(1));
                blockers.may_end();
            }),
            None
        );
        assert_eq!(
            said(|blockers| {
                blockers.any_of(agent(1));
                blockers.ended(agent(2));
            }),
            None
        );
    }

    #[test]
    fn a_condition_that_may_be_met_leaves_the_others() {
        let conditions = said(|blockers| {
            blockers.also(Blockers::may_end);
            blockers.also(|also| {
                also.any_of(agent(1));
                also.any_of(agent(2));
            });
            blockers.also(|also| also.ended(agent(3)));
        });
        assert_eq!(conditions, Some(vec![vec![1, 2]]));
    }
}
