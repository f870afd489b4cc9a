//! Running coroutines from outside: what `switch` does until control comes back to it.
//!
//! A coroutine that switches to another one suspends itself and names the other, and the driver
//! goes on with that. So however often coroutines switch to each other, there is one of them on top
//! of the driver, and no stack grows.

use super::core::{Core, Handle, Target};
use super::link::{Link, Signal};
use super::{Switched, pass_on};

impl<In, Out, R> Core<In, Out, R> {
    /// Goes on with this coroutine, giving it `value`, and with those that take its place, until
    /// something comes out for the parent.
    ///
    /// # Safety
    /// It must be [resumable](Link::can_be_resumed).
    #[inline(always)]
    pub(super) unsafe fn drive(&self, value: In) -> Switched<Out, R> {
        // SAFETY: by contract; it has left with that signal.
        unsafe {
            let signal = self.resume_with(value);
            self.follow(signal)
        }
    }

    /// Likewise, raising what is thrown.
    ///
    /// # Safety
    /// It must be [resumable](Link::can_be_resumed), and something must have just been thrown.
    pub(super) unsafe fn drive_thrown(&self) -> Switched<Out, R> {
        // SAFETY: by contract; it has left with that signal.
        unsafe {
            let signal = self.resume();
            self.follow(signal)
        }
    }

    /// # Safety
    /// It must have just left with this signal.
    #[inline(always)]
    unsafe fn follow(&self, signal: Signal) -> Switched<Out, R> {
        // SAFETY: by contract.
        match unsafe { self.came_out(signal) } {
            Some(switched) => switched,
            // SAFETY: by contract; it has left nothing for the parent.
            None => unsafe { follow(self, signal) },
        }
    }
}

/// Does what `first` wants, which has left with `signal`.
///
/// # Safety
/// It must have just left with this signal, which must not be [`Signal::Suspended`].
#[cold]
unsafe fn follow<Out, R>(first: &dyn Target<Out, R>, mut signal: Signal) -> Switched<Out, R> {
    // The one on top, unless that is the one that `switch` was called for; kept while it runs.
    let mut on_top: Option<Handle<Out, R>> = None;
    loop {
        let left = on_top.as_ref().map_or(first, |handle| &*handle.0);
        match signal {
            Signal::Suspended | Signal::Ended => {
                // SAFETY: it has just left with this signal.
                let switched = unsafe { left.came_out(signal) };
                return switched.expect("what it left for the parent is there");
            }
            Signal::Panicked => {
                let payload = left.link().take_thrown();
                drop(on_top);
                pass_on(payload.expect("what it has ended with is there"))
            }
            Signal::Transfer => {
                let next = left.take_next().expect("the one that it wants to run is there");
                // If the one that has left has no other handle, it is unwound here, and its
                // destructors may have switched to `next`.
                let next = on_top.insert(next);
                if let Err(error) = next.0.link().check(()) {
                    panic!("{}", error.with_link(next.0.link()));
                }
                // SAFETY: just looked.
                signal = unsafe { next.0.resume_with_mail() };
            }
            Signal::Leave => {
                leave_for(left.link().target.get());
                return Switched::Back;
            }
        }
    }
}

/// Goes on with `target`, which waits further out than the coroutine that has just left, or here.
/// Returns when the coroutine whose stack this is is gone on with; the value is in its mail.
fn leave_for(target: *const Link) {
    let here = Link::current();
    if std::ptr::eq(here, target) {
        return;
    }
    // SAFETY: `target` is further out than the coroutine that has left and is not this one, so there
    // is a coroutine between them, and this runs on its stack. Whoever goes on with it has filled its
    // inbox, unless something is thrown.
    unsafe {
        (*here).check_may_leave();
        (*here).target.set(target);
        (*here).pause(Signal::Leave);
        (*here).unwind_if_thrown();
        (*here).keep();
    }
}
