//! Who runs on a stack: its own context, or somebody whom it hosts while it waits; and who cannot go
//! on while this stack does not.

use std::ptr;

use crate::agent::Agent;
use crate::ambient::{Ambient, with_ambient, with_thread};
use crate::context::{ContextKind, guest_slot, thread_slot};
use crate::layer::LayerTask;
use crate::scheduled;
use crate::slot::Slot;
use crate::table::take;
use crate::tracked::TrackedState;

/// What a stretch of a stack is about, kept on that stack; linked from the inside out.
pub(crate) struct Frame {
    what: What,
    outer: *const Frame,
}

enum What {
    /// A tracked task is polled.
    Polls(*const TrackedState, *const dyn LayerTask),
    /// The context waits, and others of its thread run: what they take is not the context's.
    Hosts,
    /// A task of an executor is polled that polls no other one meanwhile.
    Turn(&'static Slot, Agent),
}

/// Runs `f` as part of the poll of a tracked task.
pub(crate) fn in_poll_of<R>(
    state: &TrackedState,
    task: &dyn LayerTask,
    f: impl FnOnce() -> R,
) -> R {
    // SAFETY: only the lifetime changes. The frame is linked while `f` runs, and `task` is borrowed for
    // longer.
    let task = unsafe { std::mem::transmute::<&dyn LayerTask, &'static dyn LayerTask>(task) };
    with_frame(What::Polls(state, task), f)
}

/// Runs `f`, in which others than the present context run on this stack.
pub(crate) fn as_host<R>(f: impl FnOnce() -> R) -> R {
    with_frame(What::Hosts, f)
}

/// Runs `f` as the poll of one task of an executor that polls no other one meanwhile. That is in `slot`,
/// and nobody else calls this for it before `f` has returned.
pub(crate) fn in_turn_of<R>(slot: &'static Slot, agent: Agent, f: impl FnOnce() -> R) -> R {
    with_frame(What::Turn(slot, agent), f)
}

/// The executor whose turn this is, if the innermost thing on this stack is one.
pub(crate) fn turn_here() -> Option<Agent> {
    with_ambient(|ambient| match frames(ambient).next()? {
        What::Turn(_, agent) => Some(*agent),
        What::Polls(..) | What::Hosts => None,
    })
}

fn with_frame<R>(what: What, f: impl FnOnce() -> R) -> R {
    struct Back {
        of: *const Ambient,
        outer: *const Frame,
        agent: u64,
    }
    impl Drop for Back {
        fn drop(&mut self) {
            // SAFETY: it was in force on this stack, and stays where it is for as long as that runs.
            let ambient = unsafe { &*self.of };
            ambient.frames().set(self.outer);
            ambient.agent().set(self.agent);
        }
    }
    let is_host = matches!(what, What::Hosts);
    let mut frame = Frame { what, outer: ptr::null() };
    let back = with_ambient(|ambient| Back {
        of: ambient,
        outer: ambient.frames().get(),
        agent: ambient.agent().get(),
    });
    frame.outer = back.outer;
    // SAFETY: as in `Back`.
    let ambient = unsafe { &*back.of };
    ambient.frames().set(&raw const frame);
    if is_host {
        ambient.agent().set(0);
    }
    // Whoever runs on the stack now may become known in `f`, and is then asked for again.
    let _back = back;
    f()
}

/// Whether a wait of this stack keeps an executor from polling its other tasks.
pub(crate) fn holds_up_a_turn() -> bool {
    let mut found = false;
    for_each_stopped_ambient(|ambient| {
        found |= frames(ambient).any(|what| matches!(what, What::Turn(..)));
    });
    found
}

/// Visits what the stack of `ambient` is about, from the inside out.
fn frames(ambient: &Ambient) -> impl Iterator<Item = &What> {
    let mut next = ambient.frames().get();
    std::iter::from_fn(move || {
        // SAFETY: frames are linked for as long as they are on the stack, see `with_frame`.
        let frame = unsafe { next.as_ref() }?;
        next = frame.outer;
        Some(&frame.what)
    })
}

/// The tracked task that is polled here, if one is.
pub(crate) fn with_polled<R>(f: impl FnOnce(&TrackedState, &dyn LayerTask) -> R) -> Option<R> {
    let (state, task) = with_ambient(|ambient| match frames(ambient).next()? {
        What::Polls(state, task) => Some((*state, *task)),
        What::Hosts | What::Turn(..) => None,
    })?;
    // SAFETY: the task is polled further out on this stack.
    Some(unsafe { f(&*state, &*task) })
}

/// Who runs here, and the place of that one in the table.
#[cold]
pub(crate) fn find_current() -> (&'static Slot, Agent) {
    with_ambient(|ambient| {
        let is_guest = frames(ambient).any(|what| matches!(what, What::Hosts));
        let found = if is_guest { guest_slot() } else { own_slot(ambient) };
        ambient.agent().set(found.1.to_bits());
        found
    })
}

/// The place of a stack itself.
fn own_slot(ambient: &Ambient) -> (&'static Slot, Agent) {
    if with_thread(|of_thread| ptr::eq(of_thread, ambient)) {
        return thread_slot();
    }
    if ambient.is_scheduled() {
        // SAFETY: callers have it in force, or further out of what is.
        if let Some(context) = unsafe { scheduled::of(ambient) } {
            return context.listed();
        }
    }
    let slot = ambient.slot().get().unwrap_or_else(|| {
        let slot = take();
        ambient.slot().set(Some(slot));
        slot
    });
    let agent = slot.agent().unwrap_or_else(|| slot.begin(ContextKind::Coroutine, None));
    (slot, agent)
}

/// The place of whoever is suspended by a wait of this stack: the thread, the scheduled context, or a
/// coroutine that is switched by hand and has a parker of its own. Such ones may leave their waits in another
/// order than they have begun them, so they do not share a place.
#[inline]
pub(crate) fn context_slot() -> &'static Slot {
    let mut here = Ambient::in_force();
    // SAFETY: what is in force and what is further out of it stay where they are.
    while let Some(ambient) = unsafe { here.as_ref() } {
        if ambient.is_scheduled() || !ambient.parker().get().is_null() {
            return own_slot(ambient).0;
        }
        here = ambient.outer();
    }
    thread_slot().0
}

/// Calls `visit` with the slots of all who cannot go on while this stack waits: those whom it polls or
/// hosts, its own, and those of the stacks around coroutines that are switched by hand. Whoever is
/// known to nobody is left out.
pub(crate) fn for_each_stopped(mut visit: impl FnMut(&'static Slot)) {
    let mut here = Ambient::in_force();
    // SAFETY: what is in force and what is further out of it stay where they are.
    while let Some(ambient) = unsafe { here.as_ref() } {
        visit_frames(ambient, &mut visit);
        if ambient.is_scheduled() {
            return visit(own_slot(ambient).0);
        }
        if let Some(slot) = ambient.slot().get() {
            visit(slot);
        }
        if !ambient.parker().get().is_null() {
            return; // parking suspends this stack alone
        }
        here = ambient.outer();
    }
    with_thread(|of_thread| visit_frames(of_thread, &mut visit));
    visit(thread_slot().0);
}

/// Calls `visit` with what is in force on this stack and on those around it that cannot go on while
/// this one waits.
pub(crate) fn for_each_stopped_ambient(mut visit: impl FnMut(&Ambient)) {
    let mut here = Ambient::in_force();
    // SAFETY: what is in force and what is further out of it stay where they are.
    while let Some(ambient) = unsafe { here.as_ref() } {
        visit(ambient);
        if ambient.is_scheduled() || !ambient.parker().get().is_null() {
            return;
        }
        here = ambient.outer();
    }
    with_thread(visit);
}

fn visit_frames(ambient: &Ambient, visit: &mut impl FnMut(&'static Slot)) {
    let mut hosts = false;
    for what in frames(ambient) {
        match what {
            What::Polls(state, _) => {
                // SAFETY: the task is polled further out on this stack.
                let state = unsafe { &**state };
                state.has_blocked();
                state.slot().into_iter().for_each(&mut *visit);
            }
            What::Turn(slot, _) => visit(slot),
            What::Hosts if !hosts => {
                hosts = true;
                visit(guest_slot().0);
            }
            What::Hosts => (),
        }
    }
}
