//! Many requests, some of them under way at a time: the window that slides over a list of them.

use std::collections::BTreeMap;

/// How many results, counted in the number of requests under way, are kept until it is their turn
/// when results are wanted in order.
const AHEAD: usize = 4;

/// Something that requests are started on.
pub(crate) trait Launcher<R> {
    /// What comes of one.
    type Outcome;

    /// Starts one.
    fn launch(&mut self, index: usize, request: R);

    /// How many were started and not been taken by [`next`](Self::next).
    fn under_way(&self) -> usize;

    /// How many may be started beyond the size of the window, because they will wait for their turn:
    /// then there is a next one where another has ended, before that one was taken.
    fn may_queue(&self, _size: usize) -> usize {
        0
    }

    /// Whether [`next`](Self::next) would not have to wait.
    fn is_ready(&self) -> bool;

    /// Waits for the next that ends; `None` if none is under way.
    fn next(&mut self) -> Option<(usize, Self::Outcome)>;
}

/// Requests from a list, at most `size` under way, in the order in which they end.
pub(crate) struct Flights<I, L> {
    /// `None` once it has ended.
    requests: Option<I>,
    launcher: L,
    size: usize,
    /// The index of the next request.
    index: usize,
}

impl<I, L> Flights<I, L>
where
    I: Iterator,
    L: Launcher<I::Item>,
{
    pub(crate) fn new(requests: I, size: usize, launcher: L) -> Flights<I, L> {
        Flights { requests: Some(requests), launcher, size: size.max(1), index: 0 }
    }

    /// Starts what may be started, but none from index `end` on, and waits for the next that ends.
    fn next_before(&mut self, end: usize) -> Option<(usize, L::Outcome)> {
        // Some executors are so quick, or run what they are given at once, that the first results
        // are there before the window is full. They are not kept waiting for it; but each result
        // taken makes room for one more at least.
        let mut launched = false;
        let room = self.size.saturating_add(self.launcher.may_queue(self.size));
        while self.launcher.under_way() < room
            && self.index < end
            && !(launched && self.launcher.is_ready())
        {
            let Some(request) = self.requests.as_mut().and_then(Iterator::next) else {
                self.requests = None;
                break;
            };
            self.launcher.launch(self.index, request);
            self.index += 1;
            launched = true;
        }
        self.launcher.next()
    }
}

impl<I, L> Iterator for Flights<I, L>
where
    I: Iterator,
    L: Launcher<I::Item>,
{
    type Item = (usize, L::Outcome);

    fn next(&mut self) -> Option<Self::Item> {
        self.next_before(usize::MAX)
    }
}

/// The same in the order of the list.
pub(crate) struct InOrder<I, L: Launcher<I::Item>>
where
    I: Iterator,
{
    flights: Flights<I, L>,
    early: BTreeMap<usize, L::Outcome>,
    turn: usize,
}

impl<I, L> InOrder<I, L>
where
    I: Iterator,
    L: Launcher<I::Item>,
{
    pub(crate) fn new(flights: Flights<I, L>) -> InOrder<I, L> {
        InOrder { flights, early: BTreeMap::new(), turn: 0 }
    }
}

impl<I, L> Iterator for InOrder<I, L>
where
    I: Iterator,
    L: Launcher<I::Item>,
{
    type Item = L::Outcome;

    fn next(&mut self) -> Option<L::Outcome> {
        let end = self.turn.saturating_add(self.flights.size.saturating_mul(AHEAD));
        let outcome = loop {
            if let Some(outcome) = self.early.remove(&self.turn) {
                break outcome;
            }
            let (index, outcome) = self.flights.next_before(end)?;
            self.early.insert(index, outcome);
        };
        self.turn += 1;
        Some(outcome)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ends what it is given in pairs, the later first, and keeps count.
    #[derive(Default)]
    struct Backwards {
        under_way: Vec<(usize, u32)>,
        most: usize,
    }

    impl Launcher<u32> for &mut Backwards {
        type Outcome = u32;

        fn launch(&mut self, index: usize, request: u32) {
            self.under_way.push((index, request));
            self.most = self.most.max(self.under_way.len());
        }

        fn under_way(&self) -> usize {
            self.under_way.len()
        }

        fn is_ready(&self) -> bool {
            false
        }

        fn next(&mut self) -> Option<(usize, u32)> {
            self.under_way.pop()
        }
    }

    #[test]
    fn at_most_so_many_are_under_way_and_order_is_as_asked() {
        let mut launcher = Backwards::default();
        let ended: Vec<_> = Flights::new(0..10, 3, &mut launcher).collect();
        assert_eq!(launcher.most, 3);
        let mut indices: Vec<_> = ended.iter().map(|(index, _)| *index).collect();
        assert_ne!(indices, (0..10).collect::<Vec<_>>());
        indices.sort_unstable();
        assert_eq!(indices, (0..10).collect::<Vec<_>>());

        let mut launcher = Backwards::default();
        let in_order = InOrder::new(Flights::new(0..10, 3, &mut launcher));
        assert_eq!(in_order.collect::<Vec<_>>(), (0..10).collect::<Vec<_>>());
        assert_eq!(launcher.most, 3);
    }

    #[test]
    fn a_slow_first_one_does_not_let_results_pile_up() {
        // The first request stays at the bottom of the stack until nothing else may be started.
        let mut launcher = Backwards::default();
        let mut taken = 0;
        let endless = (0..).inspect(|_| taken += 1);
        let mut in_order = InOrder::new(Flights::new(endless, 5, &mut launcher));
        assert_eq!(in_order.next(), Some(0));
        drop(in_order);
        assert!(taken <= 5 * AHEAD, "{taken} requests were taken for the first result");
    }

    #[test]
    fn a_window_of_nothing_is_one_of_one() {
        let mut launcher = Backwards::default();
        assert_eq!(Flights::new(0..3, 0, &mut launcher).count(), 3);
    }
}
