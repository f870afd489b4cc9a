//! The end of a pool, and of all pools when the process ends.

use std::fmt;
use std::future::poll_fn;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use manyhands_executor::Shutdown;
use manyhands_wait::{Agent, Blockers, Reason, Resource, TimedOut, Wait, WaitError};

use super::shared::Shared;

static END: Reason = Reason::new("end of a thread pool");

impl Shared {
    #[track_caller]
    pub(super) fn shutdown(&self, how: Shutdown) {
        self.close();
        if how.cancel_queued {
            self.cancel_queued.store(true, Ordering::SeqCst);
            self.clear_queue();
        }
        self.sleep.wake_all();
        // A worker that waited for its own end would wait for ever.
        if how.wait && !self.home.is_here() {
            let end = poll_fn(|cx| self.poll_end(cx));
            // While this thread unwinds, which a second panic would make the end of the process, another
            // of those who take part in a deadlock gets it.
            if let Err(WaitError::Deadlock(deadlock)) =
                Wait::new(&END).on(&EndEdge(self)).run_checked(end)
            {
                deadlock.raise();
            }
        }
    }

    #[track_caller]
    fn wait_for_end(&self, until: Option<Instant>) -> Result<(), TimedOut> {
        Wait::new(&END).until(until).run(poll_fn(|cx| self.poll_end(cx)))
    }

    fn poll_end(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut roster = self.roster();
        if roster.slots.is_empty() && (self.outstanding_with(&roster) == 0) {
            return Poll::Ready(());
        }
        roster.waiting_for_end.retain(|waker| !waker.will_wake(cx.waker()));
        roster.waiting_for_end.push(cx.waker().clone());
        Poll::Pending
    }
}

/// The end of a pool, as something to wait for.
struct EndEdge<'a>(&'a Shared);

impl Resource for EndEdge<'_> {
    fn blockers(&self, _waiter: Agent, blockers: &mut Blockers) {
        self.0.blockers_of_end(blockers);
    }

    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "end of thread pool '{}'", self.0.name_prefix)
    }
}

/// Lists a pool, to be finished when the process ends.
pub(super) fn register(shared: &Arc<Shared>) {
    crate::exit::AT_EXIT.arm();
    let mut pools = pools();
    pools.retain(|pool| pool.strong_count() > 0);
    pools.push(Arc::downgrade(shared));
}

/// Ends every pool that is not a daemon and waits for it. While it has to wait, `waiting_for` is
/// told the name and says for how long to wait before it is asked again.
pub(crate) fn finish_all(waiting_for: &mut dyn FnMut(&str) -> Duration) {
    let pools: Vec<Arc<Shared>> =
        pools().iter().filter_map(Weak::upgrade).filter(|pool| !pool.daemon).collect();
    for pool in &pools {
        pool.shutdown(Shutdown::DETACH);
    }
    for pool in pools {
        if pool.home.is_here() {
            continue; // one of its jobs ends the process
        }
        loop {
            let pause = waiting_for(&format!("thread pool '{}'", pool.name_prefix));
            if pool.wait_for_end(Instant::now().checked_add(pause)).is_ok() {
                break;
            }
        }
    }
}

fn pools() -> MutexGuard<'static, Vec<Weak<Shared>>> {
    static POOLS: Mutex<Vec<Weak<Shared>>> = Mutex::new(Vec::new());
    POOLS.lock().unwrap_or_else(PoisonError::into_inner)
}
