//! Waiting for a future that the reactor polls itself.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use manyhands_wait::{Parker, Reason, TimedOut, Wait, has_scoped_parker, install_parker};

use crate::place::Place;
use crate::reactor::{self, Reactor};
use crate::wait::run;

/// Like [`wait_for`](crate::wait_for), for a future that never blocks: on a plain thread its reactor
/// polls it like one of the tasks in its background.
///
/// [`wait`](crate::wait) polls a future beside the reactor, so that the future may itself wait. Then
/// each wake-up that it sends to a task in the background (a request handed to the task that serves
/// its connection) goes through the operating system, as from another thread. A future that is
/// driven is spared that, and what it spawns with `tokio::spawn` starts as cheaply.
///
/// In exchange it is to the future as if it were spawned there: [`wait`](crate::wait) panics inside,
/// and no deadline, cancellation or task of the caller is ambient in it. They end the wait all the
/// same, and the future is dropped then.
///
/// # Errors
/// [`TimedOut`] when `until` has come; never without it.
///
/// # Panics
/// Like [`wait`](crate::wait).
///
/// ```
/// use manyhands_wait::Reason;
///
/// static SUM: Reason = Reason::new("sum of a task in the background");
/// let sum = async { tokio::spawn(async { 6 * 7 }).await };
/// assert_eq!(manyhands_io::drive(&SUM, None, sum).unwrap().unwrap(), 42);
/// ```
#[track_caller]
pub fn drive<F>(
    reason: &'static Reason,
    until: Option<Instant>,
    future: F,
) -> Result<F::Output, TimedOut>
where
    F: Future + 'static,
{
    let wait = Wait::new(reason).ended_from_outside().until(until);
    match Place::here() {
        Ok(Place::Thread(reactor)) => {
            let _context = reactor.enter();
            let driven = Rc::new(Driven::new(Rc::clone(&reactor), future));
            let _installed = Installed::new(Rc::<Driven<F>>::clone(&driven));
            wait.run(poll_fn(|_| driven.take()))
        }
        place => run(place, wait, future),
    }
}

/// Whether the caller is polled by a [`wait`](crate::wait) on a plain thread, beside that thread's
/// reactor.
///
/// The whole of a job that a worker runs can then [`drive`] itself instead of awaiting. A future that
/// may be one of several in the same wait must not: it would keep the others waiting.
pub fn can_drive() -> bool {
    !has_scoped_parker() && reactor::is_waiting_beside()
}

/// A future together with the reactor that polls it: parks by turning the reactor.
struct Driven<F: Future> {
    reactor: Rc<Reactor>,
    future: RefCell<Pin<Box<F>>>,
    output: Cell<Option<F::Output>>,
}

impl<F: Future> Driven<F> {
    fn new(reactor: Rc<Reactor>, future: F) -> Driven<F> {
        let future = RefCell::new(Box::pin(future));
        Driven { reactor, future, output: Cell::new(None) }
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.future.borrow_mut().as_mut().poll(cx).map(|output| self.output.set(Some(output)))
    }

    fn take(&self) -> Poll<F::Output> {
        self.output.take().map_or(Poll::Pending, Poll::Ready)
    }
}

impl<F: Future> Parker for Driven<F> {
    fn waker(&self) -> Waker {
        self.reactor.waker()
    }

    fn park(&self, until: Option<Instant>) {
        self.reactor.turn(until, |cx| self.poll(cx));
    }

    fn is_available(&self) -> bool {
        self.reactor.is_available()
    }
}

/// A parker that is the thread's for as long as this lives.
struct Installed(Option<Rc<dyn Parker>>);

impl Installed {
    fn new(parker: Rc<dyn Parker>) -> Installed {
        Installed(install_parker(Some(parker)))
    }
}

impl Drop for Installed {
    fn drop(&mut self) {
        drop(install_parker(self.0.take()));
    }
}
