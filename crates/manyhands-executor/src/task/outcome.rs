//! The typed half of a task: its header, the outcome, the callbacks that read it.

use std::collections::VecDeque;
use std::ptr::NonNull;
use std::sync::atomic::AtomicBool;

use manyhands_wait::Layer;

use crate::error::{TaskError, TaskErrorKind};
use crate::options::TaskOptions;
use crate::panic_capture::contain_panic;
use crate::primitive::UnsafeCell;
use crate::task::header::{Access, Header, Substitute, Verdict};

/// What a task ended with.
pub type Outcome<R> = Result<R, TaskError>;

type Callback<R> = Box<dyn FnOnce(&Outcome<R>) + Send>;
type Callbacks<R> = VecDeque<Callback<R>>;

/// Begins with the header, as every cell begins with this.
#[repr(C)]
pub(crate) struct Shared<R> {
    pub(crate) header: Header,
    outcome: UnsafeCell<Option<Outcome<R>>>,
    /// Whether anybody saw the outcome; a failure that nobody sees is reported in the end.
    seen: AtomicBool,
}

// SAFETY: `outcome` is the only part that is not `Sync` by itself. Rules of access, by phase:
// queued, running: only who claimed the task (`Header::claim` gives that to one caller) writes it;
// finished: only that same caller reads it, for callbacks; done: only the holder of the one
// `Task<R>` reads or takes it, through `&Task`, which is `Sync` only if `R` is. The changes of
// phase are releases and acquires of the state word. An outcome that a callback keeps for good is
// left alone from then on, see `tell_without_outcome`. So `R` moves between threads (`Send`), and is
// never shared by this type.
unsafe impl<R: Send> Sync for Shared<R> {}
// SAFETY: as above; ownership of an `R` moves with it.
unsafe impl<R: Send> Send for Shared<R> {}

impl<R> Shared<R> {
    #[inline(always)]
    pub(crate) fn new(options: TaskOptions) -> Shared<R> {
        Shared {
            header: Header::new(options),
            outcome: UnsafeCell::new(None),
            seen: AtomicBool::new(false),
        }
    }

    /// Ends the task. Called once, by whoever claimed it.
    #[inline(always)]
    pub(crate) fn complete(&self, outcome: Outcome<R>)
    where
        R: 'static,
    {
        if self.store(outcome) {
            self.tell();
        }
    }

    /// Ends the task but for its callbacks. `true` if there are any: then [`tell`](Self::tell) has to
    /// follow, and until then the task is not done. Called once, by whoever claimed it.
    pub(crate) fn complete_apart(&self, outcome: Outcome<R>) -> bool
    where
        R: 'static,
    {
        if !self.store(outcome) {
            return false;
        }
        if !self.header.settle_if_none(Callbacks::<R>::is_empty) {
            return true;
        }
        self.header.wake_waiters();
        false
    }

    /// Stores the outcome; `true` if there may be somebody to tell.
    #[inline(always)]
    fn store(&self, outcome: Outcome<R>) -> bool {
        let verdict = match &outcome {
            Ok(_) => Verdict::Value,
            Err(error) if error.is_cancelled() => Verdict::Cancelled,
            Err(_) => Verdict::Failed,
        };
        // SAFETY: the caller claimed the task, so until `finish` nobody else touches the outcome.
        self.outcome.with_mut(|slot| unsafe { *slot = Some(outcome) });
        self.header.finish(verdict).is_err()
    }

    /// Runs callbacks until there are none, and wakes who waits. Called by whoever claimed the task,
    /// which is in the phase "finished".
    #[inline(never)]
    pub(crate) fn tell(&self)
    where
        R: 'static,
    {
        while let Some(callback) = self.header.take_callback_or_settle(Callbacks::<R>::pop_front) {
            self.mark_seen();
            // Whoever waits for the task waits for the callback.
            let held_up = Layer::new().holds_up(&self.header);
            if self.header.is_lent() {
                if let Some(outcome) = self.substitute() {
                    held_up.enter(|| run_callback(callback, outcome));
                }
            } else {
                self.outcome.with(|slot| {
                    // SAFETY: the phase is "finished": only the completer, us, may read it.
                    if let Some(outcome) = unsafe { &*slot } {
                        held_up.enter(|| run_callback(callback, outcome));
                    }
                });
            }
        }
        self.header.wake_waiters();
    }

    /// Goes on with [`tell`](Self::tell) after a callback that will never return. It has borrowed the
    /// outcome, and may have lent it on to other threads: so nobody can take it or drop it. An error is
    /// cloned for those who come; for a value `error` stands, which says why there is none.
    ///
    /// Called by whoever claimed the task, which is in the phase "finished".
    pub(crate) fn tell_without_outcome(&self, error: TaskError)
    where
        R: 'static,
    {
        // SAFETY: the phase is "finished": the completer may read it, and nobody writes.
        let own = self.outcome.with(|slot| match unsafe { &*slot } {
            Some(Err(own)) => Some(own.clone()),
            _ => None,
        });
        let error = own.unwrap_or(error);
        // Like the cell, which the callback has borrowed, it stays for ever.
        let substitute: &'static Outcome<R> = Box::leak(Box::new(Err(error)));
        self.header.lend(Substitute(NonNull::from(substitute).cast()));
        self.tell();
    }

    /// What stands for the outcome, if that is lent for good.
    #[cold]
    fn substitute(&self) -> Option<&Outcome<R>> {
        let Substitute(outcome) = self.header.substitute()?;
        // SAFETY: `tell_without_outcome` has put it there, of this type, and leaked it; nobody writes
        // to it. There is an error in it, which is `Sync`.
        Some(unsafe { outcome.cast::<Outcome<R>>().as_ref() })
    }

    /// Has `callback` called when the task ends; at once, here, if it has.
    ///
    /// Called by the holder of the one `Task<R>`.
    pub(crate) fn on_done(&self, callback: Callback<R>)
    where
        R: 'static,
    {
        let mut callback = Some(callback);
        self.header.add_callback(|list: &mut Callbacks<R>| list.extend(callback.take()));
        if let (Some(callback), Some(outcome)) = (callback, self.get()) {
            run_callback(callback, outcome);
        }
    }

    /// The outcome, if the task is done and the outcome was not taken.
    ///
    /// Called by the holder of the one `Task<R>`; the reference lives as long as their borrow.
    pub(crate) fn get(&self) -> Option<&Outcome<R>> {
        let access = self.header.access();
        if access == Access::NotYet {
            return None;
        }
        self.mark_seen();
        if access == Access::Lent {
            return self.substitute();
        }
        // SAFETY: done, so only the holder of the `Task` reads or takes it, and they lend us
        // `&self` for as long as the reference lives; taking needs `&mut Task`.
        self.outcome.with(|slot| unsafe { (*slot).as_ref() })
    }

    /// Takes the outcome if the task is done. `None` also if it was taken before.
    ///
    /// Called by the holder of the one `Task<R>`, who holds it exclusively.
    #[inline]
    pub(crate) fn take(&self) -> Option<Outcome<R>> {
        let access = self.header.access();
        if access == Access::NotYet {
            return None;
        }
        self.mark_seen();
        if access == Access::Lent {
            return self.substitute().and_then(|outcome| outcome.as_ref().err().cloned()).map(Err);
        }
        // SAFETY: done, and the caller has the `Task` exclusively.
        self.outcome.with_mut(|slot| unsafe { (*slot).take() })
    }

    /// Leaks the value, if there is one: it may not be dropped on this thread.
    pub(crate) fn leak_value(&mut self) {
        self.outcome.with_mut(|slot| {
            // SAFETY: `&mut self`: nobody else is left.
            let slot = unsafe { &mut *slot };
            if let Some(Ok(value)) = slot.take_if(|outcome| outcome.is_ok()) {
                std::mem::forget(value);
            }
        });
    }

    /// Somebody saw the outcome, or nobody will.
    pub(crate) fn mark_seen(&self) {
        self.seen.store(true, std::sync::atomic::Ordering::Relaxed);
    }
}

impl<R> Drop for Shared<R> {
    #[inline]
    fn drop(&mut self) {
        if !*self.seen.get_mut() {
            self.report_unseen();
        }
    }
}

impl<R> Shared<R> {
    /// Reports a failure that nobody saw. Panics were reported by the panic hook when they
    /// happened, and a cancellation was somebody's wish.
    #[cold]
    fn report_unseen(&mut self) {
        self.outcome.with(|slot| {
            // SAFETY: `&mut self`: nobody else is left.
            if let Some(Err(error)) = unsafe { &*slot }
                && !matches!(error.kind(), TaskErrorKind::Panicked | TaskErrorKind::Cancelled)
            {
                eprintln!("manyhands: {} failed, and nobody looked: {error}", self.header.label());
            }
        });
    }
}

/// A panic of a callback is reported by the panic hook; the others still run.
fn run_callback<R>(callback: Callback<R>, outcome: &Outcome<R>) {
    contain_panic(|| callback(outcome));
}
