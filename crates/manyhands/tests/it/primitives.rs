//! Semaphore, event, condition variable and barrier between a thread, a coroutine and an async task at
//! the same time: one copy of each serves all three.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use manyhands::sync::{Barrier, BarrierErrorKind, Condvar, Event, Mutex, Semaphore};
use manyhands::{AnyExecutor, InProcess, Task, spawn_async};

use crate::patience::eventually;

/// Runs `plain` on a thread and in a coroutine of another thread, and `future` in an async task, all
/// at the same time; gives the tasks to `meanwhile`, and returns what they returned.
pub(crate) fn on_all_three<R: Send + 'static, F: Future<Output = R> + Send + 'static>(
    plain: impl Fn() -> R + Send + Sync + Clone + 'static,
    future: F,
    meanwhile: impl FnOnce(),
) -> Vec<R> {
    let threads: AnyExecutor = "threads:1".parse().unwrap();
    let coroutines: AnyExecutor = "coroutines:1".parse().unwrap();
    let tasks: [Task<R>; 3] =
        [threads.spawn(plain.clone()), coroutines.spawn(plain), spawn_async(future)];
    meanwhile();
    tasks.into_iter().map(|task| task.result().unwrap()).collect()
}

#[test]
fn an_event_lets_all_three_go_on() {
    let event = Arc::new(Event::new());
    let (plain, future) = (Arc::clone(&event), Arc::clone(&event));
    on_all_three(
        move || plain.wait(),
        async move { future.wait_async().await },
        || {
            eventually("all three wait", || event.waiting() == 3);
            event.set();
            event.clear();
        },
    );
    assert_eq!(event.waiting(), 0);
}

#[test]
fn permits_go_from_one_to_the_next() {
    const ROUNDS: usize = 500;
    let semaphore = Arc::new(Semaphore::new(2));
    let inside = Arc::new(AtomicUsize::new(0));
    let (plain, future) = (Arc::clone(&semaphore), Arc::clone(&semaphore));
    let (plain_inside, future_inside) = (Arc::clone(&inside), Arc::clone(&inside));
    let most = on_all_three(
        move || {
            let mut most = 0;
            for _ in 0..ROUNDS {
                let _permit = plain.acquire();
                most = most.max(plain_inside.fetch_add(1, Ordering::SeqCst) + 1);
                plain_inside.fetch_sub(1, Ordering::SeqCst);
            }
            most
        },
        async move {
            let mut most = 0;
            for round in 0..ROUNDS {
                let permits = 1 + round % 2;
                let _permits = future.acquire_many_async(permits).await;
                most = most.max(future_inside.fetch_add(permits, Ordering::SeqCst) + permits);
                future_inside.fetch_sub(permits, Ordering::SeqCst);
            }
            most
        },
        || (),
    );
    assert!(most.into_iter().all(|most| most <= 2));
    assert_eq!((semaphore.available(), semaphore.waiting()), (2, 0));
}

/// A number that the three count up in turns, each when it is its own.
#[test]
fn a_condition_is_waited_for_by_all_three() {
    const ROUNDS: usize = 300;
    let shared = Arc::new((Mutex::new(0usize), Condvar::new()));
    let turns = Arc::new(AtomicUsize::new(0));
    let (plain, future) = (Arc::clone(&shared), Arc::clone(&shared));
    on_all_three(
        move || {
            let (number, changed) = &*plain;
            let turn = turns.fetch_add(1, Ordering::SeqCst);
            for _ in 0..ROUNDS {
                *changed.wait_for(number.lock(), |number| *number % 3 == turn) += 1;
                changed.notify_all();
            }
        },
        async move {
            let (number, changed) = &*future;
            for _ in 0..ROUNDS {
                let guard = number.lock_async().await;
                *changed.wait_for_async(guard, |number| *number % 3 == 2).await += 1;
                changed.notify_all();
            }
        },
        || (),
    );
    assert_eq!(*shared.0.lock(), 3 * ROUNDS);
}

#[test]
fn all_three_meet_at_a_barrier() {
    const ROUNDS: usize = 200;
    let barrier = Arc::new(Barrier::new(3));
    let (plain, future) = (Arc::clone(&barrier), Arc::clone(&barrier));
    let indices = on_all_three(
        move || (0..ROUNDS).map(|_| plain.wait().unwrap().index()).collect::<Vec<_>>(),
        async move {
            let mut indices = Vec::new();
            for _ in 0..ROUNDS {
                indices.push(future.wait_async().await.unwrap().index());
            }
            indices
        },
        || (),
    );
    for round in 0..ROUNDS {
        let mut of_round: Vec<usize> = indices.iter().map(|of_one| of_one[round]).collect();
        of_round.sort_unstable();
        assert_eq!(of_round, [0, 1, 2]);
    }
}

#[test]
fn a_cancelled_coroutine_breaks_the_barrier_for_the_others() {
    let barrier = Arc::new(Barrier::new(5));
    let (plain, future, cancelled) =
        (Arc::clone(&barrier), Arc::clone(&barrier), Arc::clone(&barrier));
    let coroutines: AnyExecutor = "coroutines:1".parse().unwrap();
    let leaves = coroutines.spawn(move || cancelled.wait().is_ok());
    let kinds = on_all_three(
        move || plain.wait().unwrap_err().kind(),
        async move { future.wait_async().await.unwrap_err().kind() },
        || {
            eventually("one is missing", || barrier.waiting() == 4);
            leaves.cancel();
        },
    );
    assert_eq!(kinds, [BarrierErrorKind::Left; 3]);
    assert!(leaves.result().unwrap_err().is_cancelled());
}

/// A coroutine that is about to wait lets others run before it queues. What happens then counts.
#[test]
fn coroutines_of_one_thread_miss_nothing_while_they_give_way() {
    use manyhands::{spawn_local, yield_now};
    use std::rc::Rc;

    let event = Rc::new(Event::new());
    let waits = Rc::clone(&event);
    let waiter = spawn_local(move || waits.wait());
    let setter = spawn_local(move || {
        event.set();
        event.clear();
    });
    waiter.result().unwrap();
    setter.result().unwrap();

    let shared = Rc::new((Mutex::new(0), Condvar::new()));
    let waits = Rc::clone(&shared);
    let waiter = spawn_local(move || *waits.1.wait(waits.0.lock()));
    let notifier = spawn_local(move || {
        *shared.0.lock() = 7;
        assert_eq!(shared.1.notify_all(), 1);
    });
    assert_eq!(waiter.result().unwrap(), 7);
    notifier.result().unwrap();

    let semaphore = Rc::new(Semaphore::new(1));
    let order = Rc::new(std::cell::RefCell::new(Vec::new()));
    let tasks: Vec<_> = (0..4)
        .map(|number| {
            let (semaphore, order) = (Rc::clone(&semaphore), Rc::clone(&order));
            spawn_local(move || {
                let _permit = semaphore.acquire();
                yield_now();
                order.borrow_mut().push(number);
            })
        })
        .collect();
    tasks.into_iter().for_each(|task| task.result().unwrap());
    let mut order = order.take();
    order.sort_unstable();
    assert_eq!(order, [0, 1, 2, 3]);
}
