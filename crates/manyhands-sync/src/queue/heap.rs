//! A binary heap, smallest first, that a panicking comparison leaves as it was.
//!
//! std's heap moves elements while it compares them, so that a comparison which panics costs an
//! element or the order of the rest. This one finds the way first, by comparing alone, and moves
//! afterwards, when no foreign code runs any more. Equals come out in the order in which they went
//! in.

use std::cmp::Ordering;

/// The elements, each with the number of its insertion.
pub struct Heap<T> {
    /// Every element comes after its parent, the one at `(index - 1) / 2`.
    entries: Vec<Entry<T>>,
    /// The number of the next insertion. At a billion a second it lasts for 500 years.
    next: u64,
}

struct Entry<T> {
    value: T,
    inserted: u64,
}

impl<T: Ord> Entry<T> {
    fn is_before(&self, other: &Entry<T>) -> bool {
        match self.value.cmp(&other.value) {
            Ordering::Less => true,
            Ordering::Equal => self.inserted < other.inserted,
            Ordering::Greater => false,
        }
    }
}

impl<T> Heap<T> {
    pub(super) const fn new() -> Heap<T> {
        Heap { entries: Vec::new(), next: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}

impl<T: Ord> Heap<T> {
    /// Puts the value into its place. If a comparison panics the heap is as before, and the value is
    /// where it was.
    pub(super) fn push(&mut self, value: &mut Option<T>) {
        let Some(new) = &*value else { return };
        // Where it will stand, found without moving anything. Behind its equals, which were before it.
        let end = self.entries.len();
        let mut place = end;
        while place > 0 && new.cmp(&self.entries[parent(place)].value).is_lt() {
            place = parent(place);
        }
        let inserted = self.next;
        self.entries.extend(value.take().map(|value| Entry { value, inserted }));
        self.next += 1;
        let mut from = end;
        while from > place {
            self.entries.swap(from, parent(from));
            from = parent(from);
        }
    }

    /// Takes the smallest element. If a comparison panics it stays, and the heap is as before.
    pub(super) fn pop(&mut self) -> Option<T> {
        let last = self.entries.len().checked_sub(1)?;
        let place = self.place_of_last_from_the_top(last);
        let smallest = self.entries.swap_remove(0);
        self.sink(place);
        Some(smallest.value)
    }

    /// Where the last element belongs when it takes the way of the first, which goes. 0 also if it
    /// is the only one.
    fn place_of_last_from_the_top(&self, last: usize) -> usize {
        let moved = &self.entries[last];
        let mut place = 0;
        loop {
            // `last` itself is no child any more: it is what moves.
            let left = 2 * place + 1;
            if left >= last {
                return place;
            }
            let right = left + 1;
            let smaller = if right < last && self.entries[right].is_before(&self.entries[left]) {
                right
            } else {
                left
            };
            if !self.entries[smaller].is_before(moved) {
                return place;
            }
            place = smaller;
        }
    }

    /// Brings the first element down to `place`, and all on the way there one up.
    fn sink(&mut self, place: usize) {
        // The bits of `place + 1` below the highest say whether the way goes left or right.
        let levels = (place + 1).ilog2();
        let mut at = 0;
        for level in (0..levels).rev() {
            let child = ((place + 1) >> level) - 1;
            self.entries.swap(at, child);
            at = child;
        }
    }
}

const fn parent(index: usize) -> usize {
    (index - 1) / 2
}
