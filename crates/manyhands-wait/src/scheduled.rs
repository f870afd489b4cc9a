//! Contexts that a scheduler runs on its thread, many of them, one at a time.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::marker::PhantomData;
use std::ptr;
use std::sync::Arc;

use crate::context::{
    Context, ContextKind, Slot, State, clear, fill, free_slot, give_back, next_id,
};
use crate::layer::Innermost;
use crate::parker::Parkers;

thread_local! {
    static SCHEDULED: Cell<*const ScheduledContext> = const { Cell::new(ptr::null()) };
}

/// A context that a scheduler runs on its thread, one of many: a coroutine. It takes a place in the
/// table when it first waits or asks for itself, and the same place serves the next one that the
/// scheduler runs in its stead. It has a chain of [layers](crate::Layer) of its own, and what it sets
/// [`with_parker`](crate::with_parker) is in force in it alone.
pub struct ScheduledContext {
    kind: ContextKind,
    name: RefCell<Option<Arc<str>>>,
    slot: Cell<Option<&'static Slot>>,
    /// Whether the slot shows the present occupant.
    is_listed: Cell<bool>,
    /// The chain of layers in force in it.
    innermost: Innermost,
    /// The parkers that are set in it.
    parkers: Parkers,
    /// It belongs to its scheduler's thread.
    not_send: PhantomData<*const ()>,
}

impl ScheduledContext {
    /// A place for contexts of this kind, with nobody in it.
    pub const fn new(kind: ContextKind) -> ScheduledContext {
        ScheduledContext {
            kind,
            name: RefCell::new(None),
            slot: Cell::new(None),
            is_listed: Cell::new(false),
            innermost: Cell::new(ptr::null()),
            parkers: Parkers::new(),
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
            && let Some(slot) = self.slot.get()
        {
            clear(slot);
        }
    }

    /// The context that is here.
    pub fn context(&self) -> Context {
        Context::of(self.listed())
    }

    /// Makes this the context that runs on this thread, with its own chain of layers; null is the
    /// thread itself. Returns what it was before. A load and a store: called at every switch.
    ///
    /// # Safety
    /// What `context` points to must stay where it is until something else was put in its place, and
    /// every layer that is open in it, and every parker that is set in it, must be on the stack that
    /// runs next.
    #[inline]
    pub unsafe fn swap(context: *const ScheduledContext) -> *const ScheduledContext {
        SCHEDULED.with(|scheduled| scheduled.replace(context))
    }

    fn listed(&self) -> &'static Slot {
        if self.is_listed.get()
            && let Some(slot) = self.slot.get()
        {
            return slot;
        }
        let slot = match self.slot.get() {
            Some(slot) => slot,
            None => {
                let slot = free_slot();
                self.slot.set(Some(slot));
                slot
            }
        };
        let id = next_id();
        fill(slot, id, State::new(self.kind, self.name.borrow().clone()));
        self.is_listed.set(true);
        slot
    }
}

impl Drop for ScheduledContext {
    fn drop(&mut self) {
        self.end();
        if let Some(slot) = self.slot.get() {
            give_back(slot);
        }
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
fn scheduled<'a>() -> Option<&'a ScheduledContext> {
    // SAFETY: `ScheduledContext::swap` was promised that it stays where it is until another pointer
    // is put in its place, and only this thread reads the pointer. Callers use the reference for
    // the length of an access that switches nothing.
    unsafe { SCHEDULED.with(Cell::get).as_ref() }
}

/// The beginning of the chain of the scheduler's context that runs here.
#[inline]
pub(crate) fn scheduled_innermost<'a>() -> Option<&'a Innermost> {
    scheduled().map(|context| &context.innermost)
}

/// The parkers that are set in the scheduler's context that runs here.
#[inline]
pub(crate) fn scheduled_parkers<'a>() -> Option<&'a Parkers> {
    scheduled().map(|context| &context.parkers)
}

/// Both of these.
#[inline]
pub(crate) fn scheduled_in_force<'a>() -> Option<(&'a Innermost, &'a Parkers)> {
    scheduled().map(|context| (&context.innermost, &context.parkers))
}

pub(crate) fn scheduled_slot() -> Option<&'static Slot> {
    scheduled().map(ScheduledContext::listed)
}
