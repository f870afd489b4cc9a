//! What the future of a primitive tells the task that it is polled in.

use std::fmt;
use std::panic::Location;
use std::sync::{Arc, Mutex};
use std::task::Context;

use super::state::{Leaves, lock};
use crate::deadlock::Deadlock;
use crate::identity::with_polled;
use crate::reason::Reason;
use crate::resource::Resource;

/// A part of a primitive's future: tells the [tracked](crate::tracked()) task that polls it what it
/// waits for. In tasks that are not tracked, and in waits of threads and coroutines, it does nothing.
///
/// A future with a leaf keeps **exactly one** clone of the waker it was polled with while it is pending,
/// in the queue of its primitive: by that the task knows that nothing else can wake it.
///
/// ```
/// use std::future::Future;
/// use std::panic::Location;
/// use std::pin::Pin;
/// use std::sync::Arc;
/// use std::task::{Context, Poll};
/// use manyhands_wait::{Deadlock, Leaf, Reason, Resource};
///
/// static TURN: Reason = Reason::new("turn of the baton");
///
/// struct Take { baton: Arc<dyn Resource>, leaf: Leaf }
///
/// impl Future for Take {
///     type Output = Result<(), Deadlock>;
///
///     fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
///         // ... if it is free: `self.leaf.done()`, ready ...
///         if let Some(deadlock) = self.leaf.deadlock() {
///             return Poll::Ready(Err(deadlock));
///         }
///         // ... queue one clone of `cx.waker()` ...
///         let baton = Arc::clone(&self.baton);
///         self.leaf.pending(cx, &TURN, Location::caller(), || baton);
///         Poll::Pending
///     }
/// }
/// ```
#[derive(Default)]
pub struct Leaf {
    registered: Option<Registered>,
}

struct Registered {
    with: Arc<Mutex<Leaves>>,
    key: u64,
}

impl Leaf {
    /// One that is not registered.
    pub const fn new() -> Leaf {
        Leaf { registered: None }
    }

    /// To be called in each poll that returns pending, after `cx.waker()` was queued: the task waits
    /// for `resource`, for this reason and from this place. Once registered with the task, further
    /// calls say that it still does.
    pub fn pending(
        &mut self,
        cx: &Context<'_>,
        reason: &'static Reason,
        at: &'static Location<'static>,
        resource: impl FnOnce() -> Arc<dyn Resource>,
    ) {
        // Behind the waker of somebody else, a joining combinator or a wait inside of the poll, the
        // clone that was queued is not the task's.
        let with = with_polled(|task, _| task.is_own(cx.waker()).then(|| task.share_leaves()));
        match (with.flatten(), &self.registered) {
            (Some(with), Some(registered)) if Arc::ptr_eq(&with, &registered.with) => {
                lock(&with).still_pending(registered.key);
            }
            (with, _) => {
                self.done();
                self.registered = with.map(|with| {
                    let key = lock(&with).add(reason, at, resource());
                    Registered { with, key }
                });
            }
        }
    }

    /// The wait is over. Dropping the leaf does this too.
    pub fn done(&mut self) {
        if let Some(Registered { with, key }) = self.registered.take() {
            let removed = lock(&with).remove(key);
            drop(removed);
        }
    }

    /// To be asked in each poll that would return pending: the deadlock that this wait was chosen to
    /// break. It has to end with that as its error, and to give back its place in the queue.
    pub fn deadlock(&mut self) -> Option<Deadlock> {
        let registered = self.registered.as_ref()?;
        let deadlock = lock(&registered.with).take_deadlock();
        if deadlock.is_some() {
            self.done();
        }
        deadlock
    }
}

impl Drop for Leaf {
    fn drop(&mut self) {
        self.done();
    }
}

impl fmt::Debug for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leaf").field("registered", &self.registered.is_some()).finish()
    }
}
