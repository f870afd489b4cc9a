//! Cancellation: where it reaches a coroutine, and what it leaves behind.

use std::cell::{Cell, RefCell};
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::Mutex;
use std::thread::ThreadId;
use std::time::Duration;

use manyhands_coroutines::net::{TcpListener, TcpStream};
use manyhands_coroutines::{CoroutinePool, idle, sleep, spawn_local, timeout, yield_now};
use manyhands_executor::{Cancellation, InProcess, Task, scope};
use manyhands_wait::{Interrupt, check_cancelled, is_cancelled};

use crate::net_places::{LONG, eventually};

const SOON: Duration = Duration::from_millis(5);

/// Notes in which thread it is dropped.
struct Dropped(Rc<Cell<Option<ThreadId>>>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.set(Some(std::thread::current().id()));
    }
}

/// Begins a coroutine that does `wait`, cancels it there and looks whether its destructors have run.
fn cancelled_in(wait: impl FnOnce() + 'static) {
    let dropped = Rc::new(Cell::new(None));
    let guard = Dropped(Rc::clone(&dropped));
    let task = spawn_local(move || {
        let _guard = guard;
        wait();
        unreachable!("the wait ended");
    });
    for _ in 0..3 {
        yield_now(); // not `idle`: it may be one that is always ready
    }
    assert!(task.is_running());
    assert_eq!(task.cancel(), Cancellation::Requested);
    assert!(task.result().unwrap_err().is_cancelled());
    assert_eq!(dropped.get(), Some(std::thread::current().id()));
}

#[test]
fn while_it_sleeps() {
    cancelled_in(|| sleep(LONG));
}

#[test]
fn while_it_waits_for_io() {
    cancelled_in(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let _never = listener.accept();
    });
    cancelled_in(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let _never = stream.read(&mut [0]);
    });
}

#[test]
fn while_it_waits_for_a_task() {
    let other = Rc::new(RefCell::new(None));
    let kept = Rc::clone(&other);
    cancelled_in(move || {
        let task = spawn_local(|| sleep(LONG));
        *kept.borrow_mut() = Some(task.handle());
        let _never = task.result();
    });
    let other = other.take().unwrap();
    assert!(other.is_running(), "the task it waited for goes on");
    other.cancel();
    other.wait();
}

#[test]
fn while_it_yields() {
    cancelled_in(|| {
        loop {
            yield_now();
        }
    });
}

#[test]
fn while_it_waits_for_blocking_code() {
    cancelled_in(|| manyhands_coroutines::block(|| sleep(LONG)));
}

#[test]
fn while_it_waits_for_a_place() {
    cancelled_in(|| {
        let pool = manyhands_coroutines::Pool::new(1);
        for _ in 0..2 {
            let _detached = pool.spawn(|| sleep(LONG));
        }
    });
}

#[test]
fn while_it_waits_for_a_future_of_tokio() {
    cancelled_in(|| {
        let (_sender, receiver) = tokio::sync::oneshot::channel::<()>();
        let _never = manyhands_io::wait(receiver);
    });
    cancelled_in(|| manyhands_io::wait(async { tokio::time::sleep(LONG).await }));
}

#[test]
fn from_another_thread() {
    let dropped = Rc::new(Cell::new(None));
    let guard = Dropped(Rc::clone(&dropped));
    let task = spawn_local(move || {
        let _guard = guard;
        sleep(LONG);
    });
    idle();
    let handle = task.handle();
    std::thread::spawn(move || handle.cancel());
    assert!(task.result().unwrap_err().is_cancelled());
    assert_eq!(dropped.get(), Some(std::thread::current().id()));
}

#[test]
fn it_is_delivered_once() {
    let task = spawn_local(|| {
        let caught = catch_unwind(|| sleep(LONG)).unwrap_err();
        assert!(Interrupt::is(&*caught));
        assert!(is_cancelled());
        // Who caught it may clean up, waiting as long as it takes.
        sleep(SOON);
        yield_now();
        check_cancelled();
        manyhands_io::wait(async { tokio::time::sleep(SOON).await });
        "went on"
    });
    idle();
    task.cancel();
    assert_eq!(task.result().unwrap(), "went on");
}

#[test]
fn who_catches_it_on_the_way_may_pass_it_on() {
    let log = Rc::new(RefCell::new(Vec::new()));
    let noted = Rc::clone(&log);
    let task = spawn_local(move || {
        let caught = catch_unwind(AssertUnwindSafe(|| {
            let outcome = timeout(LONG, || sleep(LONG));
            noted.borrow_mut().push("the timeout took it for its own");
            outcome
        }));
        noted.borrow_mut().push("caught");
        sleep(SOON);
        resume_unwind(caught.unwrap_err());
    });
    idle();
    task.cancel();
    assert!(task.result().unwrap_err().is_cancelled());
    assert_eq!(*log.borrow(), ["caught"]);
}

#[test]
fn a_destructor_may_wait() {
    struct Slow(Rc<Cell<bool>>);
    impl Drop for Slow {
        fn drop(&mut self) {
            sleep(SOON);
            yield_now();
            self.0.set(true);
        }
    }
    let done = Rc::new(Cell::new(false));
    let slow = Slow(Rc::clone(&done));
    let task = spawn_local(move || {
        let _slow = slow;
        sleep(LONG);
    });
    idle();
    task.cancel();
    assert!(task.result().unwrap_err().is_cancelled());
    assert!(done.get());
}

#[test]
fn locks_are_released() {
    let ours = Rc::new(tokio::sync::Mutex::new(0));
    let std = Rc::new(Mutex::new(0));
    let task = spawn_local({
        let (ours, std) = (Rc::clone(&ours), Rc::clone(&std));
        move || {
            let _ours = manyhands_io::wait(ours.lock());
            *std.lock().unwrap() += 1; // released before the wait
            sleep(LONG);
        }
    });
    idle();
    assert!(ours.try_lock().is_err());
    let waiting = spawn_local({
        let ours = Rc::clone(&ours);
        move || *manyhands_io::wait(ours.lock())
    });
    idle();
    task.cancel();
    assert_eq!(waiting.result().unwrap(), 0);
    assert_eq!(*std.lock().unwrap(), 1);
    assert!(!std.is_poisoned());
    // One of std that is held during the wait is released as well, and poisoned as by a panic.
    let held = Rc::clone(&std);
    let task = spawn_local(move || {
        let _held = held.lock().unwrap();
        sleep(LONG);
    });
    idle();
    task.cancel();
    assert!(task.result().unwrap_err().is_cancelled());
    assert!(
        std.try_lock().is_err_and(|error| matches!(error, std::sync::TryLockError::Poisoned(_)))
    );
}

#[test]
fn one_that_has_not_begun_never_does_and_is_dropped_at_home() {
    let here = std::thread::current().id();
    let dropped = Rc::new(Cell::new(None));
    let unstarted = || {
        let guard = Dropped(Rc::clone(&dropped));
        spawn_local(move || {
            let _guard = guard;
            unreachable!("it was cancelled");
        })
    };
    let task: Task<()> = unstarted();
    assert_eq!(task.cancel(), Cancellation::Cancelled);
    assert_eq!(dropped.take(), Some(here), "cancelled at home it is dropped at once");
    assert!(task.result().unwrap_err().is_cancelled());

    let task = unstarted();
    let handle = task.handle();
    let cancelled = std::thread::spawn(move || handle.cancel()).join().unwrap();
    assert_eq!(cancelled, Cancellation::Cancelled);
    assert!(task.result().unwrap_err().is_cancelled());
    assert_eq!(dropped.get(), None, "it was dropped by another thread");
    idle();
    assert_eq!(dropped.get(), Some(here));
}

#[test]
fn an_unstarted_one_may_have_its_last_handle_elsewhere() {
    let here = std::thread::current().id();
    let dropped = Rc::new(Cell::new(None));
    let guard = Dropped(Rc::clone(&dropped));
    let task = spawn_local(move || drop(guard));
    let handle = task.handle();
    drop(task);
    std::thread::spawn(move || drop((handle.cancel(), handle))).join().unwrap();
    idle();
    assert_eq!(dropped.get(), Some(here));
}

#[test]
fn one_that_ends_at_that_moment_has_one_outcome() {
    for _ in 0..200 {
        let task = spawn_local(|| {
            yield_now();
            7
        });
        let handle = task.handle();
        let canceller = std::thread::spawn(move || handle.cancel());
        match task.result() {
            Ok(value) => assert_eq!(value, 7),
            Err(error) => assert!(error.is_cancelled()),
        }
        canceller.join().unwrap();
    }
}

#[test]
fn a_panic_ends_its_own_coroutine_alone() {
    let others: Vec<_> = (0..10)
        .map(|n| {
            spawn_local(move || {
                for _ in 0..10 {
                    yield_now();
                }
                Rc::new(n)
            })
        })
        .collect();
    let line = line!() + 3;
    let bad = spawn_local(|| -> u8 {
        yield_now();
        panic!("burnt {}", "toast")
    });
    let error = bad.result().unwrap_err();
    assert_eq!(error.message(), "burnt toast");
    let place = format!("{}:{line}:", file!());
    assert!(error.location().unwrap().starts_with(&place), "{error}");
    for (n, other) in others.into_iter().enumerate() {
        assert_eq!(*other.result().unwrap(), n);
    }
    // The stack it had is used again.
    for _ in 0..100 {
        assert!(spawn_local(|| panic!("as a test asked for")).result().unwrap_err().is_panicked());
    }
    assert_eq!(spawn_local(|| 1).result().unwrap(), 1);
}

#[test]
fn a_cancelled_owner_of_a_scope_takes_its_coroutines_along() {
    let pool = std::sync::Arc::new(CoroutinePool::new(2).unwrap());
    let begun = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let owner = InProcess::spawn(&*pool, {
        let (pool, begun) = (std::sync::Arc::clone(&pool), std::sync::Arc::clone(&begun));
        move || {
            scope(&*pool, |scope| {
                for _ in 0..20 {
                    scope.spawn(|| {
                        begun.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                        sleep(LONG);
                    });
                }
            })
        }
    });
    eventually("all have begun", || begun.load(std::sync::atomic::Ordering::Relaxed) == 20);
    owner.cancel();
    assert!(owner.result().unwrap_err().is_cancelled());
}

/// Sleeps when it is dropped.
struct Sleepy(Duration);

impl Drop for Sleepy {
    fn drop(&mut self) {
        sleep(self.0);
    }
}

#[test]
fn a_deadline_that_passes_while_another_one_unwinds_waits_for_that() {
    // To the whole thread it looks as if it were panicking while the first one sleeps in its
    // destructor, so nobody can be unwound meanwhile; the second one must let the first go on.
    let first = spawn_local(|| {
        let _sleepy = Sleepy(10 * SOON);
        sleep(LONG);
    });
    let second = spawn_local(|| timeout(4 * SOON, || sleep(LONG)));
    idle();
    first.cancel();
    assert!(first.result().unwrap_err().is_cancelled());
    assert!(second.result().unwrap().is_err());
}

#[test]
fn a_cancellation_that_comes_while_another_one_unwinds_is_not_lost() {
    let first = spawn_local(|| {
        let _sleepy = Sleepy(4 * SOON);
        sleep(LONG);
    });
    let second = spawn_local(|| sleep(LONG));
    idle();
    first.cancel();
    yield_now(); // it sleeps in its destructor
    assert!(first.is_running());
    second.cancel();
    assert!(second.result().unwrap_err().is_cancelled());
    assert!(first.result().unwrap_err().is_cancelled());
}
