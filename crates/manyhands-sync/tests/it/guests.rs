//! What runs on a waiter's stack while it waits, and waits there itself: the waiter cannot come meanwhile,
//! so nobody may be left waiting for it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Waker;
use std::thread;
use std::time::Instant;

use manyhands_sync::{Channel, Event, Mutex, Queue, RwLock, Semaphore};
use manyhands_wait::{Parker, ThreadParker, install_parker, wait};

use crate::patience::{LONG, eventually};

/// A reactor that has one task: a guest on the stack of whoever waits.
struct Reactor {
    own: Arc<ThreadParker>,
    guest: RefCell<Option<Box<dyn FnOnce()>>>,
    is_turning: Cell<bool>,
}

impl Parker for Reactor {
    fn waker(&self) -> Waker {
        Arc::clone(&self.own).into()
    }

    fn park(&self, until: Option<Instant>) {
        let guest = self.guest.borrow_mut().take();
        match guest {
            Some(guest) => {
                self.is_turning.set(true);
                guest();
                self.is_turning.set(false);
            }
            None => self.own.park(until),
        }
    }

    fn is_available(&self) -> bool {
        !self.is_turning.get()
    }

    fn stops_context(&self) -> bool {
        true
    }
}

/// Runs `host` on a thread of its own, on whose stack `guest` runs in the first wait.
fn hosting<'scope, R: Send + 'scope>(
    scope: &'scope thread::Scope<'scope, '_>,
    guest: impl FnOnce() + Send + 'static,
    host: impl FnOnce() -> R + Send + 'scope,
) -> thread::ScopedJoinHandle<'scope, R> {
    static HOSTS: AtomicUsize = AtomicUsize::new(1);
    let name = format!("host {}", HOSTS.fetch_add(1, Ordering::Relaxed));
    let thread = thread::Builder::new().name(name).spawn_scoped(scope, || {
        install_parker(Some(Rc::new(Reactor {
            own: Arc::new(ThreadParker::new()),
            guest: RefCell::new(Some(Box::new(guest))),
            is_turning: Cell::new(false),
        })));
        host()
    });
    thread.unwrap()
}

/// Has a host wait for a lock that its guest holds. The guest releases it, which wakes the host, takes it
/// again as one who comes by would, has `waits` wait for it on another thread, and waits for that one, with
/// the lock free. False if the machine was so slow that the host was handed the lock instead.
fn relied_on_in_vain<G>(
    release: impl FnOnce() + Send + 'static,
    host: impl FnOnce() + Send,
    pass_by: impl FnOnce() -> Option<G> + Send + 'static,
    waits: impl FnOnce() + Send + 'static,
    is_waited_for: impl Fn() -> bool + Send + 'static,
) -> bool {
    let (done, was_woken) = (Arc::new(Event::new()), Arc::new(AtomicBool::new(false)));
    let guest = {
        let was_woken = Arc::clone(&was_woken);
        move || {
            release();
            let Some(passing) = pass_by() else { return };
            was_woken.store(true, Ordering::Relaxed);
            let other = thread::spawn({
                let done = Arc::clone(&done);
                move || {
                    waits();
                    done.set();
                }
            });
            eventually("another waits", is_waited_for);
            drop(passing);
            assert_eq!(done.wait_timeout(LONG), Ok(()), "nobody comes, and the lock is free");
            other.join().unwrap();
        }
    };
    thread::scope(|scope| hosting(scope, guest, host).join().unwrap());
    was_woken.load(Ordering::Relaxed)
}

#[test]
fn a_lock_does_not_wait_for_one_whose_stack_is_stopped() {
    let attempt = || {
        let mutex: &'static Mutex<u32> = Box::leak(Box::new(Mutex::named("guests", 0)));
        let held = wait(mutex.lock_async());
        relied_on_in_vain(
            || drop(held),
            || *mutex.lock() += 1,
            || mutex.try_lock(),
            || *mutex.lock() += 1,
            || mutex.statistics().waiting > 0,
        )
    };
    assert!((0..1_000).any(|_| attempt()), "the host was always handed the lock");
}

#[test]
fn a_read_write_lock_does_not_wait_for_a_writer_whose_stack_is_stopped() {
    let attempt = || {
        let lock: &'static RwLock<u32> = Box::leak(Box::new(RwLock::named("guests", 0)));
        let held = wait(lock.write_async());
        relied_on_in_vain(
            || drop(held),
            || *lock.write() += 1,
            || lock.try_write(),
            || *lock.write() += 1,
            || lock.statistics().waiting > 0,
        )
    };
    assert!((0..1_000).any(|_| attempt()), "the host was always handed the lock");
}

/// Has a host and its guest wait for the same thing, ends the two waits by `serve` once both wait, and
/// says in which order they ended.
fn in_which_order<T: Sync + 'static>(
    thing: T,
    take: impl Fn(&T) + Copy + Send + 'static,
    serve: impl FnOnce(&T),
) -> Vec<&'static str> {
    let shared: &'static _ = Box::leak(Box::new((thing, std::sync::Mutex::new(Vec::new()))));
    let (thing, order) = shared;
    let taking = move |who| {
        take(thing);
        order.lock().unwrap().push(who);
    };
    thread::scope(|scope| {
        let host = hosting(scope, move || taking("guest"), move || taking("host"));
        let guest = format!("{} (what it runs while it waits)", host.thread().name().unwrap());
        eventually("the guest waits", || {
            let contexts = manyhands_wait::dump().contexts;
            contexts.iter().any(|it| *it.name == *guest && it.wait.is_some())
        });
        serve(thing);
        host.join().unwrap();
    });
    order.lock().unwrap().clone()
}

const GUEST_FIRST: [&str; 2] = ["guest", "host"];

/// A lock that is handed to the host would be held by a stack that waits for it further in.
#[test]
fn a_guest_that_waits_for_what_its_host_waits_for_comes_first() {
    let mutex = Mutex::named("guests", ());
    let held: &'static _ = Box::leak(Box::new(mutex));
    let guard = wait(held.lock_async());
    let taken = in_which_order(held, |mutex| drop(mutex.lock()), |_| drop(guard));
    assert_eq!(taken, GUEST_FIRST);

    let lock: &'static _ = Box::leak(Box::new(RwLock::named("guests", ())));
    let guard = wait(lock.write_async());
    let taken = in_which_order(lock, |lock| drop(lock.write()), |_| drop(guard));
    assert_eq!(taken, GUEST_FIRST);

    let permits: &'static _ = Box::leak(Box::new(Semaphore::named("guests", 1)));
    let guard = wait(permits.acquire_async());
    let taken = in_which_order(permits, |permits| drop(permits.acquire()), |_| drop(guard));
    assert_eq!(taken, GUEST_FIRST);
}

/// The first item wakes the host, which cannot come: the guest gets it, and the host what comes next.
#[test]
fn an_item_goes_to_the_guest_while_its_host_cannot_come() {
    let get = |queue: &Queue<u8>| assert!(queue.get().is_ok());
    let serve = |queue: &Queue<u8>| (1..=2).for_each(|item| queue.put(item).unwrap());
    assert_eq!(in_which_order(Queue::new(1), get, serve), GUEST_FIRST);

    let full = Queue::new(1);
    full.put(0).unwrap();
    let put = |queue: &Queue<u8>| queue.put(1).unwrap();
    let serve = |queue: &Queue<u8>| (0..3).for_each(|_| assert!(queue.get().is_ok()));
    assert_eq!(in_which_order(full, put, serve), GUEST_FIRST);

    let get = |channel: &Channel<u8>| assert!(channel.get().is_ok());
    let serve = |channel: &Channel<u8>| (1..=2).for_each(|value| channel.put(value).unwrap());
    assert_eq!(in_which_order(Channel::new(), get, serve), GUEST_FIRST);
}

/// Who comes back before one that wants more than there is takes what is enough for it.
#[test]
fn a_host_that_comes_back_takes_what_is_there() {
    let permits: &'static Semaphore = Box::leak(Box::new(Semaphore::named("guests", 2)));
    let go_on: &'static Event = Box::leak(Box::default());
    let [one, other] = [wait(permits.acquire_async()), wait(permits.acquire_async())];
    thread::scope(|scope| {
        let host = hosting(scope, || go_on.wait(), || drop(permits.acquire()));
        eventually("the guest waits", || go_on.waiting() == 1);
        eventually("the host stands aside", || permits.statistics().waiting == 0);
        let both = scope.spawn(|| drop(permits.acquire_many(2)));
        eventually("another wants both", || permits.statistics().waiting == 1);
        drop(one);
        go_on.set();
        eventually("the host has had its permit", || host.is_finished());
        drop(other);
        both.join().unwrap();
    });
}

/// A reader that comes back joins those who read, though a writer has queued up meanwhile.
#[test]
fn a_host_that_comes_back_reads_with_the_others() {
    let lock: &'static RwLock<()> = Box::leak(Box::new(RwLock::named("guests", ())));
    let go_on: &'static Event = Box::leak(Box::default());
    let writing = wait(lock.write_async());
    thread::scope(|scope| {
        let host = hosting(scope, || go_on.wait(), || drop(lock.read()));
        eventually("the guest waits", || go_on.waiting() == 1);
        eventually("the host stands aside", || lock.statistics().waiting == 0);
        drop(writing);
        let reading = lock.read();
        let writer = scope.spawn(|| drop(lock.write()));
        eventually("a writer waits", || lock.statistics().waiting == 1);
        go_on.set();
        eventually("the host has read", || host.is_finished());
        drop(reading);
        writer.join().unwrap();
    });
}

/// An event is no thing to stand aside from: it may be over when the host could wait anew.
#[test]
fn a_host_misses_no_event_while_its_guest_waits() {
    let bells: &'static [Event; 2] = Box::leak(Box::default());
    thread::scope(|scope| {
        let host = hosting(scope, || bells[1].wait(), || bells[0].wait());
        eventually("both wait", || bells.iter().all(|bell| bell.waiting() == 1));
        bells[0].set();
        bells[0].clear();
        bells[1].set();
        host.join().unwrap();
    });
}
