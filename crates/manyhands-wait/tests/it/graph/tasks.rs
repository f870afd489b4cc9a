//! Async tasks in the graph: what a task waits for by `.await` is known if nothing else can wake it.

use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Barrier, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use manyhands_wait::{
    Agent, ContextKind, Deadlock, LayerTask, TaskLabel, dump, timeout, tracked, tracked_for, wait,
};

use super::baton::Baton;

/// Takes two batons one after the other, with the others in between.
async fn take_both(
    first: &Arc<Baton>,
    second: &Arc<Baton>,
    between: &Barrier,
) -> Result<(), Deadlock> {
    let _first = first.take_async().await?;
    between.wait();
    second.take_async().await.map(drop)
}

#[test]
fn two_tasks_that_take_in_opposite_order() {
    let (a, b, between) = (Baton::new("a"), Baton::new("b"), Barrier::new(2));
    let results = std::thread::scope(|scope| {
        let one = scope.spawn(|| wait(tracked(take_both(&a, &b, &between)).named("one")));
        let other = scope.spawn(|| wait(tracked(take_both(&b, &a, &between)).named("other")));
        [one.join().unwrap(), other.join().unwrap()]
    });
    let deadlock = match &results {
        [Err(deadlock), Ok(())] | [Ok(()), Err(deadlock)] => deadlock,
        both => panic!("one victim: {both:?}"),
    };
    let text = deadlock.to_string();
    for part in ["async task 'one'", "async task 'other'", "baton 'a'", "baton 'b'", file!()] {
        assert!(text.contains(part), "{text:?} lacks {part:?}");
    }
    assert!(deadlock.participants().all(|it| it.kind() == ContextKind::AsyncTask));
}

#[test]
fn a_task_and_a_thread() {
    let (a, b, between) = (Baton::new("a"), Baton::new("b"), Barrier::new(2));
    let results = std::thread::scope(|scope| {
        let task = scope.spawn(|| wait(tracked(take_both(&a, &b, &between))));
        let thread = scope.spawn(|| {
            let _b = b.take();
            between.wait();
            a.take_checked().map(drop)
        });
        [task.join().unwrap(), thread.join().unwrap()]
    });
    assert_eq!(results.iter().filter(|result| result.is_err()).count(), 1, "{results:?}");
}

#[test]
fn a_task_that_awaits_what_it_holds() {
    let own = Baton::new("own");
    let result = wait(tracked(async {
        let _held = own.take_async().await?;
        own.take_async().await.map(drop)
    }));
    assert!(result.unwrap_err().to_string().contains("waits for itself"));
    assert!(!own.is_held());
}

#[test]
fn a_blocking_call_inside_of_a_poll_stops_the_task_too() {
    // The task holds `a` and blocks its thread for `b`; the thread that has `b` wants `a`.
    let (a, b, between) = (Baton::new("a"), Baton::new("b"), Barrier::new(2));
    let results = std::thread::scope(|scope| {
        let task = scope.spawn(|| {
            wait(tracked(async {
                let _a = a.take_async().await?;
                between.wait();
                b.take_checked().map(drop)
            }))
        });
        let thread = scope.spawn(|| {
            let _b = b.take();
            between.wait();
            a.take_checked().map(drop)
        });
        [task.join().unwrap(), thread.join().unwrap()]
    });
    assert_eq!(results.iter().filter(|result| result.is_err()).count(), 1, "{results:?}");
}

/// Whether a task that holds a baton and awaits it again, in the way that `how` says, still waits when
/// it was polled some more: nothing was proven.
fn is_in_doubt<F: Future<Output = ()>>(how: impl FnOnce(Arc<Baton>) -> F) -> bool {
    let baton = Baton::new("own");
    let mut task = pin!(tracked(async {
        let _held = baton.take_async().await.unwrap();
        how(Arc::clone(&baton)).await;
    }));
    let mut cx = Context::from_waker(Waker::noop());
    (0..3).all(|_| task.as_mut().poll(&mut cx).is_pending())
}

/// Queues the waker somewhere, as a timer would.
struct Elsewhere(Mutex<Option<Waker>>);

impl Elsewhere {
    fn new() -> Elsewhere {
        Elsewhere(Mutex::new(None))
    }

    async fn wait(&self) {
        poll_fn(|cx| {
            *self.0.lock().unwrap() = Some(cx.waker().clone());
            Poll::Pending
        })
        .await
    }
}

/// Ends with the first of two.
async fn either<A: Future, B: Future>(one: A, other: B) {
    let (mut one, mut other) = (pin!(one), pin!(other));
    poll_fn(|cx| {
        if one.as_mut().poll(cx).is_ready() || other.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        Poll::Pending
    })
    .await
}

#[test]
fn with_something_else_that_may_wake_it_nothing_is_proven() {
    assert!(is_in_doubt(|baton| async move {
        let elsewhere = Elsewhere::new();
        either(baton.take_async(), elsewhere.wait()).await;
    }));
}

#[test]
fn beside_what_never_wakes_it_the_wait_is_alone() {
    assert!(!is_in_doubt(|baton| async move {
        either(baton.take_async(), pending::<()>()).await;
    }));
}

#[test]
fn behind_a_combinator_with_wakers_of_its_own_nothing_is_proven() {
    /// Wakes the task, from among others.
    struct Own(Waker);
    impl Wake for Own {
        fn wake(self: Arc<Self>) {
            self.0.wake_by_ref();
        }
    }
    assert!(is_in_doubt(|baton| async move {
        let mut taking = pin!(baton.take_async());
        let mut own = None;
        poll_fn(|cx| {
            let waker = own.get_or_insert_with(|| Waker::from(Arc::new(Own(cx.waker().clone()))));
            taking.as_mut().poll(&mut Context::from_waker(waker)).map(drop)
        })
        .await
    }));
}

#[test]
fn a_future_that_was_forgotten_is_no_wait_of_the_task() {
    // Its place in the queue is still there, and the task waits for something else beside.
    assert!(is_in_doubt(|baton| async move {
        let mut forgotten = Box::pin(baton.take_async());
        poll_fn(|cx| {
            assert!(forgotten.as_mut().poll(cx).is_pending());
            Poll::Ready(())
        })
        .await;
        std::mem::forget(forgotten);
        Elsewhere::new().wait().await;
    }));
}

#[test]
fn under_a_deadline_nothing_is_proven() {
    let own = Baton::new("own");
    let ended = timeout(Duration::from_millis(30), || {
        wait(tracked(async {
            let _held = own.take_async().await?;
            own.take_async().await.map(drop)
        }))
    });
    assert!(ended.is_err());
}

#[test]
fn a_task_that_moves_on_takes_its_wait_back() {
    let (baton, other) = (Baton::new("moved on from"), Baton::new("other"));
    let held = baton.take();
    let mut task = Box::pin(tracked(async {
        let _own = other.take_async().await.unwrap();
        baton.take_async().await.map(drop)
    }));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(task.as_mut().poll(&mut cx).is_pending());
    assert!(dump().to_string().contains("for baton 'moved on from' held by"));
    drop(held);
    assert!(task.as_mut().poll(&mut cx).is_ready());
    assert!(!dump().to_string().contains("for baton 'moved on from'"));

    // And so does one that is dropped in the middle.
    let held = baton.take();
    let mut task = Box::pin(tracked(async { baton.take_async().await }));
    assert!(task.as_mut().poll(&mut cx).is_pending());
    assert!(dump().to_string().contains("for baton 'moved on from'"));
    drop(task);
    assert!(!dump().to_string().contains("for baton 'moved on from'"));
    drop(held);
}

#[test]
fn the_task_is_told_when_it_waits_and_lends_its_name() {
    struct Told(Arc<Mutex<Vec<bool>>>);
    impl LayerTask for Told {
        fn label(&self) -> TaskLabel {
            TaskLabel { id: 3, name: Some("told".into()) }
        }
        fn set_waiting(&self, agent: Option<Agent>) {
            self.0.lock().unwrap().push(agent.is_some());
        }
    }
    let told: Arc<Mutex<Vec<bool>>> = Arc::default();
    let baton = Baton::new("own");
    let held = baton.take();
    let mut task = Box::pin(tracked_for(Told(Arc::clone(&told)), async {
        assert_eq!(Agent::current_async().unwrap().to_string(), "async task 'told'");
        baton.take_async().await.map(drop)
    }));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(task.as_mut().poll(&mut cx).is_pending());
    drop(held);
    assert!(task.as_mut().poll(&mut cx).is_ready());
    assert_eq!(*told.lock().unwrap(), [true, false]);
    assert_eq!(Agent::current_async(), None);
}

#[test]
fn a_task_whose_runtime_changes_its_waker_is_known_again_when_the_old_ones_are_gone() {
    struct Silent;
    impl Wake for Silent {
        fn wake(self: Arc<Self>) {}
    }
    let (own, other) = (Baton::new("own"), Baton::new("another's"));
    let others = other.take();
    let mut task = pin!(tracked(async {
        let _own = own.take_async().await.unwrap();
        either(other.take_async(), own.take_async()).await;
    }));
    // Each poll with a waker of its own: the batons have a clone of the one before when it begins.
    let mut poll = || task.as_mut().poll(&mut Context::from_waker(&Arc::new(Silent).into()));
    assert!(poll().is_pending() && poll().is_pending());
    assert!(dump().to_string().contains("for baton 'another's' or baton 'own' held by"));
    drop(others);
    assert!(poll().is_ready());
}
