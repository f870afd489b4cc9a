//! The worker's ear: a thread that is told when the running task is to end, and wakes what it waits
//! for. A task that computes learns of it by asking, from the table of tasks.

use std::io::{self, Read};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use manyhands_wait::CancelSource;

use crate::pool::channel::Slots;

/// The source of cancellation of whatever task runs.
pub(super) struct Listener {
    slots: Slots,
    /// The number of the task that runs; one after the other.
    running: AtomicU64,
    wakers: Mutex<Wakers>,
}

#[derive(Default)]
struct Wakers {
    next: usize,
    list: Vec<(usize, Waker)>,
}

impl Listener {
    pub(super) fn new(slots: Slots) -> Listener {
        Listener { slots, running: AtomicU64::new(0), wakers: Mutex::default() }
    }

    /// Listens from now on, on a thread of its own.
    pub(super) fn listen(self: &Arc<Self>, mut control: UnixStream) -> io::Result<()> {
        let listener = Arc::clone(self);
        let builder = std::thread::Builder::new().name("manyhands-listener".into());
        let listen = move || {
            // What is said does not matter: it is in the table. A parent that is gone ends the
            // process in another way.
            let mut said = [0; 64];
            loop {
                match control.read(&mut said) {
                    Ok(1..) => listener.wake(),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Ok(0) | Err(_) => return,
                }
            }
        };
        builder.stack_size(128 * 1024).spawn(listen).map(drop)
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
