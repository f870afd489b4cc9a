//! Tasks that await several things at a time: they are stuck if they are with each, whether they need one of
//! them or all.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Barrier, LazyLock};
use std::task::{Context, Poll, Wake, Waker};

use manyhands_wait::{Deadlock, dump, tracked, wait};

use super::baton::{Baton, Held};
use crate::patience::eventually;

type Taken = Result<Held, Deadlock>;

/// Takes both at the same time, and ends with both.
async fn both(one: &Arc<Baton>, other: &Arc<Baton>) -> (Taken, Taken) {
    let (mut one, mut other) = (pin!(one.take_async()), pin!(other.take_async()));
    let (mut first, mut second) = (None, None);
    poll_fn(move |cx| {
        if first.is_none() {
            first = ready(one.as_mut().poll(cx));
        }
        if second.is_none() {
            second = ready(other.as_mut().poll(cx));
        }
        match (first.take(), second.take()) {
            (Some(one), Some(other)) => Poll::Ready((one, other)),
            part => {
                (first, second) = part;
                Poll::Pending
            }
        }
    })
    .await
}

fn ready<T>(poll: Poll<T>) -> Option<T> {
    match poll {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}

/// Takes either, and ends with whichever comes first.
async fn either(one: &Arc<Baton>, other: &Arc<Baton>) -> Taken {
    let (mut one, mut other) = (pin!(one.take_async()), pin!(other.take_async()));
    poll_fn(|cx| match one.as_mut().poll(cx) {
        Poll::Pending => other.as_mut().poll(cx),
        ready => ready,
    })
    .await
}

/// Runs `task`, which has taken `own` and awaits `left` and `right`, against two threads that have these and
/// want `own`; says how many were told of a deadlock.
fn against_two_threads<F>(task: impl FnOnce([Arc<Baton>; 3], Arc<Barrier>) -> F + Send) -> usize
where
    F: Future<Output = usize>,
{
    let batons = ["own", "left", "right"].map(Baton::new);
    let all_have_theirs = Arc::new(Barrier::new(3));
    let [own, left, right] = &batons;
    std::thread::scope(|scope| {
        let threads = [left, right].map(|baton| {
            let between = Arc::clone(&all_have_theirs);
            scope.spawn(move || {
                let _held = baton.take();
                between.wait();
                own.take_checked().is_err()
            })
        });
        let task = {
            let (batons, between) = (batons.clone(), Arc::clone(&all_have_theirs));
            scope.spawn(move || wait(tracked(task(batons, between))))
        };
        let threads = threads.into_iter().filter_map(|thread| thread.join().unwrap().then_some(()));
        threads.count() + task.join().unwrap()
    })
}

#[test]
fn a_join_of_two_that_are_both_held_by_those_who_wait_for_it() {
    let told = against_two_threads(|[own, left, right], between| async move {
        let held = own.take_async().await.unwrap();
        between.wait();
        let (one, other) = both(&left, &right).await;
        drop(held);
        usize::from(one.is_err()) + usize::from(other.is_err())
    });
    // With either of its two threads it is in a circle; the second is left when the first is broken.
    assert!((1..=2).contains(&told), "{told}");
}

#[test]
fn a_select_of_two_that_are_both_held_by_those_who_wait_for_it() {
    let told = against_two_threads(|[own, left, right], between| async move {
        let held = own.take_async().await.unwrap();
        between.wait();
        let told = usize::from(either(&left, &right).await.is_err());
        drop(held);
        told
    });
    assert_eq!(told, 1);
}

/// The same one each time, which `Waker::noop` and its clones are not.
fn waker() -> Waker {
    struct Silent;
    impl Wake for Silent {
        fn wake(self: Arc<Self>) {}
    }
    static SILENT: LazyLock<Arc<Silent>> = LazyLock::new(|| Arc::new(Silent));
    Waker::from(Arc::clone(&SILENT))
}

fn poll<F: Future>(task: &mut Pin<Box<F>>) -> Poll<F::Output> {
    task.as_mut().poll(&mut Context::from_waker(&waker()))
}

#[test]
fn the_report_names_what_is_awaited_and_who_has_it() {
    let (own, left, right) = (Baton::new("own"), Baton::new("left one"), Baton::new("right one"));
    let mut task = Box::pin(tracked(async {
        let _held = own.take_async().await?;
        let _left = left.take_async().await?;
        let _right = right.take_async().await?;
        either(&left, &right).await.map(drop)
    }));
    assert!(poll(&mut task).is_pending());
    let Poll::Ready(Err(deadlock)) = poll(&mut task) else { panic!("it waits for itself") };
    let text = deadlock.to_string();
    for part in ["waits for baton 'left one' or baton 'right one' at ", "held by async task"] {
        assert!(text.contains(part), "{text:?} lacks {part:?}");
    }
}

#[test]
fn one_that_may_come_is_enough() {
    // Another one has `free`, and goes on.
    let (own, free) = (Baton::new("own"), Baton::new("comes later"));
    let others = free.take();
    let mut task = Box::pin(tracked(async {
        let _held = own.take_async().await.unwrap();
        either(&own, &free).await.unwrap();
    }));
    for _ in 0..3 {
        assert!(poll(&mut task).is_pending());
    }
    assert!(dump().to_string().contains("for baton 'own' or baton 'comes later'"));
    drop(others);
    assert!(poll(&mut task).is_ready());
}

#[test]
fn what_is_left_of_a_join_is_looked_at_when_the_other_has_come() {
    let (own, free) = (Baton::new("own"), Baton::new("comes first"));
    let others = free.take();
    let mut task = Box::pin(tracked(async {
        let _held = own.take_async().await.unwrap();
        let (own, free) = both(&own, &free).await;
        own.is_err() && free.is_ok()
    }));
    assert!(poll(&mut task).is_pending());
    drop(others);
    // It takes what has come, and what is left it has itself; told of that it is polled once more.
    assert!(poll(&mut task).is_pending());
    assert!(matches!(poll(&mut task), Poll::Ready(true)));
}

#[test]
fn two_waits_for_one_thing_prove_nothing() {
    let own = Baton::new("wanted twice");
    let held = own.take();
    let mut task = Box::pin(tracked(async { either(&own, &own).await.map(drop) }));
    for _ in 0..3 {
        assert!(poll(&mut task).is_pending());
    }
    drop(held);
    assert!(poll(&mut task).is_ready());
}

#[test]
fn a_wait_beside_that_is_not_polled_again_proves_nothing() {
    let (own, other) = (Baton::new("own"), Baton::new("left behind"));
    let others = other.take();
    let mut task = Box::pin(tracked(async {
        let _held = own.take_async().await.unwrap();
        let mut left_behind = Box::pin(other.take_async());
        let mut again = pin!(own.take_async());
        let mut polls = 0;
        poll_fn(|cx| {
            polls += 1;
            if polls == 1 {
                assert!(left_behind.as_mut().poll(cx).is_pending());
            }
            again.as_mut().poll(cx).map(drop)
        })
        .await;
    }));
    for _ in 0..4 {
        assert!(poll(&mut task).is_pending());
    }
    drop((task, others));
    eventually("both are free", || !own.is_held() && !other.is_held());
}
