//! The end of a pool, and of all pools when the process ends.

use std::cell::Cell;
use std::future::poll_fn;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Instant;

use manyhands_executor::Shutdown;
use manyhands_wait::{Layer, TimedOut, Wait, WaitError};

use super::batch::{Batch, cancelled};
use super::graph::{END, EndEdge};
use super::shared::Shared;

thread_local! {
    /// The pool that this thread serves. Compared, and never followed.
    static SERVED: Cell<*const Shared> = const { Cell::new(std::ptr::null()) };
}

impl Shared {
    #[track_caller]
    pub(super) fn shutdown(&self, how: Shutdown) {
        self.close();
        if how.cancel_queued {
            self.cancel_all_unbegun();
        }
        self.nudge();
        // A callback that waited for the end of its own pool would wait for ever.
        if how.wait && !self.completer.is_here() && !self.is_served_here() {
            // While this thread unwinds, which a second panic would make the end of the process, another
            // of those who take part in a deadlock gets it.
            let end = poll_fn(|cx| self.poll_end(cx));
            if let Err(WaitError::Deadlock(deadlock)) =
                Wait::new(&END).on(&EndEdge(self)).run_checked(end)
            {
                deadlock.raise();
            }
        }
    }

    /// What dropping the pool does.
    #[track_caller]
    pub(super) fn finish(&self) {
        self.shutdown(Shutdown::DETACH);
        if is_copy() || self.completer.is_here() || self.is_served_here() {
            return;
        }
        let until = Instant::now().checked_add(self.settings.drop_limit);
        // A destructor waits also while its task is being cancelled: the workers end by themselves.
        if Layer::new().isolated().enter(|| self.wait_for_end(until)).is_err() {
            self.cancel_all_unbegun();
            self.wish(|wishes| wishes.give_up = true);
            let _has_no_end = Layer::new().isolated().enter(|| self.wait_for_end(None));
        }
    }

    /// Cancels what no worker has begun, and whatever would be sent to one from now on.
    fn cancel_all_unbegun(&self) {
        self.cancel_queued.store(true, Ordering::SeqCst);
        self.clear_queue();
        let mut batch = Batch::default();
        let mut floor = self.floor();
        floor.cancelling = true;
        floor.fail_unbegun(&cancelled(), &mut batch);
        drop(floor);
        self.tell(&mut batch);
    }

    /// Whether the caller is called by the thread that serves this pool, which ends it.
    fn is_served_here(&self) -> bool {
        SERVED.try_with(|served| std::ptr::eq(served.get(), self)).unwrap_or(false)
    }

    /// Says that the calling thread serves this pool.
    pub(super) fn serve_here(&self) {
        SERVED.set(self);
    }

    #[track_caller]
    fn wait_for_end(&self, until: Option<Instant>) -> Result<(), TimedOut> {
        let wait = Wait::new(&END).ended_from_outside().until(until);
        wait.run(poll_fn(|cx| self.poll_end(cx)))
    }

    fn poll_end(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        if ended.ended {
            return Poll::Ready(());
        }
        ended.waiting.retain(|waker| !waker.will_wake(cx.waker()));
        ended.waiting.push(cx.waker().clone());
        Poll::Pending
    }
}

/// The process whose pools these are.
static OWNER: AtomicU32 = AtomicU32::new(0);

/// Whether this process is a copy that `fork` has made of the one with the pools: their threads are
/// not here, so nothing can be waited for.
fn is_copy() -> bool {
    OWNER.load(Ordering::Relaxed) != std::process::id()
}

/// Lists a pool, to be finished when the process ends.
pub(super) fn register(shared: &Arc<Shared>) {
    static ARMED: Once = Once::new();
    ARMED.call_once(|| {
        OWNER.store(std::process::id(), Ordering::Relaxed);
        // SAFETY: the function takes and returns nothing and does not unwind. If there is no room
        // for it, pools that nobody ends are left unfinished.
        let _no_room = unsafe { libc::atexit(finish_all) };
    });
    let mut pools = pools();
    pools.retain(|pool| pool.strong_count() > 0);
    pools.push(Arc::downgrade(shared));
}

/// Waits for every pool that was not ended, as when it is dropped.
extern "C" fn finish_all() {
    if is_copy() {
        return;
    }
    // An unwinding into the C library would be undefined; what was to be told is told.
    let _reported = std::panic::catch_unwind(|| {
        let all: Vec<Arc<Shared>> = pools().iter().filter_map(Weak::upgrade).collect();
        all.iter().for_each(|pool| pool.shutdown(Shutdown::DETACH));
        all.iter().for_each(|pool| pool.finish());
    });
}

fn pools() -> MutexGuard<'static, Vec<Weak<Shared>>> {
    static POOLS: Mutex<Vec<Weak<Shared>>> = Mutex::new(Vec::new());
    POOLS.lock().unwrap_or_else(PoisonError::into_inner)
}
