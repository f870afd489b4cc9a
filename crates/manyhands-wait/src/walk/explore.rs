//! From one waiting context to all on which its going on depends, and which of them are stuck.

use std::collections::{HashMap, HashSet};

use crate::agent::Agent;
use crate::slot::Mark;

/// Contexts that are stuck as far as one look at each of them has shown.
#[derive(Debug)]
pub(crate) struct Knot {
    /// Beginning with the one that is in the wait from which it was found.
    members: Vec<Member>,
}

/// One context of a [`Knot`], and which of its waits it was in.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) agent: Agent,
    mark: Mark,
}

struct Node {
    agent: Agent,
    /// `None` if it goes on, or may.
    mark: Option<Mark>,
    /// For each condition of its wait who could fulfil it: places in the list of nodes.
    conditions: Vec<Vec<usize>>,
}

/// What a context waits for at the moment; `None` if it goes on, or may.
fn look(agent: Agent) -> Option<(Mark, Vec<Vec<Agent>>)> {
    let slot = agent.slot()?;
    let shown = slot.read(|publication, mark| {
        // Whoever shows something is alive.
        if !slot.is_of(agent) || !publication.is_provable() {
            return None;
        }
        let blockers = publication.blockers();
        (!blockers.is_open())
            .then(|| (mark, blockers.conditions().map(Iterator::collect).collect()))
    });
    let Some(executor) = slot.turn_of(agent) else { return shown.flatten() };
    // Whatever it waits for, it needs its turn besides. That is so for as long as it lives.
    let (mark, mut conditions) = shown.flatten().unwrap_or((Mark::NO_WAIT, Vec::new()));
    conditions.push(vec![executor]);
    Some((mark, conditions))
}

/// The contexts that are stuck together with `start`, if it is stuck through waiting, in the end, for
/// itself.
pub(crate) fn explore(start: Agent) -> Option<Knot> {
    let nodes = everyone_from(start);
    let is_stuck = those_stuck(&nodes);
    if !is_stuck[0] {
        return None;
    }
    let members = dependent_on_start(&nodes, &is_stuck)?;
    let members = members
        .into_iter()
        .filter_map(|place| {
            nodes[place].mark.map(|mark| Member { agent: nodes[place].agent, mark })
        })
        .collect();
    Some(Knot { members })
}

/// Everyone on whom the going on of `start` depends, `start` first.
fn everyone_from(start: Agent) -> Vec<Node> {
    let mut places = HashMap::from([(start, 0)]);
    let mut agents = vec![start];
    let mut nodes: Vec<Node> = Vec::new();
    while let Some(&agent) = agents.get(nodes.len()) {
        let (mark, conditions) = match look(agent) {
            Some((mark, conditions)) => (Some(mark), conditions),
            None => (None, Vec::new()),
        };
        let conditions = conditions
            .into_iter()
            .map(|condition| {
                let place_of = |agent| {
                    *places.entry(agent).or_insert_with(|| {
                        agents.push(agent);
                        agents.len() - 1
                    })
                };
                condition.into_iter().map(place_of).collect()
            })
            .collect();
        nodes.push(Node { agent, mark, conditions });
    }
    nodes
}

/// Which nodes are stuck: those that remain when everyone who can go on has gone on.
fn those_stuck(nodes: &[Node]) -> Vec<bool> {
    // For each node the conditions in which it is named: of which node, and which.
    let mut named_in: Vec<Vec<(usize, usize)>> = vec![Vec::new(); nodes.len()];
    for (place, node) in nodes.iter().enumerate() {
        for (which, condition) in node.conditions.iter().enumerate() {
            condition.iter().for_each(|&blocker| named_in[blocker].push((place, which)));
        }
    }
    let mut is_stuck = vec![true; nodes.len()];
    let mut is_met: Vec<Vec<bool>> =
        nodes.iter().map(|node| vec![false; node.conditions.len()]).collect();
    let mut unmet: Vec<usize> = nodes.iter().map(|node| node.conditions.len()).collect();
    let mut go_on: Vec<usize> = (0..nodes.len()).filter(|&place| unmet[place] == 0).collect();
    go_on.iter().for_each(|&place| is_stuck[place] = false);
    while let Some(blocker) = go_on.pop() {
        for &(place, which) in &named_in[blocker] {
            if !std::mem::replace(&mut is_met[place][which], true) {
                unmet[place] -= 1;
                if unmet[place] == 0 {
                    is_stuck[place] = false;
                    go_on.push(place);
                }
            }
        }
    }
    is_stuck
}

/// Everyone stuck that `start` waits for, directly or not; `None` if it is not among those that it waits
/// for. Of a condition that others could not fulfil either nobody is left out.
///
/// The first is `start`, or if only others wait for it that cannot go on while it waits, such as the
/// thread whose stack it is on, then one of these.
fn dependent_on_start(nodes: &[Node], is_stuck: &[bool]) -> Option<Vec<usize>> {
    let own_wait = nodes[0].mark?;
    let mut found = vec![0];
    // `start` only once somebody waits for it.
    let mut is_found = vec![false; nodes.len()];
    let mut next = 0;
    while let Some(&place) = found.get(next) {
        next += 1;
        let stuck = |condition: &&Vec<usize>| condition.iter().all(|&blocker| is_stuck[blocker]);
        for &blocker in nodes[place].conditions.iter().filter(stuck).flatten() {
            if !std::mem::replace(&mut is_found[blocker], true) && blocker != 0 {
                found.push(blocker);
            }
        }
    }
    if !is_found[0] {
        let is_of_it = |&place: &usize| {
            place != 0 && nodes[place].mark.is_some_and(|mark| mark.is_same_wait(own_wait))
        };
        let stands_for_it = found.iter().position(is_of_it)?;
        found.swap(0, stands_for_it);
        found.swap_remove(stands_for_it);
    }
    Some(found)
}

impl Knot {
    pub(crate) fn members(&self) -> &[Member] {
        &self.members
    }

    /// Whether it is proven that nobody of the knot can go on: each has waited without a break since it
    /// was first looked at, and each, asked again in between, waits for nobody but others of the knot.
    pub(crate) fn is_proven(&self) -> bool {
        let members: HashSet<Agent> = self.members.iter().map(|member| member.agent).collect();
        let depends_on_members = |member: &Member| {
            look(member.agent).is_some_and(|(mark, conditions)| {
                mark == member.mark
                    && conditions
                        .iter()
                        .any(|condition| condition.iter().all(|it| members.contains(it)))
            })
        };
        self.members.iter().all(depends_on_members)
            && self.members.iter().all(|member| member.waits_still())
    }
}

impl Member {
    /// Whether it is still in the wait in which it was found, and has been all the time.
    fn waits_still(&self) -> bool {
        self.waits_for_turn_of().is_some() || self.with_wait(|_| ()).is_some()
    }

    /// The executor whose turn it waits for, if it shows no wait besides.
    pub(crate) fn waits_for_turn_of(&self) -> Option<Agent> {
        let slot = self.agent.slot().filter(|_| self.mark == Mark::NO_WAIT)?;
        slot.turn_of(self.agent)
    }

    /// Calls `f` with the wait in which it was found, if it is still in that.
    pub(crate) fn with_wait<R>(
        &self,
        f: impl FnOnce(&crate::publication::Publication) -> R,
    ) -> Option<R> {
        let slot = self.agent.slot()?;
        slot.read(|publication, mark| (mark == self.mark).then(|| f(publication)))?
    }
}

#[cfg(all(test, not(manyhands_loom)))]
mod tests {
    use super::*;

    /// A wait of each: conditions, each a set of those any one of whom can meet it; `None` if it goes on.
    type Waits<'a> = [Option<&'a [u32]>];

    fn nodes(waits: &Waits<'_>) -> Vec<Node> {
        let set = |bits: u32| (0..waits.len()).filter(|place| bits >> place & 1 == 1).collect();
        let node = |(place, waits): (usize, &Option<&[u32]>)| Node {
            agent: Agent::of(place as u32, 1).unwrap(),
            mark: waits.map(|_| Mark::NO_WAIT),
            conditions: waits.unwrap_or_default().iter().map(|&bits| set(bits)).collect(),
        };
        waits.iter().enumerate().map(node).collect()
    }

    /// Those who can never go on, by trying all sets: the union of those in which everybody waits for a
    /// condition that only members could meet.
    fn stuck_by_force(waits: &Waits<'_>) -> u32 {
        let holds_together = |set: &u32| {
            (0..waits.len()).filter(|place| set >> place & 1 == 1).all(|place| {
                waits[place].is_some_and(|conditions| {
                    conditions.iter().any(|condition| condition & !set == 0)
                })
            })
        };
        (0..1 << waits.len()).filter(holds_together).fold(0, |all, set| all | set)
    }

    /// Checks everything that is told of one graph; returns whether its first node is in a knot.
    fn check(waits: &Waits<'_>) -> bool {
        let nodes = nodes(waits);
        let is_stuck = those_stuck(&nodes);
        let by_force = stuck_by_force(waits);
        for (place, stuck) in is_stuck.iter().enumerate() {
            assert_eq!(*stuck, by_force >> place & 1 == 1, "{place} in {waits:?}");
        }
        if !is_stuck[0] {
            return false;
        }
        let Some(members) = dependent_on_start(&nodes, &is_stuck) else { return false };
        let set = members.iter().fold(0_u32, |set, place| set | 1 << place);
        assert_eq!((members[0], set.count_ones() as usize), (0, members.len()), "{waits:?}");
        for place in members {
            let conditions = waits[place].unwrap_or_default();
            assert!(conditions.iter().any(|it| it & !set == 0), "{place} of {set:b} in {waits:?}");
            let is_waited_for = (0..waits.len()).any(|other| {
                let waits = waits[other].unwrap_or_default();
                set >> other & 1 == 1
                    && waits.iter().any(|it| it & !set == 0 && it >> place & 1 == 1)
            });
            assert!(is_waited_for, "{place} of {set:b} in {waits:?}");
        }
        true
    }

    #[test]
    fn all_graphs_of_three_with_up_to_two_conditions_each() {
        let one = (1..8_u32).map(|condition| Some(vec![condition]));
        let two = (1..8_u32).flat_map(|a| (a + 1..8).map(move |b| Some(vec![a, b])));
        let all: Vec<Option<Vec<u32>>> = std::iter::once(None).chain(one).chain(two).collect();
        let mut knots = 0;
        for a in &all {
            for b in &all {
                for c in &all {
                    knots += u32::from(check(&[a.as_deref(), b.as_deref(), c.as_deref()]));
                }
            }
        }
        assert!(knots > 10_000, "{knots} of {} graphs", all.len().pow(3));
    }

    #[test]
    fn random_graphs_of_up_to_ten_with_up_to_four_conditions_each() {
        let mut number = 0x2026_1121_u64;
        let mut below = |bound: u32| {
            number ^= number << 13;
            number ^= number >> 7;
            number ^= number << 17;
            (number >> 24) as u32 % bound
        };
        let mut knots = 0;
        for _ in 0..3_000 {
            let size = 2 + below(9);
            let conditions: Vec<Option<Vec<u32>>> = (0..size)
                .map(|_| {
                    let waits = below(size + 2) > 0;
                    let count = 1 + below(4);
                    // Of few who can help: with many nearly nobody is stuck.
                    let mut who = || (0..=below(4)).fold(0, |set, _| set | 1 << below(size));
                    waits.then(|| (0..count).map(|_| who()).collect())
                })
                .collect();
            let waits: Vec<Option<&[u32]>> = conditions.iter().map(Option::as_deref).collect();
            knots += u32::from(check(&waits));
        }
        assert!((200..2_800).contains(&knots), "{knots} knots");
    }
}
