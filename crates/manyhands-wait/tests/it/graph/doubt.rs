//! Waits that look like deadlocks and may end: none is called one.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use manyhands_wait::{
    Agent, CancelSource, CancelToken, Layer, LayerTask, Parker, ProxyAgent, TaskLabel, WaitError,
    install_parker, timeout, tracked_for, with_cancel_token, with_parker,
};

use super::baton::{Baton, Held, TAKING};
use crate::patience::{Gate, eventually};

const SHORT: Duration = Duration::from_millis(30);

fn soon() -> Option<Instant> {
    Some(Instant::now() + SHORT)
}

#[test]
fn a_wait_with_a_limit_times_out() {
    let baton = Baton::new("own");
    let _held = baton.take();
    assert!(matches!(baton.take_until(soon()), Err(WaitError::TimedOut)));
}

#[test]
fn a_wait_under_a_deadline_ends_with_that() {
    let baton = Baton::new("own");
    let _held = baton.take();
    assert!(timeout(SHORT, || baton.take_checked()).is_err());
}

#[test]
fn who_waits_for_one_with_a_limit_gets_the_baton() {
    let batons = [Baton::new("a"), Baton::new("b")];
    let both_have_one = Barrier::new(2);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let _own = batons[0].take();
            both_have_one.wait();
            assert!(matches!(batons[1].take_until(soon()), Err(WaitError::TimedOut)));
        });
        let _own = batons[1].take();
        both_have_one.wait();
        assert!(batons[0].take_checked().is_ok());
    });
}

#[test]
fn a_holder_that_has_ended_is_no_proof() {
    let baton = Baton::new("lost for good");
    std::thread::scope(|scope| {
        scope.spawn(|| std::mem::forget(baton.take()));
    });
    assert!(matches!(baton.take_until(soon()), Err(WaitError::TimedOut)));
    let token = CancelToken::new();
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| with_cancel_token(&token, || baton.take_checked()));
        eventually("it waits", || manyhands_wait::dump().to_string().contains("'lost for good'"));
        token.cancel();
        assert!(waiter.join().unwrap().is_err());
    });
}

#[test]
fn the_agent_of_an_ended_thread_is_not_taken_for_a_later_one() {
    // The holder has ended; others take its place in the table and wait for whoever waits for it.
    let lost = Baton::new("lost by an ended thread");
    let ended = std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            std::mem::forget(lost.take());
            Agent::current()
        });
        thread.join().unwrap()
    });
    eventually("the thread has ended", || !ended.is_alive());
    let token = CancelToken::new();
    let own = Baton::new("own of a later thread");
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            let _own = own.take();
            with_cancel_token(&token, || lost.take_checked()).unwrap_err();
        });
        eventually("it waits", || {
            manyhands_wait::dump().to_string().contains("'lost by an ended thread'")
        });
        // As many as take all places that are free.
        let later: Vec<_> = (0..8).map(|_| scope.spawn(|| own.take_checked().map(drop))).collect();
        eventually("all wait", || {
            manyhands_wait::dump().to_string().matches("for baton 'own of a later thread'").count()
                == 8
        });
        token.cancel();
        waiter.join().unwrap();
        later.into_iter().for_each(|thread| thread.join().unwrap().unwrap());
    });
}

/// Asks whoever waits to end, and has them wait for hearing of it.
#[derive(Default)]
struct SlowToTell {
    is_cancelled: AtomicBool,
    wakers: Mutex<Vec<Waker>>,
}

impl CancelSource for SlowToTell {
    fn is_cancelled(&self) -> bool {
        self.is_cancelled.load(Ordering::SeqCst)
    }

    fn register(&self, waker: &Waker) -> usize {
        self.wakers.lock().unwrap().push(waker.clone());
        0
    }

    fn unregister(&self, _: usize) {}
}

/// Sees whether somebody waits for `baton`.
fn is_waited_for(baton: &str) -> bool {
    manyhands_wait::dump().to_string().contains(&format!("for baton '{baton}'"))
}

/// Has this thread wait for a baton of this name, and calls `end` when it does: then it comes.
#[track_caller]
fn gets_it_after(baton: &Arc<Baton>, name: &str, end: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        scope.spawn(|| {
            eventually("it waits", || is_waited_for(name));
            end();
        });
        assert!(baton.take_checked().is_ok(), "the wait of its holder is about to end");
    });
}

#[test]
fn whoever_was_asked_to_end_and_has_not_heard_of_it_will() {
    let [own, other] = [Baton::new("of who cancels"), Baton::new("of who is cancelled")];
    let source = SlowToTell::default();
    let _held = own.take();
    std::thread::scope(|scope| {
        let cancelled = scope.spawn(|| {
            let _other = other.take();
            let wait = || Layer::new().source(&source).enter(|| own.take_checked().map(drop));
            catch_unwind(AssertUnwindSafe(wait)).is_err()
        });
        eventually("it waits", || is_waited_for("of who cancels"));
        source.is_cancelled.store(true, Ordering::SeqCst);
        gets_it_after(&other, "of who is cancelled", || {
            std::mem::take(&mut *source.wakers.lock().unwrap()).into_iter().for_each(Waker::wake);
        });
        assert!(cancelled.join().unwrap(), "it was ended");
    });
}

/// A task that somebody has cancelled.
struct IsCancelled;

impl LayerTask for IsCancelled {
    fn label(&self) -> TaskLabel {
        TaskLabel { id: 0, name: Some("is cancelled".into()) }
    }

    fn is_cancelled(&self) -> bool {
        true
    }
}

#[test]
fn an_async_task_that_was_asked_to_end_will() {
    let [own, other] = [Baton::new("of who cancels a task"), Baton::new("of a cancelled task")];
    let _held = own.take();
    let mut task = Box::pin(tracked_for(IsCancelled, async {
        let _other = other.take_async().await;
        own.take_async().await.map(drop)
    }));
    assert!(task.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    assert!(is_waited_for("of who cancels a task"));
    gets_it_after(&other, "of a cancelled task", || drop(task));
}

/// Parks by returning after a millisecond; how sure it is of its context is told.
struct Naps {
    stops_context: bool,
    naps: Cell<u32>,
}

impl Parker for Naps {
    fn waker(&self) -> Waker {
        Waker::noop().clone()
    }

    fn park(&self, _until: Option<Instant>) {
        self.naps.set(self.naps.get() + 1);
        std::thread::sleep(Duration::from_millis(1));
    }

    fn stops_context(&self) -> bool {
        self.stops_context
    }
}

#[test]
fn behind_a_parker_that_may_run_the_same_context_elsewhere_nothing_is_proven() {
    let baton = Baton::new("own behind a parker");
    let token = CancelToken::new();
    let parker = Naps { stops_context: false, naps: Cell::new(0) };
    let _held = baton.take();
    std::thread::scope(|scope| {
        let canceller = scope.spawn({
            let token = token.clone();
            move || {
                eventually("it waits", || {
                    manyhands_wait::dump().to_string().contains("'own behind a parker'")
                });
                token.cancel();
            }
        });
        with_cancel_token(&token, || with_parker(&parker, || baton.take_checked())).unwrap_err();
        canceller.join().unwrap();
    });
    assert!(parker.naps.get() > 0);
    let parker = Naps { stops_context: true, naps: Cell::new(0) };
    assert!(with_parker(&parker, || baton.take_checked()).is_err());
}

/// Runs a guest each time it parks, as the reactor of a thread runs its tasks.
struct Hosting<F> {
    guest: RefCell<F>,
}

impl<F: FnMut()> Parker for Hosting<F> {
    fn waker(&self) -> Waker {
        Waker::noop().clone()
    }

    fn park(&self, _until: Option<Instant>) {
        (self.guest.borrow_mut())();
        std::thread::sleep(Duration::from_millis(1));
    }

    fn is_available(&self) -> bool {
        self.guest.try_borrow_mut().is_ok()
    }

    fn stops_context(&self) -> bool {
        true
    }
}

#[test]
fn what_a_thread_runs_while_it_waits_is_somebody_else() {
    // The thread waits for a baton that its own guest holds, across several of its turns, and gives
    // back: a task of a thread's reactor that holds something while it awaits.
    let baton = Baton::new("guest's");
    let (mut held, mut turn) = (None::<Held>, 0);
    let host = Agent::current();
    let has_it = Rc::new(Cell::new(false));
    install({
        let (baton, has_it) = (Arc::clone(&baton), Rc::clone(&has_it));
        move || {
            turn += 1;
            assert_ne!(Agent::current(), host);
            match turn {
                1 => held = Some(baton.take()),
                50 => held = None,
                _ => {}
            }
            has_it.set(held.is_some());
        }
    });
    // Its first turn, so that the guest has the baton when the thread asks for it.
    manyhands_wait::Wait::new(&TAKING).until(soon()).run(std::future::pending::<()>()).unwrap_err();
    assert!(has_it.get());
    assert_eq!(Agent::current(), host);
    let got = baton.take_checked();
    install_parker(None);
    assert!(got.is_ok(), "{got:?}");
}

/// Makes the thread run `guest` while it waits.
fn install(guest: impl FnMut() + 'static) {
    install_parker(Some(Rc::new(Hosting { guest: RefCell::new(guest) })));
}

#[test]
fn a_guest_that_blocks_stops_its_host() {
    // The guest waits for another thread, which waits for what the host holds.
    let (hosts, others) = (Baton::new("host's"), Baton::new("other's"));
    let held = hosts.take();
    let other_has_one = Arc::new(Gate::default());
    let other = std::thread::spawn({
        let (hosts, others, gate) =
            (Arc::clone(&hosts), Arc::clone(&others), Arc::clone(&other_has_one));
        move || {
            let _own = others.take();
            gate.open();
            hosts.take_checked().map(drop)
        }
    });
    other_has_one.pass();
    eventually("the other one waits", || manyhands_wait::dump().to_string().contains("'host's'"));
    let result = Rc::new(RefCell::new(None));
    let guest = {
        let (others, result) = (Arc::clone(&others), Rc::clone(&result));
        move || {
            result.borrow_mut().get_or_insert_with(|| others.take_checked().map(drop));
        }
    };
    install(guest);
    manyhands_wait::Wait::new(&TAKING).until(soon()).run(std::future::pending::<()>()).unwrap_err();
    install_parker(None);
    let found = result.borrow_mut().take().expect("the guest had a turn");
    drop(held);
    let other = other.join().unwrap();
    assert!(found.is_err() != other.is_err(), "one victim: {found:?} {other:?}");
}

#[test]
fn an_outer_wait_shows_nothing_while_an_inner_one_goes_on() {
    // While a task's code runs inside of a layer, the task is told of its waits, and of their end.
    struct Task(RefCell<Vec<bool>>);
    impl manyhands_wait::LayerTask for Task {
        fn label(&self) -> manyhands_wait::TaskLabel {
            manyhands_wait::TaskLabel { id: 5, name: None }
        }
        fn set_waiting(&self, agent: Option<Agent>) {
            assert!(agent.is_none_or(|agent| agent == Agent::current()));
            self.0.borrow_mut().push(agent.is_some());
        }
    }
    let (outer, inner) = (Task(RefCell::default()), Task(RefCell::default()));
    let baton = Baton::new("own");
    let _held = baton.take();
    Layer::new().task(&outer).enter(|| {
        Layer::new().task(&inner).enter(|| {
            assert!(matches!(baton.take_until(soon()), Err(WaitError::TimedOut)));
            manyhands_wait::sleep(Duration::from_millis(1)); // without an edge: nobody is told
        });
    });
    assert_eq!(outer.0.into_inner(), [true, false]);
    assert_eq!(inner.0.into_inner(), [true, false]);
}

#[test]
fn one_that_goes_on_again_is_not_stuck() {
    let baton = Baton::new("remote");
    let mut remote = ProxyAgent::new(manyhands_wait::ContextKind::Process, "remote");
    let edge: Arc<dyn manyhands_wait::Resource> = baton.clone();
    let at = || manyhands_wait::Place::Elsewhere("there.rs:1".into());
    let held = baton.take();
    remote.waits(&TAKING, at(), Arc::clone(&edge), Waker::noop().clone()).unwrap();
    assert!(manyhands_wait::dump().to_string().contains("there.rs:1"));
    remote.goes_on();
    assert!(!manyhands_wait::dump().to_string().contains("there.rs:1"));
    drop(held);
}
