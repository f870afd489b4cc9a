//! The worker's ear: a thread that is told when the running task is to end, and wakes what it waits
//! for. A task that computes learns of it by asking, from the table of tasks.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use manyhands_wait::CancelSource;

use crate::pool::channel::{Descriptors, Heard, Slots, read};

/// The source of cancellation of whatever task runs.
pub(super) struct Listener {
    slots: Slots,
    /// The number of the task that runs; one after the other.
    running: AtomicU64,
    wakers: Mutex<Wakers>,
    /// Descriptors that have come.
    arrived: Mutex<Descriptors>,
    arrival: Condvar,
}

#[derive(Default)]
struct Wakers {
    next: usize,
    list: Vec<(usize, Waker)>,
}

impl Listener {
    pub(super) fn new(slots: Slots) -> Listener {
        Listener {
            slots,
            running: AtomicU64::new(0),
            wakers: Mutex::default(),
            arrived: Mutex::default(),
            arrival: Condvar::new(),
        }
    }

    /// Listens from now on, on a thread of its own.
    pub(super) fn listen(self: &Arc<Self>, control: UnixStream) -> io::Result<()> {
        let listener = Arc::clone(self);
        let builder = std::thread::Builder::new().name("manyhands-listener".into());
        let listen = move || {
            // A parent that is gone ends the process in another way.
            loop {
                let missing = listener.arrived().missing();
                let Ok(read) = read(&control, missing) else { return };
                if listener.arrived().take_in(read) == Heard::Closed {
                    return;
                }
                listener.arrival.notify_all();
                // What is said does not matter: it is in the table.
                listener.wake();
            }
        };
        builder.stack_size(256 * 1024).spawn(listen).map(drop)
    }

    /// Waits for the descriptors of a task, which were sent before it. `None` if they do not come.
    pub(super) fn descriptors(&self, number: u64, count: usize) -> Option<Vec<OwnedFd>> {
        const LONG: Duration = Duration::from_secs(30);
        let mut fds = None;
        let look = |arrived: &mut Descriptors| {
            fds = arrived.take(number, count);
            fds.is_none()
        };
        drop(self.arrival.wait_timeout_while(self.arrived(), LONG, look));
        fds
    }

    fn arrived(&self) -> MutexGuard<'_, Descriptors> {
        self.arrived.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// This task runs from now on.
    pub(super) fn set_running(&self, number: u64) {
        self.running.store(number, Ordering::Release);
    }

    fn wake(&self) {
        let woken: Vec<Waker> = self.lock().list.iter().map(|(_, waker)| waker.clone()).collect();
        woken.iter().for_each(Waker::wake_by_ref);
    }

    fn lock(&self) -> MutexGuard<'_, Wakers> {
        self.wakers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CancelSource for Listener {
    fn is_cancelled(&self) -> bool {
        self.slots.is_cancelled(self.running.load(Ordering::Acquire))
    }

    fn register(&self, waker: &Waker) -> usize {
        let mut wakers = self.lock();
        let key = wakers.next;
        wakers.next += 1;
        wakers.list.push((key, waker.clone()));
        drop(wakers);
        // The parent marks the table before it speaks.
        if self.is_cancelled() {
            waker.wake_by_ref();
        }
        key
    }

    fn unregister(&self, key: usize) {
        let mut wakers = self.lock();
        let at = wakers.list.iter().position(|(of, _)| *of == key);
        let taken = at.map(|at| wakers.list.swap_remove(at));
        drop(wakers);
        drop(taken);
    }
}
