//! What all handles of a coroutine share: the stack, the state, the values on their way, and how to
//! go on with it.
//!
//! `README.md` beside this file has the states and the invariants.

use std::any::Any;
use std::cell::{Cell, UnsafeCell};
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::{Rc, Weak};

use corosensei::CoroutineResult;

use super::link::{Fiber, KILLING, Link, Signal, State};
use super::{Suspender, Switched};
use crate::stack::{self, Stack};

pub(super) type Payload = Box<dyn Any + Send>;

/// How often a coroutine that catches its unwinding is unwound again before it is leaked.
const KILLS_MAX: usize = 16;

/// The whole of a coroutine. What each switch touches comes first. (Aligning it to a line of the
/// cache would make the allocation three times as dear.)
#[repr(C)]
pub(super) struct Core<In, Out, R> {
    /// Dropped when it has ended; leaked if it never does.
    fiber: UnsafeCell<ManuallyDrop<Fiber>>,
    /// The value that it is gone on with, until it takes it.
    pub(super) inbox: Cell<Option<In>>,
    /// The value that it has suspended itself with.
    pub(super) outbox: Cell<Option<Out>>,
    pub(super) link: Link,
    /// Whom it wants to run in its place.
    pub(super) next: Cell<Option<Handle<Out, R>>>,
    /// The result, until somebody takes it.
    pub(super) result: Cell<Option<R>>,
}

/// Unwinds a coroutine that nobody has a handle of any more.
struct Kill;

impl<In: 'static, Out: 'static, R: 'static> Core<In, Out, R> {
    pub(super) fn create<F>(stack: Stack, f: F) -> Rc<Core<In, Out, R>>
    where
        F: FnOnce(&Suspender<'_, In, Out, R>, In) -> R + 'static,
    {
        let core = Rc::new_cyclic(|core| {
            let link = Link::new(&stack);
            let core: Weak<Core<In, Out, R>> = Weak::clone(core);
            // Asked for here: each answer begins with a look whether there is something at all.
            let at = core.as_ptr();
            let main = move |yielder: &_, ()| {
                // SAFETY: `resume` has the core borrowed for as long as anything runs on its stack.
                let this = unsafe { &*at };
                this.link.started(yielder);
                // Everything that unwinds ends here, so that `resume` never does.
                let ended = catch_unwind(AssertUnwindSafe(|| {
                    if let Some(payload) = this.link.take_thrown() {
                        // Before the unwinding, during which it must not panic.
                        drop(f);
                        super::pass_on(payload);
                    }
                    let value = this.receive();
                    f(&Suspender::new(this, &core), value)
                }));
                match ended {
                    Ok(result) => {
                        this.result.set(Some(result));
                        Signal::Ended
                    }
                    Err(payload) => {
                        this.link.set_thrown(payload);
                        Signal::Panicked
                    }
                }
            };
            Core {
                link,
                inbox: Cell::new(None),
                outbox: Cell::new(None),
                next: Cell::new(None),
                result: Cell::new(None),
                fiber: UnsafeCell::new(ManuallyDrop::new(Fiber::with_stack(stack, main))),
            }
        });
        core.link.settle();
        core
    }
}

impl<In, Out, R> Core<In, Out, R> {
    /// Goes on with the coroutine until it suspends itself or ends. What it is to get is in its
    /// inbox, or in `Link::thrown`.
    ///
    /// # Safety
    /// It must be [resumable](Link::can_be_resumed).
    #[inline(always)]
    pub(super) unsafe fn resume(&self) -> Signal {
        // SAFETY: `fiber` is borrowed by nobody else: only this function and `end` do that, for one
        // that is not running, and `enter` says that it is now. It was not dropped, since the
        // coroutine has not ended. `self` is borrowed, so that the link stays where it is. The
        // fiber does not unwind out of `resume`, since `main` catches everything.
        let result = unsafe {
            self.link.enter();
            let result = (*self.fiber.get()).resume(());
            self.link.leave();
            result
        };
        match result {
            CoroutineResult::Yield(signal) => signal,
            CoroutineResult::Return(signal) => {
                self.end();
                signal
            }
        }
    }

    /// Gives the stack back. The function has just ended.
    #[inline(never)]
    fn end(&self) {
        self.link.ended();
        // SAFETY: dropped once, because that state has no way out; nobody has it borrowed, as the
        // function has ended and nobody resumes it from now on.
        unsafe { ManuallyDrop::drop(&mut *self.fiber.get()) };
    }

    /// Suspends the coroutine, on whose stack this is called, until it is given a value.
    ///
    /// # Safety
    /// The caller must run on its stack.
    #[inline(always)]
    pub(super) unsafe fn pause(&self, signal: Signal) -> In {
        // SAFETY: by contract.
        unsafe { self.link.pause(signal) };
        self.receive()
    }

    /// What the coroutine is gone on with.
    #[inline(always)]
    fn receive(&self) -> In {
        self.link.unwind_if_thrown();
        self.inbox.take().expect("whoever goes on with a coroutine has filled its inbox")
    }

    /// Called when the last handle goes: ends the coroutine, so that what is on its stack is
    /// dropped.
    #[inline]
    pub(super) fn finish(&self) {
        if self.link.can_be_resumed() {
            self.kill();
        }
    }

    #[cold]
    fn kill(&self) {
        let panics = std::thread::panicking() && !KILLING.get();
        if self.link.state() == State::Suspended && (panics || stack::thread_is_ending()) {
            return;
        }
        let outer = KILLING.replace(true);
        self.unwind();
        KILLING.set(outer);
    }

    fn unwind(&self) {
        for _ in 0..KILLS_MAX {
            // What is dropped below may be anything, even something that has switched here.
            if !self.link.can_be_resumed() {
                return;
            }
            self.link.set_thrown(Box::new(Kill));
            // SAFETY: just looked.
            match unsafe { self.resume() } {
                // Its result is nobody's, and a panic has been reported by the hook.
                Signal::Ended | Signal::Panicked => return,
                // A destructor suspends during the unwinding; to unwind it again would abort.
                _ if std::thread::panicking() => return,
                // It has caught the unwinding and wants something; nobody is there to do it.
                Signal::Suspended => drop(self.outbox.take()),
                Signal::Transfer => drop(self.next.take()),
                Signal::Leave => {}
            }
        }
    }
}

/// A coroutine of which only the types that come out are known.
pub(super) trait Target<Out, R> {
    /// Goes on with the value in its inbox.
    ///
    /// # Safety
    /// It must be resumable.
    ///
    /// # Panics
    /// If its inbox is empty.
    unsafe fn resume_with_inbox(&self) -> Signal;

    /// What comes out of it, if that is for the parent.
    fn came_out(&self, signal: Signal) -> Option<Switched<Out, R>>;

    /// Whom it wants to run in its place.
    fn take_next(&self) -> Option<Handle<Out, R>>;

    fn link(&self) -> &Link;

    fn finish(&self);
}

impl<In, Out, R> Target<Out, R> for Core<In, Out, R> {
    unsafe fn resume_with_inbox(&self) -> Signal {
        let value = self.inbox.take();
        assert!(value.is_some(), "the value of a switch was taken by a destructor in between");
        self.inbox.set(value);
        // SAFETY: by contract.
        unsafe { self.resume() }
    }

    #[inline(always)]
    fn came_out(&self, signal: Signal) -> Option<Switched<Out, R>> {
        match signal {
            Signal::Suspended => self.outbox.take().map(Switched::Suspended),
            Signal::Ended => self.result.take().map(Switched::Ended),
            _ => None,
        }
    }

    fn take_next(&self) -> Option<Handle<Out, R>> {
        self.next.take()
    }

    fn link(&self) -> &Link {
        &self.link
    }

    fn finish(&self) {
        Core::finish(self);
    }
}

/// A handle of such a coroutine.
pub(super) struct Handle<Out, R>(pub(super) Rc<dyn Target<Out, R>>);

impl<Out, R> Drop for Handle<Out, R> {
    fn drop(&mut self) {
        if Rc::strong_count(&self.0) == 1 {
            self.0.finish();
        }
    }
}
