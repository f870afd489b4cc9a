//! Contexts that are somewhere else, for which somebody here speaks.

use std::fmt;
use std::ptr;
use std::sync::Arc;
use std::task::Waker;

use crate::agent::Agent;
use crate::context::{ContextKind, OwnedSlot};
use crate::deadlock::Deadlock;
use crate::fixed::Fixed;
use crate::place::Place;
use crate::publication::{Edge, Publication};
use crate::reason::Reason;
use crate::resource::Resource;
use crate::walk::look_for_deadlock;

/// A context that is somewhere else, such as a thread of another process that waits for a lock here:
/// it has an [`Agent`] and can hold things as that, and its waits are shown by whoever has this.
///
/// Dropped, the context has ended.
///
/// ```
/// use manyhands_wait::{ContextKind, ProxyAgent};
///
/// let worker = ProxyAgent::new(ContextKind::Process, "worker 3");
/// assert_eq!(worker.agent().to_string(), "process 'worker 3'");
/// ```
pub struct ProxyAgent {
    owned: OwnedSlot,
    shown: Option<Shown>,
}

/// Reached from the slot.
struct Shown {
    publication: Fixed<Publication>,
    _waker: Fixed<Waker>,
}

impl ProxyAgent {
    /// A context of this kind and name, which does not wait.
    pub fn new(kind: ContextKind, name: impl Into<Arc<str>>) -> ProxyAgent {
        ProxyAgent { owned: OwnedSlot::new(kind, Some(name.into())), shown: None }
    }

    /// Who it is.
    pub fn agent(&self) -> Agent {
        self.owned.get().1
    }

    /// The context waits for `resource` from now on, with no end in time, until
    /// [`goes_on`](Self::goes_on). Looks at once whether that wait is part of a deadlock.
    ///
    /// `waker` is woken if the wait is chosen to break a deadlock later; ask [`deadlock`](Self::deadlock)
    /// then.
    ///
    /// # Errors
    /// The [`Deadlock`] that this wait was chosen to break; it is not shown any more then.
    pub fn waits(
        &mut self,
        reason: &'static Reason,
        at: impl Into<Place>,
        resource: Arc<dyn Resource>,
        waker: Waker,
    ) -> Result<(), Deadlock> {
        self.goes_on();
        let (slot, agent) = self.owned.get();
        let waker = Fixed::new(waker);
        let publication = Publication::new(reason, at.into(), None, None);
        // SAFETY: the edge is shared, and the waker stays on the heap for as long as the publication.
        let publication = Fixed::new(unsafe {
            publication.with_edge(agent, Edge::Shared(resource), &waker, true)
        });
        // SAFETY: it stays on the heap until `goes_on` has taken it back; if this is forgotten, for
        // ever.
        unsafe { slot.show(publication.pointer()) };
        let shown = self.shown.insert(Shown { publication, _waker: waker });
        while look_for_deadlock(&shown.publication).is_some() {
            std::thread::yield_now();
        }
        match self.deadlock() {
            None => Ok(()),
            Some(deadlock) => {
                self.goes_on();
                Err(deadlock)
            }
        }
    }

    /// The deadlock that the present wait was chosen to break.
    pub fn deadlock(&self) -> Option<Deadlock> {
        self.shown.as_ref()?.publication.verdict().cloned()
    }

    /// The context does not wait any more.
    pub fn goes_on(&mut self) {
        if let Some(shown) = self.shown.take() {
            // SAFETY: it shows nothing from now on.
            unsafe { self.owned.get().0.show(ptr::null()) };
            drop(shown);
        }
    }
}

impl Drop for ProxyAgent {
    fn drop(&mut self) {
        self.goes_on();
    }
}

impl fmt::Debug for ProxyAgent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxyAgent")
            .field("agent", &self.agent())
            .field("waits", &self.shown.is_some())
            .finish()
    }
}
