//! A coroutine as its own function sees it.

use std::fmt;
use std::rc::{Rc, Weak};

use super::Coroutine;
use super::core::Core;
use super::link::{Link, Signal};

/// What the function of a [`Coroutine`] gets to leave in the middle.
pub struct Suspender<'a, In, Out, R> {
    core: &'a Core<In, Out, R>,
    own: &'a Weak<Core<In, Out, R>>,
}

impl<'a, In: 'static, Out: 'static, R: 'static> Suspender<'a, In, Out, R> {
    /// For the function that runs on the stack of `core`, and there alone: it does not leave this
    /// stack, because the function gets it by reference and cannot keep it.
    pub(super) fn new(
        core: &'a Core<In, Out, R>,
        own: &'a Weak<Core<In, Out, R>>,
    ) -> Suspender<'a, In, Out, R> {
        Suspender { core, own }
    }

    /// Gives `value` to whoever called [`switch`](Coroutine::switch), the parent, and waits until
    /// somebody switches here again; returns the value of that one.
    ///
    /// # Panics
    /// With the payload of a [`throw`](Coroutine::throw). It unwinds likewise when the last handle
    /// of this coroutine is dropped. And in the middle of a wait: inside a future that this coroutine
    /// [waits](manyhands_wait::wait) for, because the wait could not go on elsewhere.
    #[doc(alias = "yield")]
    #[inline(always)]
    pub fn suspend(&self, value: Out) -> In {
        // SAFETY: as in `pause`.
        unsafe { self.core.pause_with(value) }
    }

    /// Has `to` run in place of this coroutine, giving it `value`, and waits until somebody switches
    /// here again; returns the value of that one.
    ///
    /// `to` may be any coroutine of this thread that is suspended or has not started, and that gives
    /// the parent values of the same types, because whatever comes out of it first goes to the parent
    /// of this one. It may also be one that waits further out, in a `switch` that has led here:
    /// that returns [`Switched::Back`](super::Switched::Back), and those in between stay suspended.
    ///
    /// ```
    /// use std::cell::OnceCell;
    /// use std::rc::Rc;
    /// use manyhands_coroutines::Coroutine;
    ///
    /// let play: Rc<OnceCell<Coroutine<&str>>> = Rc::default();
    /// let eat = Coroutine::new({
    ///     let play = Rc::clone(&play);
    ///     move |me, name: &str| {
    ///         let play = play.get().expect("is set before this starts");
    ///         println!("{name} eat 1");
    ///         me.switch_to(play, name);
    ///         println!("{name} eat 2");
    ///         me.switch_to(play, name);
    ///     }
    /// });
    /// let _ = play.set(Coroutine::new({
    ///     let eat = eat.clone();
    ///     move |me, name: &str| {
    ///         println!("{name} play 1");
    ///         me.switch_to(&eat, name);
    ///         println!("{name} play 2"); // ends: control goes to the parent of both
    ///     }
    /// }));
    /// eat.switch("egon");
    /// assert!(!eat.is_dead()); // still waits after "eat 2"
    /// ```
    ///
    /// # Panics
    /// If `to` is this coroutine, is dead, or runs elsewhere. With the payload of a
    /// [`throw`](Coroutine::throw). In the middle of a wait, as [`suspend`](Self::suspend).
    // Inlined like all that leaves the stack: a return from what has switched is never foreseen.
    #[inline(always)]
    pub fn switch_to<To: 'static>(&self, to: &Coroutine<To, Out, R>, value: To) -> In {
        self.core.link.check_may_leave();
        let target = &to.core.link;
        match target.check(value) {
            Ok(value) => {
                to.core.mail.set(Some(value));
                self.core.next.set(Some(to.as_target()));
                self.pause(Signal::Transfer)
            }
            Err(error) => {
                if !to.is_running() || !Link::is_further_out(target) {
                    panic!("{}", error.with_link(target));
                }
                to.core.mail.set(Some(error.into_value()));
                self.core.link.target.set(target);
                self.pause(Signal::Leave)
            }
        }
    }

    /// The value with which somebody has switched here while this coroutine was waiting in a
    /// `switch` of its own, which has then returned [`Switched::Back`](super::Switched::Back).
    pub fn received(&self) -> Option<In> {
        self.core.mail.take()
    }

    /// A handle of this coroutine. Kept on its own stack, it keeps the coroutine alive for as long as
    /// it is suspended: nobody will unwind it.
    #[doc(alias = "getcurrent")]
    pub fn handle(&self) -> Coroutine<In, Out, R> {
        let core: Option<Rc<_>> = self.own.upgrade();
        Coroutine { core: core.expect("whoever switched here has a handle") }
    }

    /// Not for [`Signal::Suspended`].
    #[inline(always)]
    fn pause(&self, signal: Signal) -> In {
        // SAFETY: a suspender does not leave the stack that it was made on, see `new`: it is neither
        // `Send` nor `'static`, and what is started on other stacks of this thread has to be.
        unsafe { self.core.pause(signal) }
    }
}

impl<In, Out, R> fmt::Debug for Suspender<'_, In, Out, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Suspender").finish_non_exhaustive()
    }
}
