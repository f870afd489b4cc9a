//! A guard that was leaked by a thread that has ended since.

use std::sync::{Arc, Mutex as StdMutex, mpsc};
use std::thread;

use manyhands_sync::{Mutex, RwLock, Semaphore};
use manyhands_wait::{
    CancelToken, HolderEnded, Report, ReportListener, on_report, tracked, with_cancel_token,
};

use crate::patience::{LONG, eventually};
use crate::polling::ByHand;

/// Hears of leaks of this one thing.
fn listen(what: &'static str) -> (mpsc::Receiver<HolderEnded>, ReportListener) {
    let (reports, heard) = mpsc::channel::<HolderEnded>();
    let reports = StdMutex::new(reports);
    let listener = on_report(move |report| {
        if let Report::HolderEnded(leak) = report
            && leak.waits_for() == what
        {
            let _test_is_over = reports.lock().unwrap().send(leak.clone());
        }
    });
    (heard, listener)
}

#[test]
fn who_waits_for_a_leaked_guard_is_reported_with_the_holder_and_its_place_once() {
    let (heard, _listener) = listen("mutex 'vault'");
    let vault = Arc::new(Mutex::named("vault", ()));
    let line = line!() + 4;
    let careless = thread::Builder::new().name("careless".into()).spawn({
        let vault = Arc::clone(&vault);
        move || {
            std::mem::forget(vault.lock());
        }
    });
    careless.unwrap().join().unwrap();

    let token = CancelToken::new();
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| with_cancel_token(&token, || drop(vault.lock())).unwrap_err());
        }
        let leak = heard.recv_timeout(LONG).expect("the leak is reported");
        assert!(!leak.holder().is_alive());
        let taken_at = leak.taken_at().and_then(|place| place.location()).unwrap();
        assert_eq!((taken_at.file(), taken_at.line()), (file!(), line));
        let words = leak.to_string();
        assert!(words.contains("waits for mutex 'vault' at "), "{words}");
        assert!(words.contains("held by thread 'careless' (ended) since "), "{words}");
        eventually("both wait", || vault.statistics().waiting == 2);
        token.cancel();
    });
    assert!(heard.try_recv().is_err(), "a second report of the same");
}

/// A thread takes something by `leak`, and ends once somebody else waits in `wait`, which is told then.
fn leaked_while_others_wait(
    what: &'static str,
    leak: impl FnOnce() + Send,
    waiting: impl Fn() -> usize + Sync,
    wait: impl FnOnce() + Send,
) {
    let (heard, _listener) = listen(what);
    let (token, (taken, is_taken)) = (CancelToken::new(), mpsc::channel());
    thread::scope(|scope| {
        let careless = thread::Builder::new().name("careless".into()).spawn_scoped(scope, || {
            leak();
            taken.send(()).unwrap();
            eventually("somebody waits", || waiting() == 1);
        });
        is_taken.recv().unwrap();
        scope.spawn(|| with_cancel_token(&token, wait).unwrap_err());
        let leak = heard.recv_timeout(LONG).expect("the leak is reported");
        careless.unwrap().join().unwrap();
        assert!(leak.to_string().contains("held by thread 'careless' (ended) since "), "{leak}");
        token.cancel();
    });
}

#[test]
fn whoever_waits_when_the_holder_of_a_mutex_ends_is_told() {
    let mutex = Mutex::named("left", ());
    leaked_while_others_wait(
        "mutex 'left'",
        || std::mem::forget(mutex.lock()),
        || mutex.statistics().waiting,
        || drop(mutex.lock()),
    );
}

#[test]
fn whoever_waits_when_a_writer_ends_is_told() {
    let lock = RwLock::named("left writing", ());
    leaked_while_others_wait(
        "read-write lock 'left writing' to read",
        || std::mem::forget(lock.write()),
        || lock.statistics().waiting,
        || drop(lock.read()),
    );
}

#[test]
fn whoever_waits_when_a_reader_ends_is_told() {
    let lock = RwLock::named("left reading", ());
    leaked_while_others_wait(
        "read-write lock 'left reading' to write",
        || std::mem::forget(lock.read()),
        || lock.statistics().waiting,
        || drop(lock.write()),
    );
}

#[test]
fn whoever_waits_when_the_holder_of_a_permit_ends_is_told() {
    let seats = Semaphore::named("left seats", 1);
    leaked_while_others_wait(
        "semaphore 'left seats'",
        || std::mem::forget(seats.acquire()),
        || seats.waiting(),
        || drop(seats.acquire()),
    );
}

#[test]
fn a_holder_that_was_let_in_while_others_waited_already_is_missed_as_well() {
    let (heard, _listener) = listen("mutex 'passed on'");
    let (token, mutex) = (CancelToken::new(), Mutex::named("passed on", ()));
    thread::scope(|scope| {
        let held = mutex.lock();
        let careless = scope.spawn(|| std::mem::forget(mutex.lock()));
        eventually("one waits", || mutex.statistics().waiting == 1);
        let patient = scope.spawn(|| with_cancel_token(&token, || drop(mutex.lock())).unwrap_err());
        eventually("two wait", || mutex.statistics().waiting == 2);
        drop(held);
        careless.join().unwrap();
        heard.recv_timeout(LONG).expect("the leak is reported");
        token.cancel();
        patient.join().unwrap();
    });
}

#[test]
fn an_async_task_that_ends_without_its_guard_is_missed() {
    let (heard, _listener) = listen("mutex 'left by a task'");
    let mutex = Arc::new(Mutex::named("left by a task", ()));
    let mut careless = ByHand::new(tracked(async {
        std::mem::forget(mutex.lock_async().await);
        std::future::poll_fn(|_| match mutex.statistics().waiting {
            0 => std::task::Poll::Pending,
            _ => std::task::Poll::Ready(()),
        })
        .await;
    }));
    assert!(careless.poll().is_pending());
    let mut patient = ByHand::new(tracked(async { drop(mutex.lock_async().await) }));
    assert!(patient.poll().is_pending());
    assert!(careless.poll().is_ready());
    drop(careless);
    let leak = heard.recv_timeout(LONG).expect("the leak is reported");
    assert!(!leak.holder().is_alive());
}
