//! Contexts that a scheduler runs on its thread, many of them, one at a time.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::marker::PhantomData;
use std::ptr;
use std::sync::Arc;

use crate::agent::Agent;
use crate::ambient::{Ambient, around_by_hand, replace};
use crate::context::{Context, ContextKind};
use crate::slot::Slot;
use crate::table::take;

/// A context that a scheduler runs on its thread, one of many: a coroutine. It takes a place in the
/// table when it first waits or asks for itself, and the same place serves the next one that the
/// scheduler runs in its stead. It has a chain of [layers](crate::Layer) of its own, and what it sets
/// [`with_parker`](crate::with_parker) is in force in it alone.
#[repr(C)]
pub struct ScheduledContext {
    /// What is in force on its stack. First, so that a pointer to it is one to the whole.
    ambient: Ambient,
    /// What was in force when the context was last left: its own (null), or that of a coroutine that
    /// it has switched to by hand and that has suspended both.
    inner: Cell<*const Ambient>,
    kind: ContextKind,
    name: RefCell<Option<Arc<str>>>,
    /// Whether its slot shows the present occupant.
    is_listed: Cell<bool>,
    /// It belongs to its scheduler's thread.
    not_send: PhantomData<*const ()>,
}

impl ScheduledContext {
    /// A place for contexts of this kind, with nobody in it.
    pub const fn new(kind: ContextKind) -> ScheduledContext {
        ScheduledContext {
            ambient: Ambient::of_scheduled(),
            inner: Cell::new(ptr::null()),
            kind,
            name: RefCell::new(None),
            is_listed: Cell::new(false),
            not_send: PhantomData,
        }
    }

    /// Somebody else has come, with this name; without one its kind and number will do.
    #[inline]
    pub fn begin(&self, name: Option<Arc<str>>) {
        self.end();
        let mut own = self.name.borrow_mut();
        if own.is_some() || name.is_some() {
            *own = name;
        }
    }

    /// Nobody is here any more.
    #[inline]
    pub fn end(&self) {
        if self.is_listed.replace(false)
            && let Some(slot) = self.ambient.slot().get()
        {
            slot.end();
            self.ambient.agent().set(0);
        }
    }

    /// The context that is here.
    pub fn context(&self) -> Context {
        let (slot, agent) = self.listed();
        Context::of(slot, agent)
    }

    /// What is in force on its stack.
    pub fn ambient(&self) -> &Ambient {
        &self.ambient
    }

    /// Where in memory that is which its next wait writes to, for a scheduler that has it fetched ahead; 0 if
    /// it has not waited yet.
    #[inline]
    pub fn slot_address(&self) -> usize {
        self.ambient.slot().get().map_or(0, |slot| ptr::from_ref(slot).addr())
    }

    /// Makes this the context that runs on this thread, with its own chain of layers, just before its
    /// stack is switched to. Two loads and two stores: called at every switch.
    ///
    /// # Safety
    /// From now on it must stay where it is for good. [`leave`](Self::leave) must be called as soon as
    /// control is back; until then it must not be entered again. Every layer that is open in it, and every
    /// parker that is set in it, must be on its one stack.
    #[inline(always)]
    pub unsafe fn enter(&self) {
        let inner = self.inner.get();
        // Derived from the whole context, to which it is cast back.
        let own = ptr::from_ref(self).cast::<Ambient>();
        // SAFETY: by contract. Where it is that of a coroutine inside, this context waits for that
        // one, which waits for nobody but to go on with the context's stack.
        let outer = unsafe { replace(if inner.is_null() { own } else { inner }) };
        self.ambient.set_outer(outer);
    }

    /// Makes what ran before [`enter`](Self::enter) run again.
    ///
    /// # Safety
    /// Control must have just come back to where it was entered, on the same thread.
    #[inline(always)]
    pub unsafe fn leave(&self) {
        // SAFETY: what was in force there is still where it was, because it is open on the stack to
        // which control has come back, or further out.
        self.inner.set(unsafe { replace(self.ambient.outer()) });
    }

    /// Its place in the table, and who it is there.
    pub(crate) fn listed(&self) -> (&'static Slot, Agent) {
        let slot = self.ambient.slot().get().unwrap_or_else(|| {
            let slot = take();
            self.ambient.slot().set(Some(slot));
            slot
        });
        if self.is_listed.get()
            && let Some(agent) = slot.agent()
        {
            return (slot, agent);
        }
        let agent = slot.begin(self.kind, self.name.borrow().clone());
        self.is_listed.set(true);
        (slot, agent)
    }
}

impl fmt::Debug for ScheduledContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScheduledContext")
            .field("kind", &self.kind)
            .field("name", &self.name.borrow())
            .finish_non_exhaustive()
    }
}

/// The scheduler's context that runs here, if one does.
#[inline]
pub(crate) fn current<'a>() -> Option<&'a ScheduledContext> {
    // SAFETY: what is in force stays where it is until something else is; callers use the reference
    // for the length of an access that switches nothing.
    unsafe { of(around_by_hand(Ambient::in_force())) }
}

/// The context whose first field is `ambient`, which says of itself that it is scheduled; none for
/// null.
///
/// # Safety
/// It must be in force, or have been where something further in was put in force, and stay so while
/// the reference is used.
pub(crate) unsafe fn of<'a>(ambient: *const Ambient) -> Option<&'a ScheduledContext> {
    // SAFETY: what says that it is scheduled is the first field of a context, and `enter` has derived
    // the pointer to it from the whole; it stays where it is until `leave`.
    unsafe { ambient.cast::<ScheduledContext>().as_ref() }
}
