//! Overflows and other faults, each in a process of its own.

use std::hint::black_box;
use std::os::unix::process::ExitStatusExt;
use std::process::Output;

use corosensei::Coroutine;
use manyhands_wait::{Ambient, ContextKind, ScheduledContext};

use super::Running;
use crate::child;
use crate::stack::{Stack, StackSize};

/// Uses stack without end.
#[inline(never)]
fn dive(depth: u64) -> u64 {
    let frame = black_box([depth; 32]);
    if depth == u64::MAX { 0 } else { dive(depth + 1) + black_box(frame)[7] }
}

/// Runs `f` on `stack` as a coroutine that is switched by hand.
fn in_coroutine(stack: Stack, name: Option<&str>, f: impl FnOnce() + 'static) {
    let running = Running::new(&stack);
    running.set_id(42);
    running.set_name(name.map(Into::into));
    let mut coroutine = Coroutine::<(), (), (), Stack>::with_stack(stack, move |_, ()| f());
    let ambient = Ambient::new();
    ambient.set_owner(&raw const running);
    // SAFETY: both stay here until the coroutine has ended.
    unsafe { ambient.enter() };
    coroutine.resume(());
    // SAFETY: control is back.
    unsafe { ambient.leave() };
}

fn stack() -> Stack {
    Stack::new(StackSize::DEFAULT).unwrap()
}

/// In the child runs `f`, which does not return; in the parent returns how the child has ended.
fn end_of(name: &str, f: impl FnOnce()) -> (Output, String) {
    let name = format!("overflow::tests::{name}");
    if child::is_asked_for(&name) {
        f();
        std::process::exit(99);
    }
    let output = child::run(&name);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    (output, stderr)
}

#[test]
fn a_named_coroutine_is_named() {
    let (output, stderr) = end_of("a_named_coroutine_is_named", || {
        in_coroutine(stack(), Some("crawler"), || _ = dive(0));
    });
    assert_eq!(output.status.signal(), Some(libc::SIGABRT), "{output:?}");
    let expected = "coroutine 'crawler' (#42) has overflowed its stack of 256 KiB; ";
    assert!(stderr.contains(expected), "{stderr}");
}

#[test]
fn one_without_a_name_has_its_number() {
    let (output, stderr) = end_of("one_without_a_name_has_its_number", || {
        in_coroutine(Stack::new(StackSize::MIN).unwrap(), None, || _ = dive(0));
    });
    assert_eq!(output.status.signal(), Some(libc::SIGABRT), "{output:?}");
    assert!(stderr.contains("coroutine #42 has overflowed its stack of 64 KiB; "), "{stderr}");
}

#[test]
fn guards_by_protection_are_known_too() {
    let (output, stderr) = end_of("guards_by_protection_are_known_too", || {
        drop(stack());
        in_coroutine(Stack::guarded_by_protection(), Some("old kernel"), || _ = dive(0));
    });
    assert_eq!(output.status.signal(), Some(libc::SIGABRT), "{output:?}");
    assert!(stderr.contains("coroutine 'old kernel' (#42) has overflowed"), "{stderr}");
}

#[test]
fn an_overflow_of_a_thread_is_reported_by_std() {
    let (output, stderr) = end_of("an_overflow_of_a_thread_is_reported_by_std", || {
        let thread = std::thread::Builder::new().name("plain".to_owned()).spawn(|| {
            in_coroutine(stack(), Some("ended before"), || ());
            dive(0)
        });
        thread.unwrap().join().unwrap();
    });
    assert_eq!(output.status.signal(), Some(libc::SIGABRT), "{output:?}");
    assert!(stderr.contains("thread 'plain'"), "{stderr}");
    assert!(stderr.contains("has overflowed its stack"), "{stderr}");
    assert!(!stderr.contains("coroutine"), "{stderr}");
}

#[test]
fn another_fault_in_a_coroutine_stays_a_fault() {
    let (output, stderr) = end_of("another_fault_in_a_coroutine_stays_a_fault", || {
        in_coroutine(stack(), Some("careless"), || {
            let nowhere = black_box(std::ptr::without_provenance_mut::<u8>(8));
            // SAFETY: none; this is the fault that the test is about.
            unsafe { nowhere.write_volatile(1) };
        });
    });
    assert_eq!(output.status.signal(), Some(libc::SIGSEGV), "{output:?}");
    assert!(!stderr.contains("overflowed"), "{stderr}");
}

#[test]
fn a_signal_that_was_sent_ends_the_process_as_before() {
    let (output, _) = end_of("a_signal_that_was_sent_ends_the_process_as_before", || {
        in_coroutine(stack(), None, || {
            // Std's handler takes the first one for a fault that will come again.
            loop {
                // SAFETY: sends this very process a signal.
                unsafe { libc::kill(libc::getpid(), libc::SIGSEGV) };
            }
        });
    });
    assert_eq!(output.status.signal(), Some(libc::SIGSEGV), "{output:?}");
}

#[test]
fn a_handler_of_the_program_gets_what_is_not_an_overflow() {
    extern "C" fn leave(_: libc::c_int) {
        // SAFETY: ends the process; allowed in handlers.
        unsafe { libc::_exit(42) };
    }
    let (output, _) = end_of("a_handler_of_the_program_gets_what_is_not_an_overflow", || {
        let handler = leave as extern "C" fn(libc::c_int) as libc::sighandler_t;
        // SAFETY: `leave` is a handler, installed before the first stack is made.
        unsafe { libc::signal(libc::SIGSEGV, handler) };
        in_coroutine(stack(), None, || {
            let nowhere = black_box(std::ptr::without_provenance_mut::<u8>(8));
            // SAFETY: none; this is the fault that the test is about.
            unsafe { nowhere.write_volatile(1) };
        });
    });
    assert_eq!(output.status.code(), Some(42), "{output:?}");
}

#[test]
fn threads_of_c_code_report_too() {
    extern "C" fn body(_: *mut libc::c_void) -> *mut libc::c_void {
        in_coroutine(stack(), Some("on a foreign thread"), || _ = dive(0));
        std::ptr::null_mut()
    }
    let (output, stderr) = end_of("threads_of_c_code_report_too", || {
        let mut thread = 0;
        let none = std::ptr::null_mut();
        // SAFETY: `body` is a thread's function and needs no argument; the thread is joined.
        unsafe {
            assert_eq!(libc::pthread_create(&mut thread, std::ptr::null(), body, none), 0);
            libc::pthread_join(thread, std::ptr::null_mut());
        }
    });
    assert_eq!(output.status.signal(), Some(libc::SIGABRT), "{output:?}");
    assert!(stderr.contains("coroutine 'on a foreign thread' (#42) has overflowed"), "{stderr}");
}

#[test]
fn the_inner_of_two_coroutines_is_the_one_that_is_named() {
    // Suspending the outer one from inside the inner one leaves both; resuming it enters both.
    let (output, stderr) = end_of("the_inner_of_two_coroutines_is_the_one_that_is_named", || {
        let outer_stack = stack();
        let running = Running::new(&outer_stack);
        running.set_name(Some("outer".into()));
        let mut outer = Coroutine::<(), (), (), Stack>::with_stack(outer_stack, |yielder, ()| {
            let yielder: *const corosensei::Yielder<(), ()> = yielder;
            in_coroutine(stack(), Some("inner"), move || {
                // SAFETY: the outer coroutine waits for this one, so that its yielder is there.
                unsafe { (*yielder).suspend(()) };
                dive(0);
            });
        });
        let context = ScheduledContext::new(ContextKind::Coroutine);
        context.ambient().set_owner(&raw const running);
        loop {
            // SAFETY: both stay here.
            unsafe { context.enter() };
            outer.resume(());
            // SAFETY: control is back.
            unsafe { context.leave() };
            assert!(super::running().is_null());
        }
    });
    assert_eq!(output.status.signal(), Some(libc::SIGABRT), "{output:?}");
    assert!(stderr.contains("coroutine 'inner' (#42) has overflowed"), "{stderr}");
}
