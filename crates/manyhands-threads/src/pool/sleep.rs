//! Who of the workers searches, who sleeps, and when a sleeper is woken.
//!
//! A submitter pushes its job first and looks at the counters after; a worker announces that it
//! sleeps first and looks at the queue after; sequentially consistent fences stand in between. So
//! either the submitter sees the sleeper, or the sleeper sees the job. While somebody searches
//! nobody is woken: the searcher will find the job, and the last one to stop searching wakes
//! another if there is more.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crossbeam_utils::CachePadded;
use manyhands_wait::{ThreadParker, while_idle};

pub(super) struct Sleep {
    searching: CachePadded<AtomicUsize>,
    sleeping: CachePadded<AtomicUsize>,
    /// The one that fell asleep last is woken first: its caches are the warmest.
    sleepers: Mutex<Vec<Arc<Sleeper>>>,
}

/// A worker's bed.
pub(super) struct Sleeper {
    parker: ThreadParker,
    woken: AtomicBool,
}

impl Sleeper {
    pub(super) fn new() -> Arc<Sleeper> {
        Arc::new(Sleeper { parker: ThreadParker::new(), woken: AtomicBool::new(false) })
    }
}

impl Sleep {
    pub(super) fn new() -> Sleep {
        Sleep {
            searching: CachePadded::default(),
            sleeping: CachePadded::default(),
            sleepers: Mutex::default(),
        }
    }

    /// Wakes a sleeper, unless somebody searches already. Call after pushing.
    pub(super) fn notify(&self) {
        fence(Ordering::SeqCst);
        if self.sleeping.load(Ordering::Relaxed) == 0 || self.searching.load(Ordering::Relaxed) > 0
        {
            return;
        }
        self.wake_one();
    }

    /// Wakes the one that fell asleep last, if any sleeps.
    pub(super) fn wake_one(&self) {
        let sleeper = self.sleepers().pop();
        if let Some(sleeper) = sleeper {
            self.rouse(&sleeper);
        }
    }

    pub(super) fn wake_all(&self) {
        fence(Ordering::SeqCst);
        let sleepers = std::mem::take(&mut *self.sleepers());
        sleepers.iter().for_each(|sleeper| self.rouse(sleeper));
    }

    pub(super) fn start_searching(&self) {
        self.searching.fetch_add(1, Ordering::SeqCst);
    }

    /// Ends a search; returns whether it was the last one under way.
    pub(super) fn stop_searching(&self) -> bool {
        let last = self.searching.fetch_sub(1, Ordering::SeqCst) == 1;
        fence(Ordering::SeqCst);
        last
    }

    /// Ends a search in sleep, and returns searching again when woken. Does not sleep if
    /// `reason_to_stay_up`, asked after the sleep was announced, says so.
    pub(super) fn sleep(&self, me: &Arc<Sleeper>, reason_to_stay_up: impl FnOnce() -> bool) {
        me.woken.store(false, Ordering::Relaxed);
        self.sleepers().push(Arc::clone(me));
        self.sleeping.fetch_add(1, Ordering::SeqCst);
        self.stop_searching();
        if reason_to_stay_up() && self.get_up(me) {
            return;
        }
        while_idle(|| {
            while !me.woken.load(Ordering::Acquire) {
                me.parker.park_at_once(None);
            }
        });
    }

    pub(super) fn idle(&self) -> usize {
        self.sleeping.load(Ordering::Relaxed) + self.searching.load(Ordering::Relaxed)
    }

    /// Takes oneself out of the list; `false` if somebody has just done that to wake us.
    fn get_up(&self, me: &Arc<Sleeper>) -> bool {
        let mut sleepers = self.sleepers();
        let Some(at) = sleepers.iter().position(|sleeper| Arc::ptr_eq(sleeper, me)) else {
            return false;
        };
        sleepers.remove(at);
        drop(sleepers);
        self.start_searching();
        self.sleeping.fetch_sub(1, Ordering::SeqCst);
        true
    }

    /// Wakes one that was taken out of the list. It counts as searching from now on, so that no
    /// second one is woken for the same job.
    fn rouse(&self, sleeper: &Sleeper) {
        self.start_searching();
        self.sleeping.fetch_sub(1, Ordering::SeqCst);
        sleeper.woken.store(true, Ordering::Release);
        sleeper.parker.unpark();
    }

    fn sleepers(&self) -> MutexGuard<'_, Vec<Arc<Sleeper>>> {
        self.sleepers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
