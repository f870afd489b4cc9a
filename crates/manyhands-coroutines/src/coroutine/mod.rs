//! The bare coroutine: a function that can be left in the middle and gone on with, values passing
//! both ways. It is Python's `greenlet`. Nobody schedules it; it runs when somebody switches to it.
//!
//! For work that waits (networking, timers, many jobs at a time) a hub's coroutines are what is
//! wanted: see [`spawn_local`](crate::spawn_local).

use std::any::Any;
use std::fmt;
use std::panic::resume_unwind;
use std::rc::Rc;
use std::sync::Arc;

mod builder;
mod core;
mod drive;
mod error;
mod link;
mod suspender;

pub use builder::CoroutineBuilder;
pub use error::SwitchError;
pub use suspender::Suspender;

use self::core::{Core, Handle};
use self::link::State;
use crate::stack::StackError;

/// A function on a stack of its own, which whoever has this handle can switch to.
///
/// It takes values of type `In`, gives values of type `Out` each time it suspends itself, and a
/// result of type `R` when it ends. The handle can be cloned; clones are the same coroutine.
///
/// ```
/// use manyhands_coroutines::{Coroutine, Switched};
///
/// // A running average: numbers in, averages out.
/// let average = Coroutine::new(|me, first: f64| {
///     let (mut sum, mut count) = (first, 1.0);
///     loop {
///         let next = me.suspend(sum / count);
///         if next < 0.0 {
///             break count; // the result
///         }
///         (sum, count) = (sum + next, count + 1.0);
///     }
/// });
/// assert_eq!(average.switch(10.0), Switched::Suspended(10.0));
/// assert_eq!(average.switch(20.0), Switched::Suspended(15.0));
/// assert_eq!(average.switch(-1.0), Switched::Ended(2.0));
/// assert!(average.is_dead());
/// ```
///
/// # Iterating
/// A coroutine that takes nothing is an iterator over what it gives:
///
/// ```
/// use manyhands_coroutines::Coroutine;
///
/// let mut squares = Coroutine::new(|me, ()| {
///     for n in 1..=3 {
///         me.suspend(n * n);
///     }
///     "no more"
/// });
/// assert_eq!(squares.by_ref().collect::<Vec<_>>(), [1, 4, 9]);
/// assert_eq!(squares.take_result(), Some("no more"));
/// ```
///
/// # Switching between coroutines
/// A coroutine can also switch to another ([`Suspender::switch_to`]), which then runs in its place.
/// What comes out first, by suspending or by ending, goes to whoever called `switch` from outside:
/// the parent.
///
/// # Panics, and the end
/// A panic of the function comes out of the `switch` that was waiting, and the coroutine is dead.
/// When the last handle of a suspended coroutine is dropped, its function is unwound, so that
/// destructors run. It is leaked instead, stack and all, if the thread panics just then or is
/// ending, if a destructor suspends while it is unwound (the thread then counts as panicking from
/// there on), and if the function catches the unwinding and suspends again many times over.
///
/// # Waiting
/// Waits of manyhands inside a bare coroutine hold up whoever switched to it, as in a function that
/// was called: they park the thread, or suspend the hub's coroutine. Deadlines and cancellation
/// around the `switch` do not reach inside, and those opened inside do not reach out, because a
/// coroutine may be gone on with from elsewhere.
///
/// # Threads
/// It stays on its thread:
///
/// ```compile_fail,E0277
/// fn assert_send<T: Send>() {}
/// assert_send::<manyhands_coroutines::Coroutine>();
/// ```
/// ```compile_fail,E0277
/// fn assert_sync<T: Sync>() {}
/// assert_sync::<manyhands_coroutines::Coroutine>();
/// ```
#[doc(alias = "greenlet")]
#[doc(alias = "generator")]
pub struct Coroutine<In = (), Out = (), R = ()> {
    core: Rc<Core<In, Out, R>>,
}

/// What a [`switch`](Coroutine::switch) comes back with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switched<Out, R> {
    /// The coroutine has suspended itself, or one that it has switched to has, with this value.
    Suspended(Out),
    /// It has ended, or one that it has switched to has, with this result.
    Ended(R),
    /// Somebody has switched to the calling coroutine itself, which was waiting here. The value is
    /// with [`Suspender::received`]. Does not happen outside of coroutines.
    Back,
}

impl<Out, R> Switched<Out, R> {
    /// The value, if it is one of a coroutine that has suspended itself.
    pub fn suspended(self) -> Option<Out> {
        match self {
            Switched::Suspended(value) => Some(value),
            _ => None,
        }
    }

    /// The result, if it is one of a coroutine that has ended.
    pub fn ended(self) -> Option<R> {
        match self {
            Switched::Ended(result) => Some(result),
            _ => None,
        }
    }
}

impl Coroutine {
    /// To set name and stack size before it is made.
    pub fn builder() -> CoroutineBuilder {
        CoroutineBuilder::default()
    }
}

impl<In: 'static, Out: 'static, R: 'static> Coroutine<In, Out, R> {
    /// A coroutine that will run `f`, on a stack of 256 KiB. It starts with the first
    /// [`switch`](Coroutine::switch), whose value `f` gets.
    ///
    /// # Panics
    /// If there is no memory for its stack. [`CoroutineBuilder::build`] returns the error.
    pub fn new(
        f: impl FnOnce(&Suspender<'_, In, Out, R>, In) -> R + 'static,
    ) -> Coroutine<In, Out, R> {
        let made: Result<_, StackError> = CoroutineBuilder::default().build(f);
        made.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Goes on with the coroutine, giving it `value`, until it suspends itself or ends.
    ///
    /// # Panics
    /// With the panic of the coroutine, if it panics. If it is dead, or runs already (it calls this
    /// itself, or waits further out for something that does).
    #[inline(always)]
    pub fn switch(&self, value: In) -> Switched<Out, R> {
        if !self.core.link.can_be_resumed() {
            self.refuse(value);
        }
        // SAFETY: just looked.
        unsafe { self.core.drive(value) }
    }

    /// Like [`switch`](Coroutine::switch), but gives the value back if it cannot be delivered.
    ///
    /// # Errors
    /// [`SwitchError`] if the coroutine is dead or runs already.
    ///
    /// # Panics
    /// With the panic of the coroutine, if it panics.
    pub fn try_switch(&self, value: In) -> Result<Switched<Out, R>, SwitchError<In>> {
        self.core.link.check(value).map(|value| self.switch(value))
    }

    /// Raises `payload` in the coroutine, at the place where it is suspended: it unwinds from there
    /// as if it had panicked, without the panic hook. If the function catches it, the coroutine goes
    /// on; else the payload comes out of this call. One that has not started ends at once.
    ///
    /// # Panics
    /// With `payload`, if the function does not catch it, or with another panic of the function. If
    /// it is dead or runs already.
    pub fn throw(&self, payload: Box<dyn Any + Send>) -> Switched<Out, R> {
        if let Err(error) = self.core.link.check(()) {
            panic!("{}", error.with_link(&self.core.link));
        }
        self.core.link.set_thrown(payload);
        // SAFETY: just looked; there was nothing to drop, since what is thrown is taken at once.
        unsafe { self.core.drive_thrown() }
    }

    /// Another handle, with only the types known that come out.
    fn as_target(&self) -> Handle<Out, R> {
        Handle(Rc::clone(&self.core) as _)
    }

    #[cold]
    fn refuse(&self, value: In) -> ! {
        match self.core.link.check(value) {
            Err(error) => panic!("{}", error.with_link(&self.core.link)),
            Ok(_) => unreachable!("it can be resumed after all"),
        }
    }
}

impl<In, Out, R> Coroutine<In, Out, R> {
    /// Whether it has ended: by returning, by a panic, or because it was unwound.
    #[inline]
    pub fn is_dead(&self) -> bool {
        self.core.link.state() == State::Ended
    }

    /// Whether it has been switched to and not ended since.
    pub fn is_started(&self) -> bool {
        matches!(self.core.link.state(), State::Suspended | State::Running)
    }

    /// Whether it runs, or waits further out for one that does.
    pub fn is_running(&self) -> bool {
        self.core.link.state() == State::Running
    }

    /// Its number, one of all coroutines of this kind in the process.
    pub fn id(&self) -> u64 {
        self.core.link.running.id()
    }

    /// Its name, if it has one.
    pub fn name(&self) -> Option<Arc<str>> {
        self.core.link.running.name()
    }

    /// The result, if the coroutine has ended while it was iterated over. A `switch` returns it.
    pub fn take_result(&self) -> Option<R> {
        self.core.result.take()
    }
}

/// What the coroutine gives, until it ends; its result is kept for
/// [`take_result`](Coroutine::take_result).
impl<Out: 'static, R: 'static> Iterator for Coroutine<(), Out, R> {
    type Item = Out;

    /// # Panics
    /// With the panic of the coroutine. If it is called in a coroutine that somebody switches to
    /// meanwhile: use [`switch`](Coroutine::switch) there.
    fn next(&mut self) -> Option<Out> {
        if self.is_dead() {
            return None;
        }
        match self.switch(()) {
            Switched::Suspended(value) => Some(value),
            Switched::Ended(result) => {
                self.core.result.set(Some(result));
                None
            }
            Switched::Back => panic!(
                "somebody switched to this coroutine while it was waiting for the next value of \
                 another one"
            ),
        }
    }
}

impl<Out: 'static, R: 'static> std::iter::FusedIterator for Coroutine<(), Out, R> {}

impl<In, Out, R> Clone for Coroutine<In, Out, R> {
    fn clone(&self) -> Self {
        Coroutine { core: Rc::clone(&self.core) }
    }
}

impl<In, Out, R> Drop for Coroutine<In, Out, R> {
    #[inline]
    fn drop(&mut self) {
        if Rc::strong_count(&self.core) == 1 {
            self.core.finish();
        }
    }
}

impl<In, Out, R> fmt::Debug for Coroutine<In, Out, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Coroutine")
            .field("id", &self.id())
            .field("name", &self.name())
            .field("state", &self.core.link.state())
            .finish()
    }
}

/// Goes on unwinding with what a coroutine has ended with.
#[cold]
fn pass_on(payload: Box<dyn Any + Send>) -> ! {
    resume_unwind(payload)
}
