//! A thread's own reactor: a current-thread runtime that the thread turns while it waits.

use std::cell::{Cell, OnceCell};
use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use manyhands_wait::{Layer, Parker, TaskLabel, install_parker};
use tokio::runtime::{Builder, EnterGuard, Handle, Runtime};
use tokio::sync::Notify;

/// After so many parks in a row that found their wake-up waiting, one turns the reactor anyway: a
/// future that keeps waking itself must not starve the thread's background tasks.
const HASTY_PARKS: u32 = 32;

/// How many threads a reactor may start for blocking code that it is asked to run (looking up host
/// names, files): enough to hide latency, few enough to have a reactor on each of many threads.
const BLOCKING_THREADS: usize = 32;

/// After so long without being turned a reactor is behind: events may be waiting that its tasks
/// have not seen.
const FRESH_FOR: Duration = Duration::from_millis(1);

thread_local! {
    static OWN: Own = const { Own(OnceCell::new()) };
}

/// The place of a thread's reactor. On drop the thread goes back to its built-in parker, so that
/// what is destroyed later can still wait.
struct Own(OnceCell<Rc<Reactor>>);

impl Drop for Own {
    fn drop(&mut self) {
        if self.0.take().is_some() {
            install_parker(None);
        }
    }
}

/// The reactor of the calling thread, made and installed at the first call. `None` if the thread
/// is ending and has lost it.
///
/// # Errors
/// If the operating system refuses one.
pub(crate) fn of_this_thread() -> Option<io::Result<Rc<Reactor>>> {
    OWN.try_with(|own| {
        if let Some(reactor) = own.0.get() {
            return Ok(Rc::clone(reactor));
        }
        let reactor = Rc::new(Reactor::new()?);
        let parker: Rc<dyn Parker> = Rc::<Reactor>::clone(&reactor);
        install_parker(Some(parker));
        Ok(Rc::clone(own.0.get_or_init(|| reactor)))
    })
    .ok()
}

/// Whether the calling thread is turning its own reactor, so that the caller is one of the tasks
/// that were spawned there.
pub(crate) fn is_turning() -> bool {
    OWN.try_with(|own| own.0.get().is_some_and(|reactor| reactor.turning.get())).unwrap_or(false)
}

/// Whether the calling thread's own runtime is ambient, but is not being turned: the caller is
/// polled by a wait of this thread.
pub(crate) fn is_waiting_beside() -> bool {
    OWN.try_with(|own| {
        own.0.get().is_some_and(|reactor| !reactor.turning.get() && reactor.is_here())
    })
    .unwrap_or(false)
}

/// Lets the tasks in the background of this thread's reactor see what has happened while the thread
/// did not wait. Returns at once where that is not long ago, and wherever else than in a thread's
/// own runtime.
///
/// A pool of connections needs this before it takes one that was kept: a task that serves a
/// connection notices that the other side has closed it only while the reactor is turned.
///
/// ```
/// manyhands_io::wait(async {
///     manyhands_io::catch_up().await;
///     // Now a kept connection that looks alive was alive a moment ago.
/// });
/// ```
pub async fn catch_up() {
    while is_behind() {
        tokio::task::yield_now().await;
    }
}

fn is_behind() -> bool {
    OWN.try_with(|own| own.0.get().is_some_and(|reactor| reactor.is_behind() && reactor.is_here()))
        .unwrap_or(false)
}

/// A current-thread runtime as a [`Parker`]: to park is to turn it until somebody wakes us.
pub(crate) struct Reactor {
    /// `None` only while being dropped.
    runtime: Option<Runtime>,
    wakeup: Arc<Wakeup>,
    waker: Waker,
    turning: Cell<bool>,
    hasty: Cell<u32>,
    /// When it was last turned.
    turned: Cell<Instant>,
    /// Whether, while it is turned, its tasks have not yet seen what happened in between.
    behind: Cell<bool>,
}

#[derive(Default)]
struct Wakeup(Notify);

impl Wake for Wakeup {
    fn wake(self: Arc<Self>) {
        self.0.notify_one();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.notify_one();
    }
}

impl Reactor {
    /// # Errors
    /// If the operating system refuses one.
    pub(crate) fn new() -> io::Result<Reactor> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(BLOCKING_THREADS)
            .build()?;
        let wakeup = Arc::new(Wakeup::default());
        let waker = Waker::from(Arc::clone(&wakeup));
        Ok(Reactor {
            runtime: Some(runtime),
            wakeup,
            waker,
            turning: Cell::new(false),
            hasty: Cell::new(0),
            turned: Cell::new(Instant::now()),
            behind: Cell::new(false),
        })
    }

    /// Makes this runtime the ambient one for as long as the guard lives.
    pub(crate) fn enter(&self) -> EnterGuard<'_> {
        self.runtime().enter()
    }

    pub(crate) fn handle(&self) -> Handle {
        self.runtime().handle().clone()
    }

    /// Whether this is the runtime in whose context the caller is.
    fn is_here(&self) -> bool {
        Handle::try_current().is_ok_and(|ambient| ambient.id() == self.runtime().handle().id())
    }

    fn runtime(&self) -> &Runtime {
        self.runtime.as_ref().expect("the runtime is taken out only on drop")
    }

    fn is_behind(&self) -> bool {
        if self.turning.get() { self.behind.get() } else { self.is_stale() }
    }

    fn is_stale(&self) -> bool {
        self.turned.get().elapsed() > FRESH_FOR
    }

    /// Turns the runtime until somebody wakes its waker, until `until`, or until `foreground`, which
    /// it polls like one of its tasks, is ready.
    pub(crate) fn turn(
        &self,
        until: Option<Instant>,
        foreground: impl FnMut(&mut Context<'_>) -> Poll<()>,
    ) {
        struct Stop<'a>(&'a Reactor);
        impl Drop for Stop<'_> {
            fn drop(&mut self) {
                self.0.turning.set(false);
                self.0.turned.set(Instant::now());
            }
        }
        self.behind.set(self.is_stale());
        self.turning.set(true);
        let _stop = Stop(self);
        // The tasks of the runtime are polled in here; they have no part in the deadlines and
        // cancellations of whoever happens to wait.
        let label = || TaskLabel { id: 0, name: Some("background of an I/O reactor".into()) };
        let until_woken = self.until_woken(until, foreground);
        Layer::new().task(&label).enter(|| self.runtime().block_on(until_woken));
    }

    async fn until_woken(
        &self,
        until: Option<Instant>,
        mut foreground: impl FnMut(&mut Context<'_>) -> Poll<()>,
    ) {
        if self.behind.get() {
            // The first lets the driver look for events, the second the tasks that they wake run.
            tokio::task::yield_now().await;
            tokio::task::yield_now().await;
            self.behind.set(false);
        }
        let mut woken = pin!(self.wakeup.0.notified());
        if poll_fn(|cx| Poll::Ready(woken.as_mut().poll(cx).is_ready())).await {
            self.hasty.set(self.hasty.get() + 1);
            if self.hasty.get() >= HASTY_PARKS {
                self.hasty.set(0);
                tokio::task::yield_now().await;
            }
            return;
        }
        self.hasty.set(0);
        let end = poll_fn(|cx| match foreground(cx) {
            Poll::Ready(()) => Poll::Ready(()),
            Poll::Pending => woken.as_mut().poll(cx),
        });
        match until {
            None => end.await,
            Some(at) => {
                // Both outcomes mean the same to the caller: look again.
                let _ = tokio::time::timeout_at(at.into(), end).await;
            }
        }
    }
}

impl Parker for Reactor {
    fn waker(&self) -> Waker {
        self.waker.clone()
    }

    fn park(&self, until: Option<Instant>) {
        self.turn(until, |_| Poll::Pending);
    }

    /// Not while it is turned further up the stack, nor in the context of another runtime, where
    /// tokio lets nobody block.
    fn is_available(&self) -> bool {
        !self.turning.get()
            && match Handle::try_current() {
                Ok(_) => self.is_here(),
                Err(error) => error.is_missing_context(),
            }
    }

    /// What it turns meanwhile runs inside of `park`.
    fn stops_context(&self) -> bool {
        true
    }
}

impl Drop for Reactor {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Blocking code that it still runs (a look-up without an answer) must not hold up the
            // end of the thread.
            runtime.shutdown_background();
        }
    }
}
