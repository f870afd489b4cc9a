//! Q1: first in first out, last in first out, and by priority.
//!
//! Follows the three programs that put three items into a `Queue`, a `LifoQueue` and a
//! `PriorityQueue`, and print them as they come out.

use manyhands::sync::{LifoQueue, PriorityQueue, Queue};

pub(crate) fn main() -> anyhow::Result<()> {
    let q = Queue::unbounded();
    for item in ["first", "second", "third"] {
        q.put(item)?;
    }
    for _ in 0..3 {
        println!("{}", q.get()?);
    }

    let q = LifoQueue::unbounded();
    for item in ["first", "second", "third"] {
        q.put(item)?;
    }
    for _ in 0..3 {
        println!("{}", q.get()?);
    }

    let q = PriorityQueue::unbounded();
    for item in [(20, 'a'), (10, 'b'), (30, 'c')] {
        q.put(item)?;
    }
    for _ in 0..3 {
        println!("{:?}", q.get()?);
    }
    Ok(())
}
