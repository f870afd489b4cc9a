//! Which parker is in force on this thread: one set for a stretch of code, else one installed for
//! the thread, else the thread's own.
//!
//! A parker that is set belongs to the stack that has set it: that of the thread, of a context that a
//! scheduler runs, or of a coroutine that is switched by hand inside one of these. Each has a pointer
//! of its own to its innermost one, and that is in force only while the stack runs.

use std::cell::{Cell, RefCell};
use std::ptr::{self, NonNull};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;
use std::time::Instant;

use super::{Parker, ThreadParker};
use crate::primitive::{lazy_local, local};
use crate::scheduled::scheduled_parkers;

/// The built-in parker of a thread together with its waker, made once per thread.
struct ThreadOwn {
    parker: Arc<ThreadParker>,
    waker: Waker,
}

lazy_local! {
    static OWN: ThreadOwn = ThreadOwn::new();
}

/// A parker that is set, kept on the stack of whoever set it, so that a pointer to it is one word.
pub(crate) struct Scoped(NonNull<dyn Parker>);

/// Stands for "none" on the stack of a coroutine that is switched by hand. It is never read.
const NONE_BY_HAND: *const Scoped = ptr::without_provenance(align_of::<Scoped>());

/// The innermost parkers of a thread, or of a context that a scheduler runs on one.
pub(crate) struct Parkers {
    /// Set on its own stack; null if none is.
    own: Cell<*const Scoped>,
    /// Set on the stack of the coroutine that is switched by hand inside it and runs now; null if
    /// none runs.
    by_hand: Cell<*const Scoped>,
}

impl Parkers {
    pub(crate) const fn new() -> Parkers {
        Parkers { own: Cell::new(ptr::null()), by_hand: Cell::new(ptr::null()) }
    }

    /// Where a parker is noted that is set on the stack that runs.
    fn of_stack(&self) -> &Cell<*const Scoped> {
        if self.by_hand.get().is_null() { &self.own } else { &self.by_hand }
    }

    fn innermost(&self) -> Option<NonNull<dyn Parker>> {
        let by_hand = self.by_hand.get();
        let scoped =
            if by_hand == NONE_BY_HAND || by_hand.is_null() { self.own.get() } else { by_hand };
        // SAFETY: `with_parker` put the pointer there and takes it out before the parker on its stack
        // is gone; and it is in force only while that stack runs, or one that it waits for.
        unsafe { scoped.as_ref() }.map(|scoped| scoped.0)
    }
}

/// The parkers that are set on the stack of a coroutine that is switched by hand: taken out when it
/// is left, put back when it goes on. It sees those of the thread or context that switches to it, and
/// none that are set on the stacks of other such coroutines.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ByHand(*const Scoped);

impl ByHand {
    /// Of one that has not started.
    pub(crate) const fn empty() -> ByHand {
        ByHand(NONE_BY_HAND)
    }

    /// Puts `self` in force in `parkers` and returns what was.
    ///
    /// # Safety
    /// The stack on which those of `self` are set must run next, and be left with another swap.
    #[inline]
    pub(crate) unsafe fn swap(self, parkers: &Parkers) -> ByHand {
        ByHand(parkers.by_hand.replace(self.0))
    }
}

local! {
    static OF_THREAD: Parkers = Parkers::new();
    static INSTALLED: RefCell<Option<Rc<dyn Parker>>> = RefCell::new(None);
}

/// Calls `f` with the innermost parkers of the thread or context that runs here.
fn with_parkers<R>(f: impl FnOnce(&Parkers) -> R) -> R {
    match scheduled_parkers() {
        Some(parkers) => f(parkers),
        None => with_thread_parkers(f),
    }
}

/// Calls `f` with the innermost parkers of the thread itself.
#[inline]
pub(crate) fn with_thread_parkers<R>(f: impl FnOnce(&Parkers) -> R) -> R {
    OF_THREAD.with(f)
}

/// The innermost parker that is set here: in the context that runs, else around its scheduler.
fn innermost() -> Option<NonNull<dyn Parker>> {
    let in_context = scheduled_parkers().and_then(Parkers::innermost);
    in_context.or_else(|| with_thread_parkers(Parkers::innermost))
}

/// Runs `f` with `parker` in force: every wait inside parks through it. Nests; ends also when `f`
/// unwinds. For schedulers that run contexts of their own on this thread.
///
/// It is in force for the code of this stack: not for other coroutines that run while `f` is
/// suspended, nor for those that `f` switches to by hand.
pub fn with_parker<R>(parker: &dyn Parker, f: impl FnOnce() -> R) -> R {
    struct Restore(*const Scoped);
    impl Drop for Restore {
        fn drop(&mut self) {
            with_parkers(|parkers| parkers.of_stack().set(self.0));
        }
    }
    // SAFETY: only the lifetime changes. The pointer is read by `with_current` on this thread
    // alone, and `Restore` takes it out again before `parker`'s borrow can end, on return and on
    // unwinding alike. While this stack is suspended it is not in force: whoever switches stacks
    // swaps the context or what is set by hand.
    let erased = unsafe {
        std::mem::transmute::<NonNull<dyn Parker + '_>, NonNull<dyn Parker>>(NonNull::from(parker))
    };
    let scoped = Scoped(erased);
    let before = with_parkers(|parkers| parkers.of_stack().replace(&raw const scoped));
    let _restore = Restore(before);
    f()
}

/// Makes `parker` this thread's parker for good, in place of the built-in one; `None` goes back.
/// Returns the one that was installed before.
///
/// Used by a thread that owns an I/O reactor: from then on the reactor is turned while the thread
/// waits for anything at all.
pub fn install_parker(parker: Option<Rc<dyn Parker>>) -> Option<Rc<dyn Parker>> {
    // At thread exit the storage may be gone already; then there is nothing left to replace.
    INSTALLED.try_with(|installed| installed.replace(parker)).ok().flatten()
}

/// Whether a parker other than the thread's built-in one is in force here.
pub fn has_own_parker() -> bool {
    has_scoped_parker()
        || INSTALLED.try_with(|installed| installed.borrow().is_some()).unwrap_or(false)
}

/// Whether a parker of [`with_parker`] is in force here: that of a scheduler which runs this code in
/// a context of its own.
pub fn has_scoped_parker() -> bool {
    innermost().is_some()
}

/// Calls `f` with the waker and the park function of the parker in force.
pub(crate) fn with_current<R>(f: impl FnOnce(&Waker, &dyn Fn(Option<Instant>)) -> R) -> R {
    if let Some(parker) = innermost() {
        // SAFETY: `with_parker` put it there and its borrow lasts until it takes it out; we are
        // inside its `f`, on its thread.
        let parker = unsafe { parker.as_ref() };
        if parker.is_available() {
            return f(&parker.waker(), &|until| parker.park(until));
        }
    }
    let installed =
        INSTALLED.try_with(|installed| installed.borrow().as_ref().map(Rc::clone)).ok().flatten();
    if let Some(parker) = installed.filter(|parker| parker.is_available()) {
        return f(&parker.waker(), &|until| parker.park(until));
    }
    let mut f = Some(f);
    let own = OWN.try_with(|own| f.take().map(|f| own.call(f)));
    match (own, f) {
        (Ok(Some(value)), _) => value,
        // The thread is ending and its storage is gone: a parker for this one wait.
        (_, Some(f)) => ThreadOwn::new().call(f),
        (_, None) => unreachable!("`f` is taken only to be called"),
    }
}

impl ThreadOwn {
    fn new() -> ThreadOwn {
        let parker = Arc::new(ThreadParker::new());
        let waker = waker_of(&parker);
        ThreadOwn { parker, waker }
    }

    fn call<R>(&self, f: impl FnOnce(&Waker, &dyn Fn(Option<Instant>)) -> R) -> R {
        f(&self.waker, &|until| self.parker.park(until))
    }
}

#[cfg(not(manyhands_loom))]
fn waker_of(parker: &Arc<ThreadParker>) -> Waker {
    Waker::from(Arc::clone(parker))
}

/// Models drive [`ThreadParker`] themselves; loom's `Arc` does not make wakers.
#[cfg(manyhands_loom)]
fn waker_of(parker: &Arc<ThreadParker>) -> Waker {
    struct Unpark(Arc<ThreadParker>);
    impl std::task::Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    Waker::from(Arc::new(Unpark(Arc::clone(parker))))
}
