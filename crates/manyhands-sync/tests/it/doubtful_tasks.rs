//! Tracked tasks whose waits only look as if nothing but a lock could end them.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Mutex as StdMutex;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use manyhands_sync::{Mutex, Semaphore};
use manyhands_wait::{Deadlock, tracked};

use crate::patience::{Gate, eventually};
use crate::polling::ByHand;

/// Pending once, with the task woken through a waker that is not kept.
async fn give_way() {
    let mut first = true;
    poll_fn(|cx| {
        if std::mem::take(&mut first) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    })
    .await;
}

/// Both at once, `one` polled first.
async fn both<A, B>(one: impl Future<Output = A>, other: impl Future<Output = B>) -> (A, B) {
    let (mut one, mut other) = (pin!(one), pin!(other));
    let (mut a, mut b) = (None, None);
    poll_fn(|cx| {
        poll_unless(&mut a, one.as_mut(), cx);
        poll_unless(&mut b, other.as_mut(), cx);
        if a.is_some() && b.is_some() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    (a.take().expect("both ended"), b.take().expect("both ended"))
}

fn poll_unless<F: Future>(done: &mut Option<F::Output>, future: Pin<&mut F>, cx: &mut Context<'_>) {
    if done.is_none()
        && let Poll::Ready(value) = future.poll(cx)
    {
        *done = Some(value);
    }
}

/// Something foreign that wakes a task.
#[derive(Default)]
struct Foreign(StdMutex<(bool, Option<Waker>)>);

impl Foreign {
    fn set(&self) {
        let waker = {
            let mut state = self.0.lock().unwrap();
            state.0 = true;
            state.1.take()
        };
        waker.into_iter().for_each(Waker::wake);
    }

    async fn wait(&self) {
        poll_fn(|cx| {
            let mut state = self.0.lock().unwrap();
            if state.0 {
                return Poll::Ready(());
            }
            state.1 = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

#[test]
fn a_task_that_has_woken_itself_goes_on() {
    let mutex = Mutex::new(());
    let holds = async {
        let _held = mutex.lock_async().await;
        give_way().await;
    };
    let waits = async { mutex.lock_async_checked().await.map(drop) };
    let ((), result): ((), Result<(), Deadlock>) =
        manyhands_wait::wait(tracked(both(holds, waits)));
    result.expect("the other branch was about to release it");
}

#[test]
fn a_branch_that_is_given_the_lock_by_a_later_branch_waits_for_nobody() {
    let (mutex, foreign) = (Mutex::new(()), Foreign::default());
    let mut task = ByHand::new(tracked(async {
        let held = mutex.lock_async().await;
        let waits = async { mutex.lock_async_checked().await.map(drop) };
        let releases = async {
            // Long enough to be handed over.
            std::thread::sleep(Duration::from_millis(2));
            drop(held);
            foreign.wait().await;
        };
        both(waits, releases).await.0
    }));
    for _ in 0..3 {
        assert!(task.poll().is_pending());
    }
    foreign.set();
    task.ready().expect("it was given the lock");
}

#[test]
fn a_wait_that_is_not_polled_any_more_is_not_what_the_task_waits_for() {
    let (first, second) = (Mutex::named("first", ()), Mutex::named("second", ()));
    let foreign = Foreign::default();
    let held = first.lock();
    let mut task = ByHand::new(tracked(async {
        let _second = second.lock_async().await;
        let mut put_aside = pin!(first.lock_async_checked());
        poll_fn(|cx| {
            assert!(put_aside.as_mut().poll(cx).is_pending());
            Poll::Ready(())
        })
        .await;
        foreign.wait().await;
    }));
    assert!(task.poll().is_pending());
    // Wakes the wait that was put aside; the other takes the lock before that is polled.
    drop(held);
    let gate = Gate::default();
    std::thread::scope(|scope| {
        let other = scope.spawn(|| {
            let _first = first.lock();
            gate.pass();
            second.lock_checked().map(drop)
        });
        eventually("the other has the first", || first.is_locked());
        assert!(task.poll().is_pending());
        gate.open();
        eventually("the other waits", || other.is_finished() || second.statistics().waiting == 1);
        foreign.set();
        task.ready();
        other.join().unwrap().expect("the task was going to go on, and to release it");
    });
}

#[test]
fn who_is_first_in_line_and_blocked_elsewhere_is_served_all_the_same() {
    let (semaphore, fork) = (Semaphore::new(2), Mutex::named("fork", ()));
    let permits = semaphore.acquire_many(2);
    std::thread::scope(|scope| {
        let fork_held = fork.lock();
        let (semaphore, fork) = (&semaphore, &fork);
        let first = scope.spawn(move || {
            manyhands_wait::wait(tracked(async {
                let mut one = pin!(semaphore.acquire_async());
                poll_fn(|cx| {
                    assert!(one.as_mut().poll(cx).is_pending());
                    Poll::Ready(())
                })
                .await;
                let locked = fork.lock_checked().map(drop);
                drop(one.await);
                locked
            }))
        });
        eventually("it waits for the fork", || fork.statistics().waiting == 1);
        // They belong to nobody in particular now.
        let owned = permits.into_owned();
        scope.spawn(move || {
            eventually("two wait", || semaphore.waiting() == 2);
            // Whoever waits has looked by then.
            std::thread::sleep(Duration::from_millis(20));
            drop(owned);
        });
        let second = semaphore.acquire_checked().map(drop);
        drop(fork_held);
        second.expect("both are served when the permits come back");
        first.join().unwrap().expect("the fork is released");
    });
}
