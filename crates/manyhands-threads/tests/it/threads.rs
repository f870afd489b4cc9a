//! Single threads: results, names, lists, ends.

use std::sync::Arc;
use std::time::Duration;

use manyhands_executor::{TaskErrorKind, wait_all};
use manyhands_threads::{Thread, active_count, enumerate};

use crate::patience::{Gate, LONG, eventually};

#[test]
fn a_thread_returns_what_its_function_returns() {
    assert_eq!(Thread::spawn(|| 6 * 7).join().unwrap(), 42);
    let error = Thread::spawn(|| -> u8 { std::panic::resume_unwind(Box::new("snapped")) })
        .join()
        .unwrap_err();
    assert!(error.is_panicked());
    assert_eq!(error.message(), "snapped");
}

#[test]
fn it_is_alive_until_it_ends() {
    let gate = Arc::new(Gate::default());
    let thread = Thread::spawn({
        let gate = Arc::clone(&gate);
        move || gate.pass()
    });
    assert!(thread.is_alive());
    assert!(thread.error().is_none());
    assert!(thread.join_timeout(Duration::from_millis(1)).is_err());
    gate.open();
    thread.join_timeout(LONG).unwrap();
    thread.wait();
    assert!(!thread.is_alive());
    thread.join().unwrap();
}

#[test]
fn it_can_be_cancelled_in_a_wait() {
    let thread = Thread::spawn(|| manyhands_wait::sleep(LONG));
    thread.cancel();
    thread.wait();
    assert!(thread.error().unwrap().is_cancelled());
    assert_eq!(thread.join().unwrap_err().kind(), TaskErrorKind::Cancelled);
}

#[test]
fn threads_are_named_and_renamed() {
    let unnamed = Thread::spawn(|| Thread::current().name().to_string());
    let name = unnamed.name();
    assert!(name.starts_with("Thread-"), "{name}");
    assert_eq!(unnamed.join().unwrap(), *name);

    let (begun, go) = (Arc::new(Gate::default()), Arc::new(Gate::default()));
    let named = Thread::builder().name("baker").start({
        let (begun, go) = (Arc::clone(&begun), Arc::clone(&go));
        move || {
            assert_eq!(std::thread::current().name(), Some("baker"));
            begun.open();
            go.pass();
            let me = Thread::current();
            assert_eq!(&*me.name(), "confectioner");
            me.set_name("dishwasher");
        }
    });
    let named = named.unwrap();
    begun.pass();
    assert_eq!(&*named.name(), "baker");
    named.set_name("confectioner");
    go.open();
    named.wait();
    assert_eq!(&*named.name(), "dishwasher");
    assert!(format!("{named:?}").contains("dishwasher"));
    named.join().unwrap();
}

#[test]
fn a_thread_is_listed_from_its_start_to_its_end() {
    let gate = Arc::new(Gate::default());
    let thread = Thread::builder().name("listed in a test").daemon(true).start({
        let gate = Arc::clone(&gate);
        move || {
            gate.pass();
            Thread::current()
        }
    });
    let thread = thread.unwrap();
    let entry = || enumerate().into_iter().find(|entry| &*entry.name() == "listed in a test");
    let listed = entry().expect("it is listed as soon as it was started");
    assert!(listed.is_alive() && listed.is_daemon() && thread.is_daemon());
    assert!(active_count() >= 2);
    eventually("it has a number", || listed.native_id().is_some());
    assert!(format!("{listed:?}").starts_with("<Thread(listed in a test, started "));
    gate.open();
    let itself = thread.join().unwrap();
    assert_eq!(itself, listed);
    assert!(!listed.is_alive());
    assert!(entry().is_none(), "who was joined is not listed any more");
    assert!(format!("{listed:?}").starts_with("<Thread(listed in a test, stopped "));
}

#[test]
fn joining_comes_after_leaving_the_list() {
    for _ in 0..300 {
        let thread = Thread::builder().name("counted in a test").start(|| ()).unwrap();
        thread.join().unwrap();
        assert!(enumerate().iter().all(|entry| &*entry.name() != "counted in a test"));
    }
}

#[test]
fn the_main_thread_comes_first() {
    let all = enumerate();
    assert_eq!(&*all[0].name(), "MainThread");
    assert!(all[0].is_alive() && !all[0].is_daemon());
    assert_eq!(all[0].native_id(), Some(std::process::id() as i32));
    assert!(format!("{:?}", all[0]).starts_with("<_MainThread(MainThread, started "));
}

#[test]
fn threads_of_others_know_themselves() {
    let other = std::thread::Builder::new().name("somebody else's".to_owned()).spawn(|| {
        let me = Thread::current();
        assert_eq!(&*me.name(), "somebody else's");
        assert!(me.is_daemon() && me.is_alive() && me.native_id().is_some());
        assert_eq!(me, Thread::current());
    });
    other.unwrap().join().unwrap();
    assert!(enumerate().iter().all(|entry| &*entry.name() != "somebody else's"));
}

#[test]
fn threads_mix_with_other_tasks() {
    let threads: Vec<_> = (0..4).map(|n| Thread::spawn(move || n)).collect();
    assert_eq!(wait_all(threads.iter().map(Thread::handle)).done.len(), 4);
    let tasks: Vec<_> = threads.into_iter().map(Thread::into_task).collect();
    assert_eq!(tasks.into_iter().map(|task| task.result().unwrap()).sum::<i32>(), 6);
}

#[test]
fn a_thread_that_cannot_be_started_is_an_error() {
    let refused = Thread::builder().name("giant").stack_bytes(1 << 46).start(|| ());
    assert!(refused.is_err());
    assert!(enumerate().iter().all(|entry| &*entry.name() != "giant"));
}

#[test]
fn a_stack_is_as_large_as_asked() {
    #[inline(never)]
    fn deep(n: usize) -> usize {
        let block = std::hint::black_box([n as u8; 4096]);
        if n == 0 { 0 } else { deep(n - 1) + usize::from(block[0] == n as u8) }
    }
    let thread = Thread::builder().stack_bytes(64 << 20).start(|| deep(4000)).unwrap();
    assert_eq!(thread.join().unwrap(), 4000);
}

#[test]
fn a_value_that_nobody_wants_may_panic_when_it_is_dropped() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            std::panic::resume_unwind(Box::new("a bomb went off"));
        }
    }
    let gate = Arc::new(Gate::default());
    let thread = Thread::builder().name("bomb disposal").start({
        let gate = Arc::clone(&gate);
        move || {
            gate.pass();
            Bomb
        }
    });
    drop(thread.unwrap());
    gate.open();
    eventually("it is off the list", || {
        enumerate().iter().all(|entry| &*entry.name() != "bomb disposal")
    });
}

#[test]
fn many_threads_come_and_go() {
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for n in 0..50 {
                    assert_eq!(Thread::spawn(move || n).join().unwrap(), n);
                    assert!(active_count() >= 1);
                }
            });
        }
    });
}
