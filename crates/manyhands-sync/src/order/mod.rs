//! In which order locks are taken: two that are taken in either order can end in a deadlock, also if
//! they never did.
//!
//! The rules, and what they cannot see, are in the `README.md` of this folder.

mod acyclic;
mod class;
mod held;
mod inversion;
mod seen;
mod switch;

use std::panic::Location;
use std::sync::{Mutex, PoisonError};

use manyhands_wait::{Agent, Suspicion, current_deadline};

pub(crate) use class::ClassCell;
pub use inversion::{LockOrderInversion, LockOrderStep};
pub(crate) use switch::may_be_on;
pub use switch::{is_lock_order_checked, set_lock_order_checks};

use crate::owner::Owner;
use acyclic::Acyclic;
use class::ClassId;
use held::Held;
use inversion::Sighting;
use seen::SEEN;

/// A lock that is taken.
pub(crate) struct Lock<'a> {
    /// A number that no other lock has while this one is held.
    pub(crate) id: usize,
    /// Such as `mutex`.
    pub(crate) kind: &'static str,
    pub(crate) name: Option<&'a str>,
    pub(crate) made_at: &'static Location<'static>,
    pub(crate) class: &'a ClassCell,
}

/// How a lock was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// By a call that would have stopped its stack without a limit.
    Blocking,
    /// By an async task that would have waited without a limit.
    Awaiting,
    /// By a call that tries, or waits for a limited time.
    Trying,
}

/// Which class is taken after which, as far as no cycle comes of it.
static ORDER: Mutex<Acyclic<Sighting>> = Mutex::new(Acyclic::new());

/// The lock was taken by `owner`, on this stack. To be called when its guard exists already: a listener
/// of reports may unwind.
#[cold]
pub(crate) fn taken(lock: &Lock<'_>, owner: Owner, at: &'static Location<'static>, how: How) {
    if !is_lock_order_checked() {
        return;
    }
    let (Some(owner), Some(class)) = (owner.agent(), lock.class.get(lock)) else { return };
    let mut news = Vec::new();
    let mut look = |held: &Held| {
        if held.class != class && !SEEN.contains(held.class, class) {
            news.push(*held);
        }
    };
    match how {
        How::Blocking => {
            // Whoever runs here is stopped, and so is the task that is polled.
            let stack = Agent::current();
            let task = Agent::current_async().filter(|task| *task != stack);
            held::for_each(stack, &mut look);
            task.into_iter().for_each(|task| held::for_each(task, &mut look));
        }
        How::Awaiting => held::for_each(owner, &mut look),
        How::Trying => {}
    }
    held::push(owner, Held { lock: lock.id, class, at });
    // A wait that ends in time is no part of a deadlock.
    if !news.is_empty() && current_deadline().is_none() {
        note(&news, class, at, owner);
    }
}

/// The lock is about to be released by whoever has taken it as `owner`.
#[cold]
pub(crate) fn released(lock: usize, owner: Owner) {
    if let Some(owner) = owner.agent() {
        held::remove(owner, lock);
    }
}

/// Notes that `class` was taken while these were held, and reports each that must not have been.
#[cold]
fn note(held: &[Held], class: ClassId, at: &'static Location<'static>, by: Agent) {
    let by = by.to_string();
    for held in held {
        let sighting = Sighting { held_at: held.at, taken_at: at, by: by.as_str().into() };
        let inversion = {
            let mut order = ORDER.lock().unwrap_or_else(PoisonError::into_inner);
            let (from, to) = (held.class.index(), class.index());
            order.insert(from, to, sighting).map(|cycle| inversion::describe(&cycle))
        };
        SEEN.insert(held.class, class);
        if let Some(inversion) = inversion {
            Suspicion::new(inversion).report();
        }
    }
}
