//! Cancelling tasks wherever they are: what is unwound, how often, and what is heard of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use manyhands::sync::Mutex;
use manyhands::{
    AnyExecutor, Cancellation, ExecutorExt, InProcess, Model, Task, ThreadPool, as_completed,
    check_cancelled, is_cancelled, sleep, wait_all,
};

use crate::models::{Busy, on_concurrent, on_queued, on_single};
use crate::own_process::{alone, errors_of};
use crate::patience::{Gate, LONG, eventually};

/// Notes that it was dropped.
struct Sets(Arc<AtomicBool>);

impl Drop for Sets {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Cancels a task that runs `body`, once it waits for `reason`, and sees that it ends as cancelled
/// with its destructors run before.
#[track_caller]
fn assert_unwound(executor: &AnyExecutor, reason: &str, body: impl FnOnce() + Send + 'static) {
    let dropped = Arc::new(AtomicBool::new(false));
    let sets = Sets(Arc::clone(&dropped));
    let task = executor.spawn(move || {
        let _sets = sets;
        body();
        unreachable!("it was cancelled while it waited");
    });
    let id = task.id();
    eventually("it waits", || {
        let dump = manyhands::dump();
        let mut waits = dump.contexts.iter().filter_map(|seen| seen.wait.as_ref());
        waits.any(|wait| {
            wait.reason == reason && wait.in_task.as_ref().is_some_and(|task| task.id == id)
        })
    });
    assert_eq!(task.cancel(), Cancellation::Requested);
    task.wait();
    assert!(task.is_cancelled());
    assert!(dropped.load(Ordering::Acquire), "destructors run before the task has ended");
    assert!(task.result().unwrap_err().is_cancelled());
}

/// Whoever holds a lock and cancels the task that waits for it may wait for that task: it ends.
#[test]
fn a_cancelled_task_takes_no_part_in_a_deadlock() {
    on_concurrent(|executor| {
        for round in 0..100 {
            let mutex = Arc::new(Mutex::new(()));
            let held = mutex.lock();
            let wanted = Arc::clone(&mutex);
            let task = match round % 2 {
                0 => executor.spawn(move || drop(wanted.lock())),
                _ => executor.spawn_async(async move { drop(wanted.lock_async().await) }),
            };
            eventually("it waits", || mutex.statistics().waiting > 0);
            task.cancel();
            let error = task.result().unwrap_err();
            assert!(error.is_cancelled(), "{error}");
            drop(held);
        }
    });
}

#[test]
fn a_queued_task_never_starts() {
    on_single(|executor| {
        let busy = Busy::on(executor);
        let dropped = Arc::new(AtomicBool::new(false));
        let sets = Sets(Arc::clone(&dropped));
        let task = executor.spawn(move || {
            let _sets = sets;
            unreachable!("it was cancelled in the queue");
        });
        assert_eq!(task.cancel(), Cancellation::Cancelled);
        assert!(dropped.load(Ordering::Acquire), "what it holds is released at once");
        busy.end();
        let task: Task<()> = task;
        assert!(task.result().unwrap_err().is_cancelled());
    });
}

#[test]
fn in_a_sleep() {
    on_queued(|executor| assert_unwound(executor, "sleep", || sleep(LONG)));
}

#[test]
fn in_a_wait_for_anothers_result() {
    on_queued(|executor| {
        let other: AnyExecutor = "threads:1".parse().unwrap();
        let busy = Arc::new(Busy::on(&other));
        let inside = Arc::clone(&busy);
        assert_unwound(executor, "result of a task", move || inside.task.wait());
        assert!(busy.task.is_running(), "the other task goes on");
        busy.end();
    });
}

#[test]
fn in_a_wait_for_the_next_of_several() {
    on_queued(|executor| {
        let other: AnyExecutor = "threads:1".parse().unwrap();
        let busy = Arc::new(Busy::on(&other));
        let inside = Arc::clone(&busy);
        assert_unwound(executor, "next task to end", move || {
            as_completed([&inside.task]).for_each(drop);
        });
        let inside = Arc::clone(&busy);
        assert_unwound(executor, "all of several tasks", move || {
            drop(wait_all([&inside.task]));
        });
        busy.end();
    });
}

#[test]
fn in_a_wait_for_room_in_a_queue() {
    on_queued(|executor| {
        let full = Arc::new(ThreadPool::builder().workers(1).queue_bound(1).build().unwrap());
        let gate = Arc::new(Gate::default());
        let begun = Arc::new(Gate::default());
        let inside = (Arc::clone(&begun), Arc::clone(&gate));
        let first = full.spawn(move || {
            inside.0.open();
            inside.1.pass();
        });
        begun.pass();
        let second = full.spawn(|| ());
        let inside = Arc::clone(&full);
        let ran = Arc::new(AtomicBool::new(false));
        let note = Arc::clone(&ran);
        assert_unwound(executor, "room in the queue of a thread pool", move || {
            drop(inside.spawn(move || note.store(true, Ordering::Relaxed)));
        });
        gate.open();
        assert_eq!(wait_all([first, second]).done.len(), 2);
        full.spawn(|| ()).result().unwrap();
        assert!(!ran.load(Ordering::Relaxed), "what was not taken does not run");
    });
}

#[test]
fn in_a_map() {
    on_queued(|executor| {
        let other: Arc<AnyExecutor> = Arc::new("threads:2".parse().unwrap());
        let begun = Arc::new(AtomicUsize::new(0));
        let inside = (Arc::clone(&other), Arc::clone(&begun));
        assert_unwound(executor, "result of a task", move || {
            let begun = inside.1;
            let slow = move |_: u32| {
                begun.fetch_add(1, Ordering::Relaxed);
                sleep(LONG);
            };
            inside.0.map_closure(slow, 0..100).for_each(drop);
        });
        // The map was dropped by the unwinding, so its calls were cancelled.
        other.spawn(|| ()).result().unwrap();
        assert!(begun.load(Ordering::Relaxed) <= 100);
    });
}

#[test]
fn what_it_runs_itself_instead_of_waiting_for_it_is_cancelled_too() {
    // With one worker the owner of a map, a group or a scope runs their tasks on its own stack. It
    // does not wait then, and still its cancellation gets through to what is its own.
    fn mapped(own: &Arc<AnyExecutor>, unordered: bool, begun: &Arc<Gate>) {
        let options = manyhands::MapOptions::new().chunk(1);
        let options = if unordered { options.unordered() } else { options };
        let begun = Arc::clone(begun);
        let slow = move |_: u32| {
            begun.open();
            sleep(LONG);
        };
        own.map_closure_with(options, slow, 0..3).for_each(drop);
    }
    type Way = fn(&Arc<AnyExecutor>, &Arc<Gate>);
    let ways: [Way; 5] = [
        |own, begun| mapped(own, false, begun),
        |own, begun| mapped(own, true, begun),
        |own, begun| {
            let group = manyhands::Group::new(own);
            for _ in 0..3 {
                let begun = Arc::clone(begun);
                drop(group.spawn(move || {
                    begun.open();
                    sleep(LONG);
                }));
            }
            drop(group.wait());
        },
        |own, begun| {
            let _ended = manyhands::scope(own, |scope| {
                drop(scope.spawn(|| {
                    begun.open();
                    sleep(LONG);
                }));
            });
        },
        |own, begun| {
            let _ended = manyhands::scope(own, |scope| {
                let task = scope.spawn(|| {
                    begun.open();
                    sleep(LONG);
                });
                drop(task.result());
                sleep(LONG);
            });
        },
    ];
    on_single(|executor| {
        for way in ways {
            let own: Arc<AnyExecutor> = Arc::new(executor.model().start().unwrap());
            let begun = Arc::new(Gate::default());
            let inside = (Arc::clone(&own), Arc::clone(&begun));
            let task = own.spawn(move || way(&inside.0, &inside.1));
            begun.pass();
            assert_eq!(task.cancel(), Cancellation::Requested);
            let started = std::time::Instant::now();
            assert!(task.result().unwrap_err().is_cancelled());
            assert!(started.elapsed() < LONG / 2, "{:?}", started.elapsed());
        }
    });
}

#[test]
fn in_a_loop_that_checks() {
    on_queued(|executor| {
        let task = executor.spawn(|| {
            loop {
                check_cancelled();
                std::hint::spin_loop();
            }
        });
        eventually("it runs", || task.is_running());
        task.cancel();
        let task: Task<()> = task;
        assert!(task.result().unwrap_err().is_cancelled());
    });
}

#[test]
fn between_two_waits() {
    // Cancelled while it computes, it ends at its next wait and not later.
    on_queued(|executor| {
        let (begun, go) = (Arc::new(Gate::default()), Arc::new(Gate::default()));
        let inside = (Arc::clone(&begun), Arc::clone(&go));
        let task = executor.spawn(move || {
            inside.0.open();
            inside.1.pass();
            assert!(is_cancelled());
            sleep(Duration::ZERO);
            unreachable!("even a wait for nothing is a wait");
        });
        begun.pass();
        task.cancel();
        go.open();
        let task: Task<()> = task;
        assert!(task.result().unwrap_err().is_cancelled());
    });
}

#[test]
fn a_destructor_may_wait() {
    on_queued(|executor| {
        struct Waits(AnyExecutor, Arc<AtomicUsize>);
        impl Drop for Waits {
            fn drop(&mut self) {
                sleep(Duration::from_millis(2));
                check_cancelled();
                let answer = self.0.spawn(|| 42).result().unwrap();
                assert_eq!(wait_all([self.0.spawn(|| ())]).done.len(), 1);
                self.1.store(answer, Ordering::Release);
            }
        }
        let (answer, begun) = (Arc::new(AtomicUsize::new(0)), Arc::new(Gate::default()));
        let waits = Waits("threads:1".parse().unwrap(), Arc::clone(&answer));
        let inside = Arc::clone(&begun);
        let task = executor.spawn(move || {
            let _waits = waits;
            inside.open();
            sleep(LONG);
        });
        begun.pass();
        task.cancel();
        assert!(task.result().unwrap_err().is_cancelled());
        assert_eq!(answer.load(Ordering::Acquire), 42);
    });
}

#[test]
fn a_task_that_swallows_it_goes_on() {
    on_queued(|executor| {
        let begun = Arc::new(Gate::default());
        let inside = Arc::clone(&begun);
        let task = executor.spawn(move || {
            inside.open();
            let swallowed = std::panic::catch_unwind(|| sleep(LONG)).is_err();
            sleep(Duration::from_millis(1));
            check_cancelled();
            (swallowed, is_cancelled())
        });
        begun.pass();
        assert_eq!(task.cancel(), Cancellation::Requested);
        assert_eq!(task.result().unwrap(), (true, true), "its value counts");
    });
}

#[test]
fn what_runs_on_the_same_stack_is_not_meant() {
    // The outer task is cancelled while it runs an inner one itself, because its executor has one
    // worker: the inner one is another task, and finishes.
    on_single(|executor| {
        let own: Arc<AnyExecutor> = Arc::new(executor.model().start().unwrap());
        let (begun, go) = (Arc::new(Gate::default()), Arc::new(Gate::default()));
        let finished = Arc::new(AtomicBool::new(false));
        let task = own.spawn({
            let (own, begun, go) = (Arc::clone(&own), Arc::clone(&begun), Arc::clone(&go));
            let finished = Arc::clone(&finished);
            move || {
                let inner = own.spawn(move || {
                    begun.open();
                    go.pass();
                    sleep(Duration::from_millis(1));
                    assert!(!is_cancelled());
                    finished.store(true, Ordering::Release);
                });
                inner.wait();
                check_cancelled();
            }
        });
        begun.pass();
        assert_eq!(task.cancel(), Cancellation::Requested);
        go.open();
        assert!(task.result().unwrap_err().is_cancelled());
        assert!(finished.load(Ordering::Acquire));
    });
}

#[test]
fn a_lock_held_by_a_cancelled_task_is_released() {
    on_queued(|executor| {
        let lock = Arc::new(std::sync::Mutex::new(1));
        let (inside, begun) = (Arc::clone(&lock), Arc::new(Gate::default()));
        let opener = Arc::clone(&begun);
        let task = executor.spawn(move || {
            let _guard = inside.lock();
            opener.open();
            sleep(LONG);
        });
        begun.pass();
        task.cancel();
        assert!(task.result().unwrap_err().is_cancelled());
        // std's mutex takes any unwinding for a panic and is poisoned, but it is free.
        assert!(
            lock.try_lock()
                .is_err_and(|error| matches!(error, std::sync::TryLockError::Poisoned(_)))
        );
    });
}

#[test]
fn the_panic_hook_is_silent() {
    let name = "cancelling::the_panic_hook_is_silent";
    let output = alone(name, &[], || {
        on_queued(|executor| {
            assert_unwound(executor, "sleep", || sleep(LONG));
            let future = executor.spawn_async(std::future::pending::<()>());
            eventually("it runs", || future.is_running());
            future.cancel();
            assert!(future.result().unwrap_err().is_cancelled());
        });
    });
    if let Some(output) = output {
        assert_eq!(errors_of(&output), "");
    }
}

#[test]
fn a_future_is_dropped_where_it_waits() {
    on_queued(|executor| {
        let dropped = Arc::new(AtomicBool::new(false));
        let sets = Sets(Arc::clone(&dropped));
        let task = executor.spawn_async(async move {
            let _sets = sets;
            std::future::pending::<()>().await;
        });
        eventually("it runs", || task.is_running());
        assert_eq!(task.cancel(), Cancellation::Requested);
        assert!(task.result().unwrap_err().is_cancelled());
        assert!(dropped.load(Ordering::Acquire));
    });
}

#[test]
fn it_races_with_everything() {
    on_concurrent(|executor| {
        for n in 0..500_u64 {
            let task = match n % 4 {
                0 => executor.spawn(move || n),
                1 => executor.spawn_async(async move { n }),
                2 => executor.spawn(move || {
                    sleep(Duration::from_micros(n % 50));
                    n
                }),
                _ => executor.submit(|n: u64| n, n),
            };
            if n % 3 == 0 {
                std::thread::yield_now();
            }
            let cancellation = task.cancel();
            match task.result() {
                Ok(value) => {
                    assert_eq!(value, n);
                    assert_ne!(cancellation, Cancellation::Cancelled);
                }
                Err(error) => {
                    assert!(error.is_cancelled(), "{error:?}");
                    assert_ne!(cancellation, Cancellation::TooLate);
                }
            }
        }
    });
    assert_eq!(Model::possible().len(), 9);
}
