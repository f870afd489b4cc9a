//! A directed graph that stays without cycles: an edge that would close one is told of, and left out.
//!
//! Nodes are kept in an order that no edge goes against. An edge that agrees with it costs nothing; one
//! that does not has only the nodes between its ends looked at, which then change places. (Known as the
//! dynamic topological order of Pearce and Kelly.)

use std::collections::{BTreeMap, HashMap, VecDeque};

/// So many edges are kept; further ones are taken for known.
const EDGES_MAX: usize = 1 << 20;

/// With something said about each edge.
pub(super) struct Acyclic<E> {
    nodes: Vec<Node>,
    /// Also those that were left out, so that each is told of once.
    edges: BTreeMap<(usize, usize), E>,
}

struct Node {
    place: usize,
    next: Vec<usize>,
    before: Vec<usize>,
}

impl<E: Clone> Acyclic<E> {
    pub(super) const fn new() -> Acyclic<E> {
        Acyclic { nodes: Vec::new(), edges: BTreeMap::new() }
    }

    /// Adds an edge between two nodes, unless there is one or it would close a cycle: then returns that, a
    /// shortest one, beginning with the edge. The same edge closes a cycle once.
    pub(super) fn insert(
        &mut self,
        from: usize,
        to: usize,
        edge: E,
    ) -> Option<Vec<(usize, usize, E)>> {
        if self.edges.contains_key(&(from, to)) || self.edges.len() >= EDGES_MAX {
            return None;
        }
        for place in self.nodes.len()..=from.max(to) {
            self.nodes.push(Node { place, next: Vec::new(), before: Vec::new() });
        }
        self.edges.insert((from, to), edge);
        if from == to {
            return Some(self.with_edges(&[from, to]));
        }
        if self.nodes[from].place > self.nodes[to].place {
            let after =
                self.reached(to, |node| &node.next, |place| place <= self.nodes[from].place);
            if after.contains_key(&from) {
                return Some(self.with_edges(&cycle_of(from, to, &after)));
            }
            let before =
                self.reached(from, |node| &node.before, |place| place >= self.nodes[to].place);
            self.put_behind(before.into_keys().collect(), after.into_keys().collect());
        }
        self.nodes[from].next.push(to);
        self.nodes[to].before.push(from);
        None
    }

    /// The nodes that are reached from `start` by way of nodes with such places, each with the one from
    /// which it was reached in the fewest steps.
    fn reached<'a>(
        &'a self,
        start: usize,
        links: impl Fn(&'a Node) -> &'a Vec<usize>,
        is_between: impl Fn(usize) -> bool,
    ) -> HashMap<usize, usize> {
        let mut reached = HashMap::from([(start, start)]);
        let mut queue = VecDeque::from([start]);
        while let Some(node) = queue.pop_front() {
            for &next in links(&self.nodes[node]) {
                if is_between(self.nodes[next].place) && !reached.contains_key(&next) {
                    reached.insert(next, node);
                    queue.push_back(next);
                }
            }
        }
        reached
    }

    /// Gives the places of all these nodes to the ones of `before` first, then to those of `after`, each in
    /// the order they have.
    fn put_behind(&mut self, mut before: Vec<usize>, mut after: Vec<usize>) {
        before.sort_unstable_by_key(|&node| self.nodes[node].place);
        after.sort_unstable_by_key(|&node| self.nodes[node].place);
        before.append(&mut after);
        let mut places: Vec<usize> = before.iter().map(|&node| self.nodes[node].place).collect();
        places.sort_unstable();
        before.into_iter().zip(places).for_each(|(node, place)| self.nodes[node].place = place);
    }

    /// The edges along these nodes.
    fn with_edges(&self, nodes: &[usize]) -> Vec<(usize, usize, E)> {
        let edge = |pair: &[usize]| {
            let (from, to) = (pair[0], pair[1]);
            Some((from, to, self.edges.get(&(from, to))?.clone()))
        };
        nodes.windows(2).filter_map(edge).collect()
    }
}

/// From `from` to `to` and along the nodes by which `from` was reached from there.
fn cycle_of(from: usize, to: usize, reached: &HashMap<usize, usize>) -> Vec<usize> {
    let mut cycle = vec![from];
    let mut node = from;
    while node != to {
        node = reached[&node];
        cycle.push(node);
    }
    cycle.push(from);
    cycle.reverse();
    cycle
}

#[cfg(all(test, not(manyhands_loom)))]
mod tests {
    use super::*;

    /// The nodes of the cycle that the edge closes.
    fn cycle(graph: &mut Acyclic<()>, from: usize, to: usize) -> Option<Vec<usize>> {
        let cycle = graph.insert(from, to, ())?;
        let ends = cycle.iter().map(|(_, to, ())| *to);
        let starts: Vec<usize> = cycle.iter().map(|(from, ..)| *from).collect();
        assert!(ends.eq(starts.iter().copied().cycle().skip(1).take(starts.len())));
        Some(starts)
    }

    fn random(state: &mut u64, below: usize) -> usize {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        (*state % below as u64) as usize
    }

    #[test]
    fn the_edge_that_closes_a_cycle_is_told_of_once_with_a_shortest_one() {
        let mut graph = Acyclic::new();
        for (from, to) in [(3, 1), (1, 0), (0, 2), (3, 0)] {
            assert_eq!(cycle(&mut graph, from, to), None);
        }
        assert_eq!(cycle(&mut graph, 2, 3), Some(vec![2, 3, 0]));
        assert_eq!(cycle(&mut graph, 2, 3), None);
        assert_eq!(cycle(&mut graph, 1, 3), Some(vec![1, 3]));
        assert_eq!(cycle(&mut graph, 2, 4), None);
    }

    #[test]
    fn edges_that_agree_with_some_order_close_no_cycle_and_all_others_do() {
        for seed in 1..=20 {
            let mut state = seed * 0x9E37_79B9;
            let mut rank: Vec<usize> = (0..40).collect();
            for place in (1..rank.len()).rev() {
                rank.swap(place, random(&mut state, place + 1));
            }
            let mut graph = Acyclic::new();
            for _ in 0..400 {
                let (one, other) = (random(&mut state, 40), random(&mut state, 40));
                if rank[one] < rank[other] {
                    assert_eq!(cycle(&mut graph, one, other), None, "seed {seed}");
                }
            }
            for (from, to) in graph.edges.keys() {
                assert!(graph.nodes[*from].place < graph.nodes[*to].place, "seed {seed}");
            }
            let known: Vec<(usize, usize)> = graph.edges.keys().copied().collect();
            for (from, to) in known {
                assert_eq!(cycle(&mut graph, to, from), Some(vec![to, from]), "seed {seed}");
            }
        }
    }
}
