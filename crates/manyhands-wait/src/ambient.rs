//! What is in force on a stack: the innermost layer and the innermost parker that are open there.
//!
//! Each thread has a pointer to what is in force on the stack that runs on it; whoever switches
//! stacks changes that pointer and nothing else. Null stands for the thread's own stack.

use std::any::TypeId;
use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ptr;

use crate::identity::Frame;
use crate::layer::Innermost;
use crate::parker::Scoped;
use crate::primitive::local;
use crate::slot::Slot;
use crate::table::give_back;

thread_local! {
    /// Has no destructor, so that a signal handler may read it at any time.
    static IN_FORCE: Cell<*const Ambient> = const { Cell::new(ptr::null()) };
}

local! {
    /// Never destroyed, so that it is there for whatever runs while the thread ends.
    static OF_THREAD: ManuallyDrop<Ambient> = ManuallyDrop::new(Ambient::new());
}

/// What is in force on the stack of a coroutine that is switched by hand, inside a thread or inside a
/// context of a scheduler: its [layers](crate::Layer), and the parkers that it sets
/// ([`with_parker`](crate::with_parker)). A [`ScheduledContext`](crate::ScheduledContext) has one of
/// its own.
///
/// It sees the parkers of the thread or context that switches to it, and none that are set on the
/// stacks of other such coroutines. No layer from outside is in force in it.
#[repr(C)]
pub struct Ambient {
    /// What was in force when this was put in force; null for the thread's own.
    outer: Cell<*const Ambient>,
    layers: Innermost,
    /// The innermost parker that is set on the stack; null if none is.
    parker: Cell<*const Scoped>,
    /// Whether this is the first field of a scheduled context.
    is_scheduled: bool,
    /// Whether a wait on the stack uses a parker from further out.
    waits_outside: Cell<bool>,
    /// The word of who runs here; 0 while nobody has asked.
    agent: Cell<u64>,
    /// What is polled or hosted on the stack; null if nothing is.
    frames: Cell<*const Frame>,
    /// Its place in the table of contexts, once it has one; a thread's is elsewhere.
    slot: Cell<Option<&'static Slot>>,
    owner: Cell<Option<(TypeId, *const ())>>,
    /// It belongs to its thread.
    not_send: PhantomData<*const ()>,
}

impl Ambient {
    /// Of a stack on which nothing was opened yet.
    pub const fn new() -> Ambient {
        Ambient::of(false)
    }

    pub(crate) const fn of_scheduled() -> Ambient {
        Ambient::of(true)
    }

    const fn of(is_scheduled: bool) -> Ambient {
        Ambient {
            outer: Cell::new(ptr::null()),
            layers: Cell::new(ptr::null()),
            parker: Cell::new(ptr::null()),
            is_scheduled,
            waits_outside: Cell::new(false),
            agent: Cell::new(0),
            frames: Cell::new(ptr::null()),
            slot: Cell::new(None),
            owner: Cell::new(None),
            not_send: PhantomData,
        }
    }

    /// Puts this in force on this thread, just before its stack is switched to. Called at every switch.
    ///
    /// # Safety
    /// It must stay where it is until [`leave`](Self::leave), which must be called as soon as control
    /// is back; until then it must not be entered again. All that is opened meanwhile must be on the
    /// one stack that it belongs to.
    #[inline(always)]
    pub unsafe fn enter(&self) {
        self.set_outer(IN_FORCE.replace(self));
    }

    /// Puts in force again what was before [`enter`](Self::enter).
    ///
    /// # Safety
    /// Control must have just come back to where it was entered, on the same thread.
    #[inline(always)]
    pub unsafe fn leave(&self) {
        IN_FORCE.set(self.outer.get());
    }

    /// What is in force here; null on a thread's own stack. What it points to stays where it is for
    /// as long as that stack runs, or one that it waits for. May be called in a signal handler.
    #[inline]
    pub fn in_force() -> *const Ambient {
        IN_FORCE.get()
    }

    /// What was in force when this was put in force; null for a thread's own stack. It stays where it
    /// is for as long as this is in force.
    #[inline]
    pub fn outer(&self) -> *const Ambient {
        self.outer.get()
    }

    /// Whether a wait is under way on the stack that parks through a parker of the thread or context that
    /// has switched to it. Whoever is switched by hand must not leave its stack then: going on in other
    /// surroundings, the wait would use a parker that is not in force there, and may be gone.
    #[inline(always)]
    pub fn waits_outside(&self) -> bool {
        self.waits_outside.get()
    }

    /// Notes a pointer by which whoever switches finds its own again.
    pub fn set_owner<T: 'static>(&self, owner: *const T) {
        self.owner.set(Some((TypeId::of::<T>(), owner.cast())));
    }

    /// What [`set_owner`](Self::set_owner) has noted; null if that was nothing of this type. May be
    /// called in a signal handler.
    pub fn owner<T: 'static>(&self) -> *const T {
        match self.owner.get() {
            Some((of, owner)) if of == TypeId::of::<T>() => owner.cast(),
            _ => ptr::null(),
        }
    }

    pub(crate) fn layers(&self) -> &Innermost {
        &self.layers
    }

    pub(crate) fn parker(&self) -> &Cell<*const Scoped> {
        &self.parker
    }

    pub(crate) fn agent(&self) -> &Cell<u64> {
        &self.agent
    }

    pub(crate) fn frames(&self) -> &Cell<*const Frame> {
        &self.frames
    }

    pub(crate) fn slot(&self) -> &Cell<Option<&'static Slot>> {
        &self.slot
    }

    /// Whether it is the first field of a scheduled context.
    pub(crate) fn is_scheduled(&self) -> bool {
        self.is_scheduled
    }

    #[inline(always)]
    pub(crate) fn set_outer(&self, outer: *const Ambient) {
        // Mostly it is the one that is there. Stored each time, it would go from memory to memory
        // twice in every pair of switches, and the next pair would wait for that.
        if self.outer.get() != outer {
            self.outer.set(outer);
        }
    }
}

impl Drop for Ambient {
    fn drop(&mut self) {
        if let Some(slot) = self.slot.get() {
            slot.end();
            give_back(slot);
        }
    }
}

impl Default for Ambient {
    fn default() -> Self {
        Ambient::new()
    }
}

impl fmt::Debug for Ambient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ambient").finish_non_exhaustive()
    }
}

/// Puts `ambient` in force, null for the thread's own, and returns what was.
///
/// # Safety
/// It must stay where it is until something else is put in its place, and all that is open in it
/// must be on the stack that runs next.
#[inline(always)]
pub(crate) unsafe fn replace(ambient: *const Ambient) -> *const Ambient {
    IN_FORCE.replace(ambient)
}

/// Calls `f` with what is in force here.
#[inline]
pub(crate) fn with_ambient<R>(f: impl FnOnce(&Ambient) -> R) -> R {
    // SAFETY: whoever has put it there was obliged to keep it where it is until something else is in
    // its place; `f` gets it for the length of an access that switches nothing.
    match unsafe { IN_FORCE.get().as_ref() } {
        Some(ambient) => f(ambient),
        None => with_thread(f),
    }
}

/// Calls `f` with what is in force on the thread's own stack.
#[inline]
pub(crate) fn with_thread<R>(f: impl FnOnce(&Ambient) -> R) -> R {
    OF_THREAD.with(|of_thread| f(of_thread))
}

/// The slot of this thread is gone: whoever asks for itself gets another.
pub(crate) fn forget_thread() {
    let _gone = OF_THREAD.try_with(|of_thread| of_thread.agent.set(0));
}

/// Notes, until the guard is dropped, that a wait here is about to use the innermost parker, if that may
/// be one from outside of the stack of a coroutine that is switched by hand.
#[inline]
pub(crate) fn begin_wait() -> WaitsOutside {
    let here = IN_FORCE.get();
    // SAFETY: as in `with_ambient`; the guard stays on this stack.
    match unsafe { here.as_ref() } {
        Some(ambient) if !ambient.is_scheduled && ambient.parker.get().is_null() => {
            WaitsOutside { of: here, before: ambient.waits_outside.replace(true) }
        }
        _ => WaitsOutside { of: ptr::null(), before: false },
    }
}

/// Guard of [`begin_wait`].
pub(crate) struct WaitsOutside {
    of: *const Ambient,
    before: bool,
}

impl Drop for WaitsOutside {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: it was in force on this stack, and stays where it is for as long as the stack runs.
        if let Some(ambient) = unsafe { self.of.as_ref() } {
            ambient.waits_outside.set(self.before);
        }
    }
}

/// What is in force here, or around the coroutines switched by hand that run here: that of the
/// scheduler's context, null for a thread's own.
pub(crate) fn around_by_hand(mut ambient: *const Ambient) -> *const Ambient {
    // SAFETY: what is in force and what is further out of it stay where they are, see `outer`.
    while let Some(here) = unsafe { ambient.as_ref() }
        && !here.is_scheduled
    {
        ambient = here.outer.get();
    }
    ambient
}

/// What the scheduler of this context has in force: what is further out of it and of the contexts
/// inside whose waits it was begun.
fn around_scheduled(context: &Ambient) -> *const Ambient {
    let mut outer = context.outer.get();
    // SAFETY: as in `around_by_hand`.
    while let Some(waits) = unsafe { around_by_hand(outer).as_ref() } {
        outer = waits.outer.get();
    }
    outer
}

/// The innermost parker that is in force here, if one is set. A coroutine that is switched by hand
/// falls back to the thread or context around it; a scheduler's context to what its scheduler has in
/// force, also where it was begun inside the wait of another one: that of the other is tied to the
/// other's stack, which does not wait for this one to end.
pub(crate) fn innermost_parker() -> *const Scoped {
    let mut ambient = IN_FORCE.get();
    // SAFETY: as in `around_by_hand`.
    while let Some(here) = unsafe { ambient.as_ref() } {
        let parker = here.parker.get();
        if !parker.is_null() {
            return parker;
        }
        ambient = if here.is_scheduled { around_scheduled(here) } else { around_by_hand(ambient) };
    }
    with_thread(|own| own.parker.get())
}
