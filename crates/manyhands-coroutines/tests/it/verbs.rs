//! Verbs: yield, idle, join, block, timeouts, names.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::mpsc;
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use manyhands_coroutines::{
    block, current, forbid_suspend, idle, iwait, join_all, sleep, spawn_later, spawn_local,
    spawn_named, timeout, yield_now,
};
use manyhands_executor::{wait_all, wait_any};
use manyhands_wait::TimedOut;

use crate::net_places::LONG;

const SOON: Duration = Duration::from_millis(5);

type Log = Rc<RefCell<Vec<String>>>;

fn note(log: &Log, text: impl Into<String>) {
    log.borrow_mut().push(text.into());
}

#[test]
fn yielding_takes_turns() {
    let log = Log::default();
    let player = |what: &'static str| {
        let log = Rc::clone(&log);
        move || {
            note(&log, format!("{what} 1"));
            yield_now();
            note(&log, format!("{what} 2"));
        }
    };
    join_all([spawn_local(player("eat")), spawn_local(player("play"))]);
    assert_eq!(*log.borrow(), ["eat 1", "play 1", "eat 2", "play 2"]);
}

#[test]
fn sleeping_lets_the_other_one_play() {
    let log = Log::default();
    let eat = spawn_local({
        let log = Rc::clone(&log);
        move || {
            note(&log, "eat 1");
            sleep(40 * SOON);
            note(&log, "eat 2");
        }
    });
    let play = spawn_local({
        let log = Rc::clone(&log);
        move || {
            note(&log, "play 1");
            sleep(SOON);
            note(&log, "play 2");
        }
    });
    join_all([eat, play]);
    assert_eq!(*log.borrow(), ["eat 1", "play 1", "play 2", "eat 2"]);
}

#[test]
fn all_run_on_one_thread_and_share_without_locks() {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let tasks = (0..10).map(|_| {
        let seen = Rc::clone(&seen);
        spawn_local(move || {
            seen.borrow_mut().push(std::thread::current().id());
            yield_now();
            seen.borrow_mut().push(std::thread::current().id());
        })
    });
    assert!(join_all(tasks).iter().all(Result::is_ok));
    let here = std::thread::current().id();
    assert_eq!(*seen.borrow(), vec![here; 20]);
}

#[test]
fn a_thread_yields_to_its_coroutines() {
    let task = spawn_local(|| (0..10).for_each(|_| yield_now()));
    let mut yields = 0;
    while !task.is_done() {
        yield_now();
        yields += 1;
        assert!(yields < 1_000, "the coroutine has had no turn");
    }
}

#[test]
fn idle_waits_for_all_that_is_ready() {
    let busy = Rc::new(Cell::new(0));
    let worker = spawn_local({
        let busy = Rc::clone(&busy);
        move || {
            (0..1_000).for_each(|_| {
                yield_now();
                busy.set(busy.get() + 1);
            })
        }
    });
    let idler = || {
        let busy = Rc::clone(&busy);
        spawn_local(move || {
            idle();
            busy.get()
        })
    };
    let idlers = [idler(), idler()];
    let seen: Vec<_> = join_all(idlers).into_iter().map(Result::unwrap).collect();
    assert_eq!(seen, [1_000, 1_000]);
    worker.result().unwrap();
}

#[test]
fn idle_does_not_wait_for_those_that_wait() {
    let sleeper = spawn_local(|| sleep(LONG));
    let idler = spawn_local(idle);
    idler.result().unwrap();
    idle(); // from the thread, too
    assert!(sleeper.is_running());
    sleeper.cancel();
}

#[test]
fn idle_ends_when_it_is_cancelled() {
    let spinner = spawn_local(|| {
        loop {
            yield_now();
        }
    });
    let idler = spawn_local(|| timeout(SOON, idle));
    assert_eq!(idler.result().unwrap(), Err(TimedOut));
    spinner.cancel();
    assert!(spinner.result().unwrap_err().is_cancelled());
}

#[test]
fn idle_without_coroutines_returns() {
    std::thread::spawn(idle).join().unwrap();
    std::thread::spawn(|| tokio::runtime::Runtime::new().unwrap().block_on(async { idle() }))
        .join()
        .unwrap();
}

#[test]
fn join_all_keeps_the_order_and_every_outcome() {
    let tasks = (0..5_u64).map(|n| {
        spawn_local(move || {
            sleep(Duration::from_millis(5 - n));
            assert_ne!(n, 3, "as a test asked for");
            Rc::new(n)
        })
    });
    let outcomes = join_all(tasks);
    let values: Vec<_> = outcomes.iter().map(|outcome| outcome.as_deref().ok().copied()).collect();
    assert_eq!(values, [Some(0), Some(1), Some(2), None, Some(4)]);
    assert!(outcomes[3].as_ref().unwrap_err().is_panicked());
    assert!(join_all(Vec::<manyhands_executor::Task<Rc<()>>>::new()).is_empty());
}

#[test]
fn what_waits_for_several_takes_local_tasks() {
    let inside = spawn_local(|| {
        let spawn = || [4, 1, 2].map(|n| spawn_later(10 * n * SOON, move || Rc::new(n)));
        let order: Vec<_> = iwait(spawn()).map(|task| *task.result().unwrap()).collect();
        assert_eq!(order, [1, 2, 4]);
        let waited = wait_any(spawn());
        assert_eq!(waited.done.len() + waited.not_done.len(), 3);
        assert_eq!(wait_all(waited.not_done).not_done.len(), 0);
        let mut some = iwait(spawn());
        assert!(some.next().is_some()); // the others go on
    });
    inside.result().unwrap();
}

#[test]
fn blocking_code_holds_up_nobody() {
    // Only if all block at the same time does the barrier open.
    const COUNT: usize = 8;
    let barrier = Arc::new(Barrier::new(COUNT));
    let tasks = (0..COUNT).map(|_| {
        let barrier = Arc::clone(&barrier);
        spawn_local(move || {
            block(move || {
                barrier.wait();
                std::thread::current().id()
            })
        })
    });
    let here = std::thread::current().id();
    assert!(join_all(tasks).into_iter().all(|thread| thread.unwrap() != here));
}

#[test]
fn a_thread_that_blocks_elsewhere_runs_its_coroutines_meanwhile() {
    let (sender, receiver) = mpsc::channel();
    let _detached = spawn_local(move || sender.send(7).unwrap());
    assert_eq!(block(move || receiver.recv_timeout(LONG)), Ok(7));
}

#[test]
fn a_panic_of_blocking_code_keeps_message_and_place() {
    let line = line!() + 1;
    let task = spawn_local(|| block(|| panic!("as a test asked for")));
    let error = task.result().unwrap_err();
    assert!(error.is_panicked());
    assert_eq!(error.message(), "as a test asked for");
    let place = format!("{}:{line}:", file!());
    assert!(error.location().unwrap().starts_with(&place), "{error}");
}

#[test]
fn who_is_cancelled_leaves_blocking_code_behind_and_asks_it_to_end() {
    let (ended, end) = mpsc::channel();
    let (begun, begin) = mpsc::channel();
    let task = spawn_local(move || {
        block(move || {
            struct Tell(mpsc::Sender<bool>);
            impl Drop for Tell {
                fn drop(&mut self) {
                    self.0.send(manyhands_wait::is_cancelled()).unwrap();
                }
            }
            let _tell = Tell(ended);
            begun.send(()).unwrap();
            sleep(LONG);
        });
    });
    let begin = block(move || begin.recv_timeout(LONG));
    begin.unwrap();
    task.cancel();
    assert!(task.result().unwrap_err().is_cancelled());
    assert_eq!(end.recv_timeout(LONG), Ok(true));
}

#[test]
fn blocking_code_that_has_not_begun_never_does() {
    const THREADS: usize = 32; // of a thread's own runtime
    let busy: Vec<_> = (0..THREADS)
        .map(|_| {
            let (release, released) = mpsc::channel::<()>();
            let task = spawn_local(move || block(move || released.recv_timeout(LONG)));
            (task, release)
        })
        .collect();
    idle(); // all are queued
    let kept = Arc::new(());
    let held = Arc::clone(&kept);
    let late = spawn_local(move || timeout(SOON, || block(move || drop(held))));
    assert_eq!(late.result().unwrap(), Err(TimedOut));
    assert_eq!(Arc::strong_count(&kept), 1, "the closure was kept");
    for (task, release) in busy {
        release.send(()).unwrap();
        assert_eq!(task.result().unwrap(), Ok(()));
    }
}

#[test]
fn an_inner_timeout_ends_the_inner_code_alone() {
    let task = spawn_local(|| {
        let begun = Instant::now();
        let outer = timeout(LONG, || {
            assert_eq!(timeout(SOON, || sleep(LONG)), Err(TimedOut));
            yield_now();
            "went on"
        });
        assert_eq!(outer, Ok("went on"));
        assert!(begun.elapsed() < LONG);
    });
    task.result().unwrap();
}

#[test]
fn an_outer_timeout_ends_the_inner_code_too() {
    let task = spawn_local(|| {
        let inner = Rc::new(Cell::new(false));
        let outer = timeout(SOON, || {
            let _never = timeout(LONG, || sleep(LONG));
            inner.set(true);
        });
        assert_eq!(outer, Err(TimedOut));
        assert!(!inner.get(), "the inner one went on");
        sleep(SOON); // nothing is left of either
    });
    task.result().unwrap();
}

#[test]
fn timeouts_of_coroutines_do_not_touch_each_other() {
    let hasty = spawn_local(|| timeout(SOON, || sleep(LONG)));
    let patient = spawn_local(|| timeout(LONG, || sleep(4 * SOON)));
    assert_eq!(hasty.result().unwrap(), Err(TimedOut));
    assert_eq!(patient.result().unwrap(), Ok(()));
}

#[test]
fn names_show_in_dumps() {
    let quiet = spawn_local(|| sleep(LONG));
    let named = spawn_named("crawler", || {
        let me = current();
        assert!(me.is_coroutine());
        assert_eq!(&*me.name(), "crawler");
        me.set_name("crawler 2");
        assert_eq!(current(), me);
        sleep(LONG);
    });
    idle();
    let dump = manyhands_wait::dump().to_string();
    assert!(dump.contains("'crawler 2'") && dump.contains("sleep"), "{dump}");
    assert!(dump.contains("'coroutine-"), "{dump}");
    named.cancel();
    quiet.cancel();
    assert!(!current().is_coroutine());
    let again = spawn_local(|| current().name());
    assert_ne!(&*again.result().unwrap(), "crawler 2", "a name outlived its coroutine");
}

#[test]
fn nobody_waits_where_it_is_forbidden() {
    for wait in [|| sleep(SOON), yield_now, || spawn_local(|| {}).result().unwrap(), idle] {
        let ran = Rc::new(Cell::new(false));
        let in_between = Rc::clone(&ran);
        let task = spawn_local(move || {
            let _other = spawn_local(move || in_between.set(true));
            forbid_suspend(wait);
        });
        let error = task.result().unwrap_err();
        assert!(error.message().contains("forbid_suspend"), "{error}");
        idle();
        assert!(ran.get());
    }
}

#[test]
fn what_is_ready_may_be_waited_for_where_waiting_is_forbidden() {
    let task = spawn_local(|| {
        let done = spawn_local(|| 1);
        done.wait();
        forbid_suspend(|| done.result().unwrap() + forbid_suspend(|| 1))
    });
    assert_eq!(task.result().unwrap(), 2);
    // The ban ended with the closure, also where it panicked.
    let after = spawn_local(|| {
        let caught = std::panic::catch_unwind(|| forbid_suspend(|| sleep(SOON)));
        assert!(caught.is_err());
        sleep(SOON);
    });
    after.result().unwrap();
}

#[test]
fn a_thread_with_coroutines_must_not_wait_there_either() {
    let other = spawn_local(|| 1);
    let caught = std::panic::catch_unwind(|| forbid_suspend(|| sleep(SOON)));
    assert!(caught.is_err());
    assert!(!other.is_done());
    assert_eq!(other.result().unwrap(), 1);
    // Without coroutines there is nobody to see anything.
    std::thread::spawn(|| forbid_suspend(|| sleep(SOON))).join().unwrap();
}
