//! Parkers: the thread's own, one in force for a stretch of code, one installed for a thread.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Waker;
use std::time::{Duration, Instant};

use manyhands_wait::{
    CancelToken, Parker, ThreadParker, has_own_parker, install_parker, sleep, with_parker,
};

use crate::patience::LONG;

#[test]
fn a_token_is_kept_for_the_next_park_and_used_once() {
    let parker = ThreadParker::new();
    parker.unpark();
    parker.unpark();
    parker.park(None);
    let started = Instant::now();
    parker.park(Some(started + Duration::from_millis(20)));
    assert!(started.elapsed() >= Duration::from_millis(20), "one token for two wake-ups");
}

#[test]
fn a_park_without_a_wake_up_ends_at_its_time() {
    let parker = ThreadParker::new();
    let started = Instant::now();
    parker.park(Some(started));
    parker.park_at_once(Some(started + Duration::from_millis(10)));
    assert!(started.elapsed() >= Duration::from_millis(10));
}

#[test]
fn two_threads_take_turns() {
    const ROUNDS: usize = 2_000;
    let parkers = [Arc::new(ThreadParker::new()), Arc::new(ThreadParker::new())];
    let turn = Arc::new(AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for me in 0..2 {
            let (parkers, turn) = (parkers.clone(), Arc::clone(&turn));
            scope.spawn(move || {
                for _ in 0..ROUNDS {
                    while turn.load(Ordering::Acquire) % 2 != me {
                        if turn.load(Ordering::Relaxed) % 3 == 0 {
                            parkers[me].park_at_once(None);
                        } else {
                            parkers[me].park(None);
                        }
                    }
                    turn.fetch_add(1, Ordering::Release);
                    parkers[1 - me].unpark();
                }
            });
        }
    });
    assert_eq!(turn.load(Ordering::Relaxed), 2 * ROUNDS);
}

/// A parker of a test: a thread's, with a count.
struct Counting {
    inner: Arc<ThreadParker>,
    parks: Cell<usize>,
    available: Cell<bool>,
}

impl Counting {
    fn new() -> Counting {
        let inner = Arc::new(ThreadParker::new());
        Counting { inner, parks: Cell::new(0), available: Cell::new(true) }
    }
}

impl Parker for Counting {
    fn waker(&self) -> Waker {
        Waker::from(Arc::clone(&self.inner))
    }

    fn park(&self, until: Option<Instant>) {
        self.parks.set(self.parks.get() + 1);
        self.inner.park(until);
    }

    fn is_available(&self) -> bool {
        self.available.get()
    }
}

#[test]
fn the_parker_in_force_parks_every_wait_inside() {
    let (outer, inner) = (Counting::new(), Counting::new());
    assert!(!has_own_parker());
    with_parker(&outer, || {
        assert!(has_own_parker());
        sleep(Duration::from_millis(1));
        let before = outer.parks.get();
        assert!(before > 0);
        with_parker(&inner, || sleep(Duration::from_millis(1)));
        assert!(inner.parks.get() > 0);
        assert_eq!(outer.parks.get(), before);
        sleep(Duration::from_millis(1));
        assert!(outer.parks.get() > before);
    });
    assert!(!has_own_parker());
}

#[test]
fn it_is_out_of_force_after_an_unwinding() {
    let parker = Counting::new();
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        with_parker(&parker, || std::panic::resume_unwind(Box::new(())));
    }));
    assert!(caught.is_err());
    assert!(!has_own_parker());
    sleep(Duration::from_millis(1));
    assert_eq!(parker.parks.get(), 0);
}

#[test]
fn one_that_cannot_park_now_is_passed_over() {
    let parker = Counting::new();
    parker.available.set(false);
    with_parker(&parker, || sleep(Duration::from_millis(1)));
    assert_eq!(parker.parks.get(), 0);
}

#[test]
fn an_installed_parker_stays_until_it_is_replaced() {
    std::thread::spawn(|| {
        let parker = Rc::new(Counting::new());
        let as_parker: Rc<dyn Parker> = Rc::<Counting>::clone(&parker);
        assert!(install_parker(Some(as_parker)).is_none());
        assert!(has_own_parker());
        sleep(Duration::from_millis(1));
        assert!(parker.parks.get() > 0);

        let scoped = Counting::new();
        let before = parker.parks.get();
        with_parker(&scoped, || sleep(Duration::from_millis(1)));
        assert_eq!(parker.parks.get(), before, "the one in force comes first");

        assert!(install_parker(None).is_some());
        assert!(!has_own_parker());
        sleep(Duration::from_millis(1));
        assert_eq!(parker.parks.get(), before);
    })
    .join()
    .unwrap();
}

#[test]
fn a_parker_may_be_replaced_while_it_parks() {
    // What a thread's reactor does when it is torn down below a wait: the wait goes on with it.
    struct Replaces(Counting);
    impl Parker for Replaces {
        fn waker(&self) -> Waker {
            self.0.waker()
        }
        fn park(&self, until: Option<Instant>) {
            install_parker(None);
            self.0.park(until);
        }
    }
    std::thread::spawn(|| {
        let replaces: Rc<dyn Parker> = Rc::new(Replaces(Counting::new()));
        install_parker(Some(replaces));
        sleep(Duration::from_millis(1));
        assert!(!has_own_parker());
    })
    .join()
    .unwrap();
}

#[test]
fn a_thread_can_wait_while_it_ends() {
    struct Late(std::sync::mpsc::Sender<()>);
    impl Drop for Late {
        fn drop(&mut self) {
            let token = CancelToken::new();
            std::thread::scope(|scope| {
                scope.spawn(|| token.cancel());
                assert!(manyhands_wait::wait_timeout(token.cancelled(), LONG).is_ok());
            });
            self.0.send(()).unwrap();
        }
    }
    thread_local! {
        static LATE: std::cell::RefCell<Option<Late>> = const { std::cell::RefCell::new(None) };
    }
    let (sender, receiver) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        LATE.with(|late| late.replace(Some(Late(sender))));
        sleep(Duration::from_micros(1));
    });
    receiver.recv_timeout(LONG).unwrap();
    thread.join().unwrap();
}
