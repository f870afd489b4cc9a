//! Which parker is in force on this thread: one set for a stretch of code, else one installed for
//! the thread, else the thread's own.
//!
//! A parker that is set belongs to the stack that has set it: that of the thread, of a context that a
//! scheduler runs, or of a coroutine that is switched by hand inside one of these. Each has a pointer
//! of its own to its innermost one, and that is in force only while the stack runs.

use std::cell::{Cell, RefCell};
use std::ptr::NonNull;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;
use std::time::Instant;

use super::{GiveWay, Parker, ThreadParker};
use crate::ambient::{begin_wait, innermost_parker, with_ambient};
use crate::identity::as_host;
use crate::primitive::{lazy_local, local};

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

local! {
    static INSTALLED: RefCell<Option<Rc<dyn Parker>>> = RefCell::new(None);
}

/// The innermost parker that is set here: on this stack, or on one around it.
fn innermost() -> Option<NonNull<dyn Parker>> {
    // SAFETY: `with_parker` put the pointer there and takes it out before the parker on its stack is
    // gone; and it is in force only while that stack runs, or one that it waits for.
    unsafe { innermost_parker().as_ref() }.map(|scoped| scoped.0)
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
            with_ambient(|ambient| ambient.parker().set(self.0));
        }
    }
    // SAFETY: only the lifetime changes. The pointer is read by `with_current` on this thread
    // alone, and `Restore` takes it out again before `parker`'s borrow can end, on return and on
    // unwinding alike. While this stack is suspended it is not in force: whoever switches stacks
    // puts what is in force on the other one in its place.
    let erased = unsafe {
        std::mem::transmute::<NonNull<dyn Parker + '_>, NonNull<dyn Parker>>(NonNull::from(parker))
    };
    let scoped = Scoped(erased);
    let before = with_ambient(|ambient| ambient.parker().replace(&raw const scoped));
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

/// Lets the other contexts of this scheduler that are ready run once before the caller goes on; false
/// if there are none, or if this is no context of a scheduler. Ends for sure, so it is no wait.
///
/// For primitives, before they begin a wait that another context may be about to end: to switch there
/// and back costs a tenth of a wait that has to be made known, woken and taken back.
// Inlined into whoever waits: a return from what has left the stack is never foreseen.
#[inline(always)]
pub fn give_way() -> bool {
    let Some(parker) = innermost() else { return false };
    // What unwinds must not let others run that would think that they do.
    if std::thread::panicking() {
        return false;
    }
    let _stays = begin_wait();
    // SAFETY: as in `with_current`.
    match unsafe { parker.as_ref() }.give_way() {
        GiveWay::Nobody => return false,
        GiveWay::Done => {}
        GiveWay::Leave(leave) => leave.go(),
    }
    true
}

/// How the parker in force waits.
pub(crate) struct Ways<'a> {
    /// Sleeps until woken, until the given instant has come, or spuriously.
    pub(crate) park: &'a dyn Fn(Option<Instant>),
    /// Waits for as long as that costs less than to sleep. True if it was woken meanwhile.
    pub(crate) spin: &'a dyn Fn() -> bool,
    /// Whether parking stops the whole context and nothing else.
    pub(crate) stops_context: bool,
}

/// Calls `f` with the waker of the parker in force, and how it waits.
pub(crate) fn with_current<R>(f: impl FnOnce(&Waker, Ways<'_>) -> R) -> R {
    let _stays = begin_wait();
    if let Some(parker) = innermost() {
        // SAFETY: `with_parker` put it there and its borrow lasts until it takes it out; we are
        // inside its `f`, on its thread. We stay there: on the stack that has set it, or on one that
        // is not left before we return, see `begin_wait`.
        let parker = unsafe { parker.as_ref() };
        if parker.is_available() {
            return with_scheduler(parker, f);
        }
    }
    let installed =
        INSTALLED.try_with(|installed| installed.borrow().as_ref().map(Rc::clone)).ok().flatten();
    if let Some(parker) = installed.filter(|parker| parker.is_available()) {
        return with_scheduler(&*parker, f);
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

/// Others run in its parks, also if that is for a moment only.
fn with_scheduler<R>(parker: &dyn Parker, f: impl FnOnce(&Waker, Ways<'_>) -> R) -> R {
    let park = |until| as_host(|| parker.park(until));
    let stops_context = parker.stops_context();
    f(&parker.waker(), Ways { park: &park, spin: &|| false, stops_context })
}

impl ThreadOwn {
    fn new() -> ThreadOwn {
        let parker = Arc::new(ThreadParker::new());
        let waker = waker_of(&parker);
        ThreadOwn { parker, waker }
    }

    fn call<R>(&self, f: impl FnOnce(&Waker, Ways<'_>) -> R) -> R {
        let has_spun = Cell::new(false);
        let spin = || {
            let is_woken = self.parker.spin();
            has_spun.set(!is_woken);
            is_woken
        };
        let park = |until| match has_spun.take() {
            true => self.parker.park_at_once(until),
            false => self.parker.park(until),
        };
        f(&self.waker, Ways { park: &park, spin: &spin, stops_context: true })
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
