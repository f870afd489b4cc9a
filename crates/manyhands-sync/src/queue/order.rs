//! In which order what was put comes out again.

use std::collections::VecDeque;

use super::heap::Heap;

/// First in, first out: the order of a [`Queue`](super::Queue).
#[derive(Debug)]
pub enum Fifo {}

/// Last in, first out: the order of a [`LifoQueue`](super::LifoQueue).
#[derive(Debug)]
pub enum Lifo {}

/// The smallest first, equals in the order in which they were put: the order of a
/// [`PriorityQueue`](super::PriorityQueue).
#[derive(Debug)]
pub enum SmallestFirst {}

/// An order of a queue: [`Fifo`], [`Lifo`] or [`SmallestFirst`]. It cannot be implemented for others.
pub trait Order<T>: sealed::Sealed {
    #[doc(hidden)]
    type Items: Items<Item = T>;
}

impl<T> Order<T> for Fifo {
    type Items = VecDeque<T>;
}

impl<T> Order<T> for Lifo {
    type Items = Vec<T>;
}

impl<T: Ord> Order<T> for SmallestFirst {
    type Items = Heap<T>;
}

/// Where the items of a queue are kept. A call that panics has changed nothing.
#[doc(hidden)]
pub trait Items {
    type Item;

    fn len(&self) -> usize;
    /// Takes the item out of its place. It is still there, with whoever has no lock, if a comparison panics.
    fn push(&mut self, item: &mut Option<Self::Item>);
    fn pop(&mut self) -> Option<Self::Item>;
    /// Takes all of them, in one piece that can be dropped elsewhere.
    fn take(&mut self) -> Self;
}

impl<T> Items for VecDeque<T> {
    type Item = T;

    #[inline]
    fn len(&self) -> usize {
        VecDeque::len(self)
    }

    #[inline]
    fn push(&mut self, item: &mut Option<T>) {
        if let Some(item) = item.take() {
            self.push_back(item);
        }
    }

    #[inline]
    fn pop(&mut self) -> Option<T> {
        self.pop_front()
    }

    fn take(&mut self) -> Self {
        std::mem::take(self)
    }
}

impl<T> Items for Vec<T> {
    type Item = T;

    #[inline]
    fn len(&self) -> usize {
        Vec::len(self)
    }

    #[inline]
    fn push(&mut self, item: &mut Option<T>) {
        if let Some(item) = item.take() {
            Vec::push(self, item);
        }
    }

    #[inline]
    fn pop(&mut self) -> Option<T> {
        Vec::pop(self)
    }

    fn take(&mut self) -> Self {
        std::mem::take(self)
    }
}

impl<T: Ord> Items for Heap<T> {
    type Item = T;

    #[inline]
    fn len(&self) -> usize {
        Heap::len(self)
    }

    fn push(&mut self, item: &mut Option<T>) {
        Heap::push(self, item);
    }

    fn pop(&mut self) -> Option<T> {
        Heap::pop(self)
    }

    fn take(&mut self) -> Self {
        std::mem::replace(self, Heap::new())
    }
}

mod sealed {
    //! Keeps the orders to those of this crate.

    pub trait Sealed {}

    impl Sealed for super::Fifo {}
    impl Sealed for super::Lifo {}
    impl Sealed for super::SmallestFirst {}
}
