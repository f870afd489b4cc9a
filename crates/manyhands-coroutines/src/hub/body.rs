//! A coroutine as its hub has it: the seat that wakers know, and the body with the stack.
//!
//! Bodies are used again for the next job, stack and all: a coroutine that has ended its job
//! suspends itself and is resumed with another. That makes a new coroutine as cheap as a switch.

use std::cell::{Cell, RefCell, UnsafeCell};
use std::mem::ManuallyDrop;
use std::ptr::{self, NonNull};
use std::sync::Arc as StdArc;
use std::task::{RawWaker, RawWakerVTable, Waker};

use corosensei::stack::Stack as _;
use corosensei::{Coroutine, CoroutineResult, Yielder};
use manyhands_executor::{Job, contain_panic};
use manyhands_wait::{ContextKind, Leave, ScheduledContext};

use super::Hub;
use super::prefetch::{prefetch, prefetch_below};
use super::remote::Remote;
use super::token::{Linked, Token};
use crate::locals::Locals;
use crate::overflow;
use crate::primitive::{Arc, AtomicPtr};
use crate::stack::Stack;

/// So many cache lines of a stack are fetched ahead: what a job needs to begin. The rest of what it
/// needs to wait the processor fetches by itself meanwhile; more of them made starts slower.
const STACK_LINES: usize = 12;

/// So many bytes of a stack are fetched before its coroutine goes on: what a wait for a socket has there,
/// from where it suspends the coroutine up to the code that reads or writes.
const FRAME_BYTES: usize = 32 * 64;

/// What wakers point to. May outlive the coroutine, its body and its hub.
pub(crate) struct Seat {
    pub(super) token: Token,
    link: AtomicPtr<Seat>,
    remote: StdArc<Remote>,
    /// The body; touched on the hub's thread alone.
    body: Cell<*mut Body>,
}

// SAFETY: all but `body` are made for many threads. `body` is written when the seat is made and read
// by the hub, on the hub's thread; other threads only carry the seat about.
unsafe impl Sync for Seat {}
// SAFETY: as above; dropping a seat does nothing to `body`.
unsafe impl Send for Seat {}

impl Linked for Seat {
    fn link(&self) -> &AtomicPtr<Seat> {
        &self.link
    }
}

impl Seat {
    /// Has the coroutine look again at what it waits for.
    pub(super) fn wake(seat: &Arc<Seat>) {
        if !seat.token.notify() {
            return;
        }
        let pushed = Hub::with_own(|hub| {
            let here = StdArc::ptr_eq(hub.remote(), &seat.remote);
            if here {
                hub.enqueue(seat.body());
            }
            here
        });
        if pushed != Some(true) {
            seat.remote.inbox.push(Arc::clone(seat));
            seat.remote.wake();
        }
    }

    /// The body, if it has not been freed. For the hub's thread.
    pub(super) fn try_body(&self) -> Option<NonNull<Body>> {
        NonNull::new(self.body.get())
    }

    /// The body. For the hub's thread.
    pub(super) fn body(&self) -> NonNull<Body> {
        NonNull::new(self.body.get()).expect("a seat has a body for as long as its hub looks at it")
    }

    pub(super) fn waker(seat: &Arc<Seat>) -> Waker {
        let raw = RawWaker::new(Arc::into_raw(Arc::clone(seat)).cast(), &VTABLE);
        // SAFETY: the functions of the table keep the contract of `RawWakerVTable`: the pointer is
        // an owned `Arc<Seat>`, cloned, borrowed and dropped as such; a seat is `Send` and `Sync`.
        unsafe { Waker::from_raw(raw) }
    }
}

const VTABLE: RawWakerVTable = RawWakerVTable::new(
    |pointer| {
        // SAFETY: the waker owns the `Arc`; it is borrowed here, and `clone` makes another.
        let seat = ManuallyDrop::new(unsafe { Arc::from_raw(pointer.cast::<Seat>()) });
        RawWaker::new(Arc::into_raw(Arc::clone(&seat)).cast(), &VTABLE)
    },
    // SAFETY: the waker is used up, so its `Arc` is ours.
    |pointer| Seat::wake(&unsafe { Arc::from_raw(pointer.cast::<Seat>()) }),
    |pointer| {
        // SAFETY: the waker owns the `Arc`; it is borrowed here.
        let seat = ManuallyDrop::new(unsafe { Arc::from_raw(pointer.cast::<Seat>()) });
        Seat::wake(&seat);
    },
    // SAFETY: the waker is dropped, so its `Arc` is ours to drop.
    |pointer| drop(unsafe { Arc::from_raw(pointer.cast::<Seat>()) }),
);

/// Guard of a function that must not unwind: below it the hub has put things in force that it puts
/// back when control returns.
struct NothingUnwinds;

impl Drop for NothingUnwinds {
    fn drop(&mut self) {
        eprintln!("manyhands: a panic has left the coroutine that it belongs to; this is a defect");
        std::process::abort();
    }
}

/// Why a coroutine gave the thread back.
pub(super) enum Pause {
    /// It waits, or lets others go first.
    Suspended,
    /// Its job is done; it can be given another.
    Finished,
}

/// The coroutine. Owned by its hub, at one address, touched on the hub's thread alone.
///
/// What a switch touches comes first, to be on few cache lines.
#[repr(C)]
pub(crate) struct Body {
    /// `None` only while the body is made.
    coroutine: UnsafeCell<Option<Coroutine<(), bool, (), Stack>>>,
    /// Says why the thread is given back: whether the job is done.
    yielder: Cell<*const Yielder<(), bool>>,
    /// How often it has let others go first.
    pub(super) yields: Cell<u32>,
    pub(crate) running: overflow::Running,
    pub(super) context: ScheduledContext,
    pub(super) seat: Arc<Seat>,
    /// What it is to run next.
    job: Cell<Option<Job>>,
    /// Where its stack begins; it grows downwards.
    stack_top: usize,
    /// About where the part of the stack ends that is in use while it is suspended.
    stack_used_to: Cell<usize>,
    /// Its place in the hub's list of bodies.
    pub(super) place: Cell<usize>,
    /// Whether its hub has noted it among those that are to look again.
    pub(super) held_back: Cell<bool>,
    pub(crate) locals: RefCell<Locals>,
}

impl Body {
    /// A coroutine without a job.
    pub(super) fn new(remote: &StdArc<Remote>, stack: Stack) -> NonNull<Body> {
        let seat = Arc::new(Seat {
            token: Token::new(),
            link: AtomicPtr::new(ptr::null_mut()),
            remote: StdArc::clone(remote),
            body: Cell::new(ptr::null_mut()),
        });
        let mut body = Box::new(Body {
            seat,
            coroutine: UnsafeCell::new(None),
            yielder: Cell::new(ptr::null()),
            job: Cell::new(None),
            stack_top: stack.base().get(),
            stack_used_to: Cell::new(stack.base().get()),
            context: ScheduledContext::new(ContextKind::Coroutine),
            running: overflow::Running::new(&stack),
            place: Cell::new(usize::MAX),
            held_back: Cell::new(false),
            yields: Cell::new(0),
            locals: RefCell::new(Locals::new()),
        });
        let at = NonNull::from(&mut *body);
        // SAFETY: `main` runs only while the body is there: `resume` has its address, and nobody
        // frees it before its last job has ended.
        let main = move |yielder: &Yielder<(), bool>, ()| unsafe { at.as_ref() }.main(yielder);
        *body.coroutine.get_mut() = Some(Coroutine::with_stack(stack, main));
        let body = NonNull::from(Box::leak(body));
        // SAFETY: just leaked, so it is valid.
        let this = unsafe { body.as_ref() };
        this.seat.body.set(body.as_ptr());
        this.context.ambient().set_owner(&raw const this.running);
        body
    }

    /// Has its own memory fetched.
    #[inline]
    pub(super) fn prefetch(body: NonNull<Body>) {
        prefetch(body.addr().get(), size_of::<Body>());
    }

    /// Has the address of its stack looked up, and its seat fetched.
    #[inline]
    pub(super) fn prefetch_page(&self) {
        prefetch_below(self.stack_top, 1);
        prefetch(Arc::as_ptr(&self.seat).addr(), 1);
    }

    /// Has the part of its stack fetched that a job needs to begin and to wait.
    #[inline]
    pub(super) fn prefetch_stack(&self) {
        prefetch_below(self.stack_top, STACK_LINES);
    }

    /// Has the part of its stack fetched that it needs to go on from where it has suspended itself, and what
    /// it shows of its waits.
    #[inline(always)]
    pub(super) fn prefetch_frames(&self) {
        prefetch(self.stack_used_to.get(), FRAME_BYTES);
        prefetch(self.context.slot_address(), 1);
    }

    /// What runs on the stack, for ever: one job after the other.
    fn main(&self, yielder: &Yielder<(), bool>) {
        self.yielder.set(yielder);
        let _ends_the_process = NothingUnwinds;
        loop {
            // Nothing of a job's code unwinds to here; if the destructor of something that nobody has
            // looked at does, the hub goes on.
            contain_panic(|| {
                // SAFETY: the job stays where it is until it has ended: besides these lines only
                // `assign` and `lose` touch it, for a body that has none, and for one that never
                // goes on.
                if let Some(job) = unsafe { &*self.job.as_ptr() } {
                    job.run_in_place(|| {
                        // Their destructors are the program's code, and this is still its coroutine.
                        self.clear_locals();
                        // Counted before anybody can see the outcome: whoever has seen it finds it
                        // counted.
                        self.seat.remote.count_end();
                    });
                }
                drop(self.job.take());
            });
            self.clear_locals(); // those of callbacks
            yielder.suspend(true);
        }
    }

    fn clear_locals(&self) {
        if self.locals.borrow().is_used() {
            Locals::clear(&self.locals);
        }
    }

    /// The name in the report of an overflow; for the coroutine itself.
    pub(crate) fn set_overflow_name(&self, name: StdArc<str>) {
        self.running.set_name(Some(name));
    }

    /// Gives it something to do; it begins when it is resumed.
    pub(super) fn assign(&self, job: Job) {
        let name = job.name();
        if name.is_some() || self.running.name().is_some() {
            self.running.set_name(name.clone());
        }
        self.running.set_id(job.id().unwrap_or_default());
        self.context.begin(name);
        self.job.set(Some(job));
    }

    /// Whether it has something to do that has not ended. For code that no coroutine runs.
    pub(super) fn has_job(&self) -> bool {
        // SAFETY: on this thread alone, and nobody changes it meanwhile.
        unsafe { &*self.job.as_ptr() }.is_some()
    }

    /// Runs it until it pauses.
    ///
    /// # Safety
    /// `body` must be valid and suspended, and this its hub's thread.
    #[inline(always)]
    pub(super) unsafe fn resume(body: NonNull<Body>) -> Pause {
        // SAFETY: valid by contract. Only `coroutine` is borrowed mutably, and nobody else touches
        // it before this returns: code on the stack reaches its body through shared references, and
        // whoever resumes looks whether the body is suspended.
        let this = unsafe { body.as_ref() };
        // SAFETY: as above.
        let coroutine = unsafe { &mut *this.coroutine.get() };
        let Some(coroutine) = coroutine else { return Pause::Finished };
        // SAFETY: the body stays where it is, and what is open in its context is on the stack that
        // runs next. Both are taken out again below, before anything else runs.
        unsafe { this.context.enter() };
        let pause = coroutine.resume(());
        // SAFETY: control has come back.
        unsafe { this.context.leave() };
        match pause {
            CoroutineResult::Yield(true) => Pause::Finished,
            CoroutineResult::Yield(false) => Pause::Suspended,
            CoroutineResult::Return(()) => unreachable!("its main function is an endless loop"),
        }
    }

    /// Gives the thread back until somebody resumes this coroutine.
    ///
    /// # Safety
    /// The caller must run on this coroutine's stack.
    #[inline(always)]
    pub(super) unsafe fn suspend(&self) {
        let here = 0_u8;
        self.stack_used_to.set((&raw const here).addr());
        // SAFETY: `main` put the pointer there and never returns, so the yielder is alive; the
        // caller runs on its stack.
        unsafe { (*self.yielder.get()).suspend(false) };
    }

    /// How the caller gives the thread back by itself.
    ///
    /// # Safety
    /// The caller must run on this coroutine's stack, and have done what is to be done before it is
    /// suspended.
    #[inline(always)]
    pub(super) unsafe fn leave(&self) -> Leave {
        // SAFETY: as in `suspend`.
        unsafe { Leave::new(NonNull::new_unchecked(self.yielder.get().cast_mut())) }
    }

    /// Ends the task of a coroutine that will never go on. Leaks the body with its stack.
    ///
    /// # Safety
    /// `body` must be valid and suspended, and nobody may resume it any more.
    pub(super) unsafe fn lose(body: NonNull<Body>) {
        // SAFETY: valid by contract.
        let this = unsafe { body.as_ref() };
        this.context.end();
        if let Some(job) = this.job.take() {
            // SAFETY: its code is on the stack of the body, which is never resumed.
            unsafe { job.lose("the thread of its coroutine ended before the coroutine did") };
        }
    }

    /// Frees a body that has no job.
    ///
    /// # Safety
    /// `body` must be valid, have ended its last job, and be known to nobody else.
    pub(super) unsafe fn free(body: NonNull<Body>) {
        // SAFETY: by contract; it was made by `Box::leak`.
        let mut body = unsafe { Box::from_raw(body.as_ptr()) };
        body.seat.body.set(ptr::null_mut());
        if let Some(coroutine) = body.coroutine.get_mut()
            && coroutine.started()
        {
            // SAFETY: it is suspended in `main`, between two jobs. All that a job has left there, with
            // what panics have unwound with, was dropped or leaked before that; what is left is the
            // guard of `main`, which has nothing to drop.
            unsafe { coroutine.force_reset() };
        }
    }
}
