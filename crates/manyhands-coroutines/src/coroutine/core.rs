//! What all handles of a coroutine share: the stack, the state, the values on their way, and how to
//! go on with it.
//!
//! `README.md` beside this file has the states and the invariants.

use std::any::Any;
use std::cell::{Cell, UnsafeCell};
use std::mem::{ManuallyDrop, MaybeUninit};
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
    /// The value that it is gone on with: filled just before, emptied as soon as it runs. Who has
    /// raised something instead has not filled it.
    inbox: UnsafeCell<MaybeUninit<In>>,
    /// The value that it has suspended itself with: filled just before, emptied by who gets the
    /// signal.
    outbox: UnsafeCell<MaybeUninit<Out>>,
    pub(super) link: Link,
    /// A value that somebody sends it who does not go on with it at once.
    pub(super) mail: Cell<Option<In>>,
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
                    // SAFETY: whoever has gone on with it, for the first time, has filled the inbox.
                    let value = unsafe { this.receive() };
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
                inbox: UnsafeCell::new(MaybeUninit::uninit()),
                outbox: UnsafeCell::new(MaybeUninit::uninit()),
                mail: Cell::new(None),
                next: Cell::new(None),
                result: Cell::new(None),
                fiber: UnsafeCell::new(ManuallyDrop::new(Fiber::with_stack(stack, main))),
            }
        });
        // SAFETY: the pointer is to a core of this type, on the stack of whose coroutine the link
        // calls this, with a value in the inbox.
        let keep = |core: *const ()| unsafe {
            let core = &*core.cast::<Core<In, Out, R>>();
            core.mail.set(Some(core.receive()));
        };
        core.link.settle(Rc::as_ptr(&core).cast(), keep);
        core
    }
}

impl<In, Out, R> Core<In, Out, R> {
    /// Goes on with the coroutine until it suspends itself or ends.
    ///
    /// # Safety
    /// It must be [resumable](Link::can_be_resumed), and what it is to get must have been put into
    /// its inbox just before, or else into `Link::thrown`.
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

    /// Goes on with the coroutine, giving it `value`.
    ///
    /// # Safety
    /// It must be [resumable](Link::can_be_resumed).
    #[inline(always)]
    pub(super) unsafe fn resume_with(&self, value: In) -> Signal {
        // SAFETY: resumable by contract. Nobody has a reference to what is in the inbox, and it is
        // empty: who has filled it before went on with the coroutine, which has emptied it at once.
        unsafe {
            (*self.inbox.get()).write(value);
            self.resume()
        }
    }

    /// Suspends the coroutine, on whose stack this is called, until it is given a value.
    ///
    /// # Safety
    /// The caller must run on its stack, and have looked whether it may leave it. For
    /// [`Signal::Suspended`] the outbox must be filled.
    #[inline(always)]
    pub(super) unsafe fn pause(&self, signal: Signal) -> In {
        // SAFETY: by contract; whoever goes on with it has filled the inbox if nothing is thrown.
        unsafe {
            self.link.pause(signal);
            self.link.unwind_if_thrown();
            self.receive()
        }
    }

    /// Suspends the coroutine with `value` for the parent.
    ///
    /// # Safety
    /// The caller must run on its stack.
    ///
    /// # Panics
    /// In the middle of a wait; with what is thrown.
    #[inline(always)]
    pub(super) unsafe fn pause_with(&self, value: Out) -> In {
        self.link.check_may_leave();
        // SAFETY: by contract. Nobody has a reference to what is in the outbox, and it is empty: who
        // gets the signal empties it, before anybody can go on with the coroutine.
        unsafe {
            (*self.outbox.get()).write(value);
            self.pause(Signal::Suspended)
        }
    }

    /// What the coroutine is gone on with.
    ///
    /// # Safety
    /// The inbox must be filled. It is empty then.
    #[inline(always)]
    unsafe fn receive(&self) -> In {
        // SAFETY: filled by contract, and read once.
        unsafe { (*self.inbox.get()).assume_init_read() }
    }

    /// The value for the parent.
    ///
    /// # Safety
    /// It must have left with [`Signal::Suspended`], and not been asked for this since.
    #[inline(always)]
    unsafe fn take_from_outbox(&self) -> Out {
        // SAFETY: filled before that signal, and read once.
        unsafe { (*self.outbox.get()).assume_init_read() }
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
        struct Restore(bool);
        impl Drop for Restore {
            fn drop(&mut self) {
                KILLING.set(self.0);
            }
        }
        // Also if a value that it gives away meanwhile panics when it is dropped.
        let _restore = Restore(KILLING.replace(true));
        self.unwind();
    }

    fn unwind(&self) {
        for _ in 0..KILLS_MAX {
            // What is dropped below may be anything, even something that has switched here.
            if !self.link.can_be_resumed() {
                return;
            }
            self.link.set_thrown(Box::new(Kill));
            // SAFETY: just looked; something is thrown.
            match unsafe { self.resume() } {
                // Its result is nobody's, and a panic has been reported by the hook.
                Signal::Ended | Signal::Panicked => return,
                // It has caught the unwinding, or a destructor does this, and wants something; nobody
                // is there to do it.
                // SAFETY: it has just left with this signal.
                Signal::Suspended => drop(unsafe { self.take_from_outbox() }),
                Signal::Transfer => drop(self.next.take()),
                Signal::Leave => {}
            }
            // It has left in the middle of the unwinding; to unwind it again would abort.
            if std::thread::panicking() {
                return;
            }
        }
    }
}

/// A coroutine of which only the types that come out are known.
pub(super) trait Target<Out, R> {
    /// Goes on with the value in its mail.
    ///
    /// # Safety
    /// It must be resumable.
    ///
    /// # Panics
    /// If there is none.
    unsafe fn resume_with_mail(&self) -> Signal;

    /// What comes out of it, if that is for the parent.
    ///
    /// # Safety
    /// It must have just left with this signal, and not been asked since.
    unsafe fn came_out(&self, signal: Signal) -> Option<Switched<Out, R>>;

    /// Whom it wants to run in its place.
    fn take_next(&self) -> Option<Handle<Out, R>>;

    fn link(&self) -> &Link;

    fn finish(&self);
}

impl<In, Out, R> Target<Out, R> for Core<In, Out, R> {
    unsafe fn resume_with_mail(&self) -> Signal {
        let Some(value) = self.mail.take() else {
            panic!("the value of a switch was taken by a destructor in between")
        };
        // SAFETY: by contract.
        unsafe { self.resume_with(value) }
    }

    #[inline(always)]
    unsafe fn came_out(&self, signal: Signal) -> Option<Switched<Out, R>> {
        match signal {
            // SAFETY: by contract.
            Signal::Suspended => Some(Switched::Suspended(unsafe { self.take_from_outbox() })),
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
