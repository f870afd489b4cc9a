//! The table of `docs/soundness.md`, as far as it can be shown.

use std::cell::{Cell, RefCell};
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::panic::catch_unwind;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use manyhands_coroutines::{forbid_suspend, idle, sleep, spawn_local, yield_now};
use manyhands_executor::Task;

use crate::child;
use crate::net_places::{LONG, eventually};

const SOON: Duration = Duration::from_millis(5);

/// Runs `body` on a thread that is expected to block for ever at the point where `body` says that it
/// will, and looks that it does.
fn blocks_its_thread(body: impl FnOnce(Arc<AtomicU32>) + Send + 'static) {
    let step = Arc::new(AtomicU32::new(0));
    let seen = Arc::clone(&step);
    // Never joined: it lives as long as the process.
    std::thread::spawn(move || body(step));
    eventually("it came to the point", || seen.load(Ordering::SeqCst) == 1);
    std::thread::sleep(20 * SOON); // it would have been time enough
    assert_eq!(seen.load(Ordering::SeqCst), 1, "it did not block");
}

#[test]
fn values_of_a_thread_keep_their_address_across_waits() {
    thread_local! {
        static VALUE: Cell<u32> = const { Cell::new(0) };
    }
    let task = spawn_local(|| {
        let before = VALUE.with(std::ptr::from_ref);
        VALUE.with(|value| {
            yield_now(); // inside `with`, not inside the initialiser
            value.set(value.get() + 1);
        });
        before == VALUE.with(std::ptr::from_ref)
    });
    assert!(task.result().unwrap());
}

#[test]
fn an_initialiser_that_forbids_waiting_panics_instead() {
    thread_local! {
        static TABLE: u32 = forbid_suspend(|| {
            yield_now();
            7
        });
    }
    let first = spawn_local(|| TABLE.with(|table| *table));
    let second = spawn_local(|| TABLE.with(|table| *table));
    assert!(first.result().unwrap_err().message().contains("forbid_suspend"));
    assert!(second.result().unwrap_err().is_panicked());
}

#[test]
fn while_one_waits_in_a_destructor_panics_of_others_are_their_own() {
    struct Waits(Rc<Cell<bool>>);
    impl Drop for Waits {
        fn drop(&mut self) {
            while !self.0.get() {
                yield_now();
            }
        }
    }
    let go_on = Rc::new(Cell::new(false));
    let waits = Waits(Rc::clone(&go_on));
    let first = spawn_local(move || -> u8 {
        let _waits = waits;
        panic!("the first")
    });
    yield_now();
    assert!(first.is_running());
    let second = spawn_local(|| {
        assert!(std::thread::panicking(), "so it looks to everybody on the thread");
        let caught = catch_unwind(|| panic!("caught by itself")).unwrap_err();
        assert_eq!(caught.downcast_ref(), Some(&"caught by itself"));
        yield_now();
        panic!("the second");
    });
    let error: manyhands_executor::TaskError = Task::<()>::result(second).unwrap_err();
    assert_eq!(error.message(), "the second");
    assert!(first.is_running());
    go_on.set(true);
    assert_eq!(first.result().unwrap_err().message(), "the first");
    assert!(!std::thread::panicking());
}

/// Calls `wait` through a frame of C's.
fn through_c_unwind(wait: extern "C-unwind" fn()) {
    wait();
}

extern "C-unwind" fn lets_through() {
    sleep(LONG);
}

extern "C" fn lets_nothing_through() {
    sleep(LONG);
}

#[test]
fn a_cancellation_passes_a_frame_that_may_unwind() {
    let task = spawn_local(|| through_c_unwind(lets_through));
    idle();
    task.cancel();
    assert!(task.result().unwrap_err().is_cancelled());
}

#[test]
fn a_cancellation_in_a_frame_that_cannot_unwind_ends_the_process() {
    let name = "soundness::a_cancellation_in_a_frame_that_cannot_unwind_ends_the_process";
    if child::is_asked_for(name) {
        let task = spawn_local(|| lets_nothing_through());
        idle();
        task.cancel();
        let _never = task.result();
        return;
    }
    let output = child::run(name);
    assert_eq!(output.status.signal(), Some(libc::SIGABRT), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("cannot unwind"), "{said}");
}

#[test]
fn a_lock_of_std_across_a_wait_blocks_the_thread() {
    blocks_its_thread(|step| {
        let mutex = Rc::new(Mutex::new(()));
        let holder = Rc::clone(&mutex);
        let first = spawn_local(move || {
            let _held = holder.lock();
            sleep(SOON);
        });
        yield_now();
        let second = spawn_local(move || {
            step.store(1, Ordering::SeqCst);
            drop(mutex.lock());
            step.store(2, Ordering::SeqCst);
        });
        second.wait();
        first.wait();
    });
}

#[test]
fn a_rendezvous_of_std_never_happens_on_one_thread() {
    blocks_its_thread(|step| {
        let (sender, receiver) = std::sync::mpsc::sync_channel(0);
        step.store(1, Ordering::SeqCst);
        let sends = spawn_local(move || sender.send(()).unwrap());
        let receives = spawn_local(move || receiver.recv().unwrap());
        receives.wait();
        sends.wait();
        step.store(2, Ordering::SeqCst);
    });
}

#[test]
fn a_lock_that_coroutines_wait_for_may_be_held_across_waits() {
    let mutex = Rc::new(tokio::sync::Mutex::new(0));
    let tasks = (0..20).map(|_| {
        let mutex = Rc::clone(&mutex);
        spawn_local(move || {
            let mut held = manyhands_io::wait(mutex.lock());
            let before = *held;
            yield_now();
            *held = before + 1;
        })
    });
    assert!(manyhands_coroutines::join_all(tasks).iter().all(Result::is_ok));
    assert_eq!(*mutex.try_lock().unwrap(), 20);
}

#[test]
fn a_cell_borrowed_across_a_wait_is_a_panic_of_the_second() {
    let cell = Rc::new(RefCell::new(0));
    let borrower = |cell: &Rc<RefCell<i32>>| {
        let cell = Rc::clone(cell);
        spawn_local(move || {
            let mut held = cell.borrow_mut();
            yield_now();
            *held += 1;
        })
    };
    let (first, second) = (borrower(&cell), borrower(&cell));
    assert!(second.result().unwrap_err().message().contains("already"));
    first.result().unwrap();
    assert_eq!(*cell.borrow(), 1);
}

#[test]
fn a_lock_on_standard_output_lets_the_others_print() {
    let name = "soundness::a_lock_on_standard_output_lets_the_others_print";
    if child::is_asked_for(name) {
        let first = spawn_local(|| {
            let mut out = std::io::stdout().lock();
            writeln!(out, "first 1").unwrap();
            yield_now();
            writeln!(out, "first 2").unwrap();
        });
        let second = spawn_local(|| writeln!(std::io::stdout().lock(), "second").unwrap());
        manyhands_coroutines::join_all([first, second]);
        return;
    }
    let output = child::run(name);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("first 1\nsecond\nfirst 2\n"), "{said}");
}

#[test]
fn parking_the_thread_takes_the_threads_token() {
    std::thread::current().unpark(); // meant for this thread
    let ended = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&ended);
    spawn_local(move || {
        std::thread::park(); // returns at once
        ended.store(true, Ordering::SeqCst);
    })
    .result()
    .unwrap();
    assert!(seen.load(Ordering::SeqCst));
}

#[test]
fn block_on_of_tokio_panics_in_a_coroutine() {
    let task = spawn_local(|| tokio::runtime::Handle::current().block_on(async {}));
    let error = task.result().unwrap_err();
    assert!(error.message().contains("runtime"), "{error}");
}

#[test]
fn what_is_suspended_when_its_thread_ends_is_leaked() {
    struct Dropped(Arc<AtomicBool>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            sleep(SOON);
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let dropped = Arc::new(AtomicBool::new(false));
    let guard = Dropped(Arc::clone(&dropped));
    let unbegun = Arc::new(());
    let kept = Arc::clone(&unbegun);
    let task = std::thread::spawn(move || {
        let task = spawn_local(move || {
            let _guard = guard;
            sleep(LONG);
        });
        idle();
        let _never_begun = spawn_local(move || drop(kept));
        task.handle()
    })
    .join()
    .unwrap();
    assert!(task.is_done(), "whoever waits for it is told");
    assert!(!dropped.load(Ordering::SeqCst));
    // What had not begun is no stack: that is dropped.
    assert_eq!(Arc::strong_count(&unbegun), 1);
    // Waking what is gone does nothing.
    assert_eq!(task.cancel(), manyhands_executor::Cancellation::TooLate);
}
