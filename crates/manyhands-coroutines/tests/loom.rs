//! Models of how coroutines are woken, explored by loom: all interleavings, and all values that the
//! memory model lets a load see. The protocol is stated in `src/hub/README.md`.
//!
//! ```sh
//! RUSTFLAGS="--cfg manyhands_loom" CARGO_TARGET_DIR=target/loom \
//!     cargo test --release -p manyhands-coroutines --test loom
//! ```
//!
//! The sources of the protocol are compiled into this file, with a seat that has no coroutine behind
//! it: what runs on stacks of its own loom cannot see. A lost wake-up shows as loom's report that all
//! threads are blocked, a missing ordering as a racing access to a cell, an element lost from the
//! inbox as a leak.
#![cfg(manyhands_loom)]
#![allow(dead_code, reason = "the models use a part of the protocol each")]

#[path = "../src/primitive.rs"]
mod primitive;
#[path = "../src/hub/remote.rs"]
mod remote;
#[path = "../src/hub/token.rs"]
mod token;

mod watchdog {
    //! What the watchdog sees of a hub, which has no part in waking it.

    #[derive(Default)]
    pub(crate) struct Pulse;

    pub(crate) struct Progress;

    impl Pulse {
        pub(crate) fn progress(&self, _ended: u64) -> Progress {
            Progress
        }
    }
}

mod body {
    //! What wakers point to.

    use std::ptr;

    use loom::cell::UnsafeCell;
    use loom::sync::atomic::AtomicPtr;

    use crate::token::{Linked, Token};

    pub(crate) struct Seat {
        pub(crate) token: Token,
        pub(crate) number: usize,
        /// Written by the waker, read by the woken, ordered by nothing but the protocol.
        pub(crate) note: UnsafeCell<usize>,
        link: AtomicPtr<Seat>,
    }

    impl Seat {
        pub(crate) fn new(number: usize) -> Seat {
            let (token, note) = (Token::new(), UnsafeCell::new(0));
            Seat { token, number, note, link: AtomicPtr::new(ptr::null_mut()) }
        }

        pub(crate) fn write(&self, note: usize) {
            // SAFETY: loom checks that nobody else accesses it meanwhile.
            self.note.with_mut(|place| unsafe { *place = note });
        }

        pub(crate) fn read(&self) -> usize {
            // SAFETY: as above.
            self.note.with(|place| unsafe { *place })
        }
    }

    impl Linked for Seat {
        fn link(&self) -> &AtomicPtr<Seat> {
            &self.link
        }
    }
}

use std::task::{Wake, Waker};

use body::Seat;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;
use manyhands_wait::ThreadParker;
use remote::Remote;
use token::{Inbox, Token};

/// Explores a model that is too large for all interleavings: those with at most this many switches
/// away from a thread that could go on, unless `LOOM_MAX_PREEMPTIONS` says otherwise.
fn model_bounded(preemptions: usize, model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound.get_or_insert(preemptions);
    builder.check(model);
}

/// The run queue of a hub that has one coroutine.
#[derive(Default)]
struct Queue {
    length: Mutex<usize>,
    pushed: Condvar,
}

impl Queue {
    fn push(&self) {
        let mut length = self.length.lock().unwrap();
        *length += 1;
        assert_eq!(*length, 1, "it was enqueued twice");
        self.pushed.notify_one();
    }

    fn pop(&self) {
        let mut length = self.length.lock().unwrap();
        while *length == 0 {
            length = self.pushed.wait(length).unwrap();
        }
        *length -= 1;
    }
}

/// A coroutine and its hub, seen from its waits.
struct Waiting {
    seat: Seat,
    queue: Queue,
}

impl Waiting {
    fn new() -> Arc<Waiting> {
        Arc::new(Waiting { seat: Seat::new(0), queue: Queue::default() })
    }

    fn wake(&self) {
        if self.seat.token.notify() {
            self.queue.push();
        }
    }

    /// As `Hub::park` does it: suspended, it comes back from the run queue.
    fn park(&self) {
        if self.seat.token.park() {
            self.queue.pop();
            self.seat.token.run();
        }
    }
}

#[test]
fn what_was_done_before_the_wake_up_is_seen_after_it() {
    loom::model(|| {
        let waiting = Waiting::new();
        let waker = thread::spawn({
            let waiting = Arc::clone(&waiting);
            move || {
                waiting.seat.write(7);
                waiting.wake();
            }
        });
        waiting.park();
        assert_eq!(waiting.seat.read(), 7);
        waker.join().unwrap();
    });
}

#[test]
fn of_two_wakers_one_enqueues_and_none_is_lost() {
    model_bounded(3, || {
        let shared = Arc::new((Waiting::new(), AtomicUsize::new(0)));
        let wakers: Vec<_> = (0..2)
            .map(|_| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || {
                    shared.1.fetch_add(1, Ordering::Relaxed);
                    shared.0.wake();
                })
            })
            .collect();
        while shared.1.load(Ordering::Relaxed) < 2 {
            shared.0.park();
        }
        wakers.into_iter().for_each(|waker| waker.join().unwrap());
    });
}

#[test]
fn a_token_that_was_left_keeps_the_next_wait_from_suspending() {
    loom::model(|| {
        let token = Token::new();
        assert!(!token.notify(), "nobody is parked");
        assert!(!token.park());
        assert!(token.park());
        assert!(token.notify());
        assert!(!token.notify(), "enqueued once");
        token.run();
        assert!(token.park());
    });
}

#[test]
fn the_inbox_loses_nothing_and_keeps_the_order_of_each_thread() {
    model_bounded(3, || {
        let inbox = Arc::new(Inbox::<Seat>::new());
        let push = |numbers: [usize; 2]| {
            let inbox = Arc::clone(&inbox);
            thread::spawn(move || {
                for number in numbers {
                    let seat = Arc::new(Seat::new(number));
                    seat.write(number);
                    inbox.push(seat);
                }
            })
        };
        let (first, second) = (push([1, 2]), push([11, 12]));
        let mut seen = Vec::new();
        let mut drain = || {
            inbox.drain(|seat| {
                assert_eq!(seat.read(), seat.number);
                seen.push(seat.number);
            });
        };
        drain();
        first.join().unwrap();
        second.join().unwrap();
        drain();
        let of = |range: std::ops::Range<usize>| {
            seen.iter().copied().filter(|number| range.contains(number)).collect::<Vec<_>>()
        };
        assert_eq!((of(0..10), of(10..20)), (vec![1, 2], vec![11, 12]));
    });
}

/// An element that was taken out may be pushed again at once, by another thread, while the rest of
/// the list is still being gone through.
#[test]
fn what_was_taken_out_may_come_back_during_the_drain() {
    loom::model(|| {
        let inbox = Arc::new(Inbox::<Seat>::new());
        inbox.push(Arc::new(Seat::new(1)));
        inbox.push(Arc::new(Seat::new(2)));
        let mut again = None;
        let mut seen = Vec::new();
        inbox.drain(|seat| {
            seen.push(seat.number);
            if seat.number == 1 {
                let inbox = Arc::clone(&inbox);
                again = Some(thread::spawn(move || inbox.push(seat)));
            }
        });
        again.unwrap().join().unwrap();
        inbox.drain(|seat| seen.push(seat.number));
        assert_eq!(seen, [1, 2, 1]);
    });
}

/// What is left in an inbox is freed with it; loom reports a leak otherwise.
#[test]
fn an_inbox_owns_what_is_in_it() {
    loom::model(|| {
        let inbox = Arc::new(Inbox::<Seat>::new());
        let pusher = thread::spawn({
            let inbox = Arc::clone(&inbox);
            move || inbox.push(Arc::new(Seat::new(1)))
        });
        inbox.push(Arc::new(Seat::new(2)));
        pusher.join().unwrap();
    });
}

/// A hub's thread as its runtime has it: a task that has turns when it was woken.
struct Runtime(std::sync::Arc<Woken>);

struct Woken(ThreadParker);

impl Wake for Woken {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.unpark();
    }
}

impl Runtime {
    fn new() -> Runtime {
        Runtime(std::sync::Arc::new(Woken(ThreadParker::new())))
    }

    /// Gives the hub turns until it is through.
    fn run(&self, remote: &Remote, mut turn: impl FnMut() -> bool) {
        let waker = Waker::from(std::sync::Arc::clone(&self.0));
        loop {
            remote.begin(&waker);
            if turn() {
                return;
            }
            self.0.0.park(None);
        }
    }
}

#[test]
fn a_hub_that_is_woken_from_outside_finds_who_is_to_run() {
    model_bounded(3, || {
        let remote = Arc::new(Remote::new());
        let wakers: Vec<_> = (1..=2)
            .map(|number| {
                let remote = Arc::clone(&remote);
                thread::spawn(move || {
                    let seat = Arc::new(Seat::new(number));
                    seat.write(number);
                    remote.inbox.push(seat);
                    remote.wake();
                })
            })
            .collect();
        let mut found = 0;
        Runtime::new().run(&remote, || {
            remote.inbox.drain(|seat| {
                assert_eq!(seat.read(), seat.number);
                found += 1;
            });
            found == 2
        });
        wakers.into_iter().for_each(|waker| waker.join().unwrap());
    });
}

/// Token, inbox and hub together: the coroutine parks while another thread wakes it.
#[test]
fn a_coroutine_that_parks_is_found_by_its_hub() {
    model_bounded(3, || {
        let shared = Arc::new((Remote::new(), Arc::new(Seat::new(0))));
        let waker = thread::spawn({
            let shared = Arc::clone(&shared);
            move || {
                let (remote, seat) = &*shared;
                seat.write(7);
                if seat.token.notify() {
                    remote.inbox.push(Arc::clone(seat));
                    remote.wake();
                }
            }
        });
        let (remote, seat) = &*shared;
        if seat.token.park() {
            let mut resumed = false;
            Runtime::new().run(remote, || {
                remote.inbox.drain(|seat| {
                    seat.token.run();
                    resumed = true;
                });
                resumed
            });
        }
        assert_eq!(seat.read(), 7);
        waker.join().unwrap();
    });
}
