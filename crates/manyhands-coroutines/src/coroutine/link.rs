//! The part of a coroutine that has no types: its state, and its place among those that run on the
//! thread.

use std::cell::Cell;
use std::ptr;

use corosensei::Yielder;
use manyhands_wait::Ambient;

use super::SwitchError;
use super::core::Payload;
use crate::overflow::Running;
use crate::stack::Stack;

/// Values pass through the core, so that corosensei's switch carries nothing but a register.
pub(super) type Fiber = corosensei::Coroutine<(), Signal, Signal, Stack>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Unstarted,
    Suspended,
    /// On top, or waiting for one that it has switched to from its own stack.
    Running,
    Ended,
}

/// Why a coroutine has left its stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    /// A value for the parent is in its outbox.
    Suspended,
    /// `next` is to run in its place; the value is in the mail of that one.
    Transfer,
    /// `Link::target`, which waits further out, is to go on; the value is in its mail.
    Leave,
    /// The function has returned; the result is there.
    Ended,
    /// The function has unwound; the payload is in `Link::thrown`.
    Panicked,
}

/// Moves what is in the inbox of a core to its mail. The caller must run on the stack of its
/// coroutine, and the inbox must be filled.
type Keep = unsafe fn(*const ());

/// What each switch touches comes first.
#[repr(C)]
pub(super) struct Link {
    /// What is in force on its stack.
    ambient: Ambient,
    /// Its yielder once it has started.
    yielder: Cell<*const Yielder<(), Signal>>,
    state: Cell<State>,
    /// Whether there is something in `thrown`.
    is_thrown: Cell<bool>,
    /// On the way in what is to be raised, on the way out what it has ended with.
    thrown: Cell<Option<Payload>>,
    /// Whom it wants to return to, for [`Signal::Leave`].
    pub(super) target: Cell<*const Link>,
    /// The core, and how to move what is in its inbox to its mail.
    core: Cell<Option<(*const (), Keep)>>,
    pub(super) running: Running,
}

thread_local! {
    /// Whether this thread unwinds a coroutine that nobody has a handle of. It counts as panicking
    /// then, but what is dropped meanwhile can be unwound like the first.
    pub(super) static KILLING: Cell<bool> = const { Cell::new(false) };
}

impl Link {
    /// For one that will run on `stack`.
    pub(super) fn new(stack: &Stack) -> Link {
        Link {
            running: Running::new(stack),
            state: Cell::new(State::Unstarted),
            ambient: Ambient::new(),
            yielder: Cell::new(ptr::null()),
            target: Cell::new(ptr::null()),
            core: Cell::new(None),
            thrown: Cell::new(None),
            is_thrown: Cell::new(false),
        }
    }

    /// Notes the addresses, which do not change from now on: of the link, and of the core that it is
    /// part of, for which `keep` moves what is in the inbox to its mail.
    pub(super) fn settle(&self, core: *const (), keep: Keep) {
        self.core.set(Some((core, keep)));
        self.running.set_owner(ptr::from_ref(self).cast());
        self.ambient.set_owner(&raw const self.running);
    }

    #[inline]
    pub(super) fn state(&self) -> State {
        self.state.get()
    }

    #[inline]
    pub(super) fn can_be_resumed(&self) -> bool {
        matches!(self.state.get(), State::Unstarted | State::Suspended)
    }

    /// `value`, if it can be delivered.
    pub(super) fn check<In>(&self, value: In) -> Result<In, SwitchError<In>> {
        match self.state.get() {
            State::Unstarted | State::Suspended => Ok(value),
            State::Running => Err(SwitchError::Running(value)),
            State::Ended => Err(SwitchError::Dead(value)),
        }
    }

    /// Puts in force what belongs to the coroutine, just before its stack is switched to.
    ///
    /// # Safety
    /// The caller must switch there at once, and call [`leave`](Link::leave) as soon as control is
    /// back. The link must stay where it is until then.
    #[inline(always)]
    pub(super) unsafe fn enter(&self) {
        self.state.set(State::Running);
        // SAFETY: the link stays where it is, by contract; what is open in it is on its stack, which
        // runs next.
        unsafe { self.ambient.enter() };
    }

    /// Puts in force again what was before.
    ///
    /// # Safety
    /// Control must have just come back to where [`enter`](Link::enter) was called.
    #[inline(always)]
    pub(super) unsafe fn leave(&self) {
        self.state.set(State::Suspended);
        // SAFETY: by contract.
        unsafe { self.ambient.leave() };
    }

    pub(super) fn ended(&self) {
        self.state.set(State::Ended);
    }

    /// Notes where it can be suspended. Called on its stack when it starts.
    pub(super) fn started(&self, yielder: &Yielder<(), Signal>) {
        self.yielder.set(yielder);
    }

    /// Looks whether the coroutine may leave its stack.
    ///
    /// # Panics
    /// If it is in the middle of a wait.
    #[inline(always)]
    pub(super) fn check_may_leave(&self) {
        if self.ambient.waits_outside() {
            leaves_a_wait();
        }
    }

    /// Leaves the stack of the coroutine until somebody goes on with it.
    ///
    /// # Safety
    /// The caller must run on its stack, and have looked whether it [may](Link::check_may_leave) leave
    /// it.
    #[inline(always)]
    pub(super) unsafe fn pause(&self, signal: Signal) {
        // SAFETY: it has started, since its stack runs, and the yielder is there until it ends.
        unsafe { (*self.yielder.get()).suspend(signal) };
    }

    /// Leaves `payload` for [`take_thrown`](Link::take_thrown).
    pub(super) fn set_thrown(&self, payload: Payload) {
        self.thrown.set(Some(payload));
        self.is_thrown.set(true);
    }

    /// What there is to raise.
    pub(super) fn take_thrown(&self) -> Option<Payload> {
        self.is_thrown.set(false);
        self.thrown.take()
    }

    /// Raises what it was gone on with, if it is to be raised.
    #[inline]
    pub(super) fn unwind_if_thrown(&self) {
        if self.is_thrown.get()
            && let Some(payload) = self.take_thrown()
        {
            super::pass_on(payload);
        }
    }

    /// Moves what the coroutine was gone on with to its mail, for those who do not expect it.
    ///
    /// # Safety
    /// The caller must run on its stack, and the inbox must be filled. It is empty then.
    pub(super) unsafe fn keep(&self) {
        if let Some((core, keep)) = self.core.get() {
            // SAFETY: this is the core that it was given with; the rest is the contract.
            unsafe { keep(core) };
        }
    }

    /// The coroutine on whose stack the caller runs; null on the stack of a thread or of a hub's
    /// coroutine.
    pub(super) fn current() -> *const Link {
        Link::of(Ambient::in_force())
    }

    /// Whether the caller runs on behalf of `target`, which waits further out on this thread.
    pub(super) fn is_further_out(target: &Link) -> bool {
        let mut link = Link::current();
        // SAFETY: these are the current coroutine and those that wait, one for the other, further
        // out; each is borrowed by whoever has switched to it.
        while let Some(here) = unsafe { link.as_ref() } {
            link = Link::of(here.ambient.outer());
            if ptr::eq(link, target) {
                return true;
            }
        }
        false
    }

    fn of(ambient: *const Ambient) -> *const Link {
        // SAFETY: what is in force, and what is further out, stays where it is while this thread is
        // inside it; its owner, a field of a link or of a hub's coroutine, does so too.
        let running = unsafe { ambient.as_ref().and_then(|here| here.owner::<Running>().as_ref()) };
        running.map_or(ptr::null(), |running| running.owner().cast())
    }
}

#[cold]
fn leaves_a_wait() -> ! {
    panic!(
        "a coroutine was about to be suspended by hand in the middle of a wait, inside the future or \
         the parker that it waits with; going on elsewhere, the wait could not be woken"
    )
}
