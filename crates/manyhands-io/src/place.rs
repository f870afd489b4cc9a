//! Where the caller stands, and so who turns the reactor while it waits.

use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use manyhands_wait::{has_scoped_parker, with_parker};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::coop;

use crate::reactor::{self, Reactor};

/// Where the caller stands.
pub(crate) enum Place {
    /// In a context of a scheduler that parks for it, for instance a coroutine on its hub.
    Scheduler,
    /// On a thread that turns its own reactor while it waits.
    Thread(Rc<Reactor>),
    /// On a thread that is ending and has lost its reactor: here is one for this wait alone.
    EndingThread(Rc<Reactor>),
    /// Where a multi-thread runtime is ambient: in one of its tasks, on one of its blocking
    /// threads, in its `block_on`. Its workers turn the reactor.
    Workers,
    /// In a task that the only thread of its runtime is running.
    Task,
    /// On a thread that is ending and has lost tokio itself.
    NoTokio,
}

impl Place {
    /// # Errors
    /// If the thread needs a reactor and the operating system refuses one.
    pub(crate) fn here() -> io::Result<Place> {
        if has_scoped_parker() {
            return Ok(Place::Scheduler);
        }
        match Handle::try_current() {
            Ok(ambient) if ambient.runtime_flavor() != RuntimeFlavor::CurrentThread => {
                Ok(Place::Workers)
            }
            Ok(_) if reactor::is_turning() || is_in_task() => Ok(Place::Task),
            // A blocking thread of a current-thread runtime, or somebody's `Handle::enter`: whether
            // anybody turns that runtime cannot be known, so the thread turns its own.
            Ok(_) => of_this_thread(),
            Err(error) if error.is_missing_context() => of_this_thread(),
            Err(_destroyed) => Ok(Place::NoTokio),
        }
    }
}

/// Runs `f` in the tokio context of the place where the caller would wait, so that it can make
/// sockets, timers and tasks that live there.
///
/// On a plain thread that is the thread's own runtime, in async code the one it is in. What `f`
/// makes there stays usable in later waits of the same place.
///
/// # Panics
/// If the thread needs a reactor of its own and the operating system grants none.
///
/// ```
/// let background = manyhands_io::enter(|| tokio::spawn(async { 6 * 7 }));
/// assert_eq!(manyhands_io::wait(background).unwrap(), 42);
/// ```
#[track_caller]
pub fn enter<R>(f: impl FnOnce() -> R) -> R {
    match Place::here() {
        Ok(Place::Thread(reactor)) => {
            let _context = reactor.enter();
            f()
        }
        Ok(Place::EndingThread(reactor)) => {
            let _context = reactor.enter();
            with_parker(&*reactor, f)
        }
        Ok(Place::Scheduler | Place::Workers | Place::Task | Place::NoTokio) => f(),
        Err(error) => refused(&error),
    }
}

/// The runtime that the calling thread turns by itself while it waits; made if there is none yet.
///
/// Tasks spawned there run on this thread alone, while it waits for anything at all, and are dropped
/// on it when it ends. So it is the place for a scheduler of the thread's own.
///
/// # Errors
/// What the operating system says when it grants no reactor; [`io::ErrorKind::Unsupported`] where
/// the thread does not turn a runtime of its own: in async tasks, in contexts of a scheduler, at the
/// very end of the thread.
///
/// ```
/// let own = manyhands_io::own_runtime()?;
/// let task = own.spawn(async { std::thread::current().id() });
/// assert_eq!(manyhands_io::wait(task).unwrap(), std::thread::current().id());
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn own_runtime() -> io::Result<Handle> {
    match Place::here()? {
        Place::Thread(reactor) => Ok(reactor.handle()),
        Place::Scheduler | Place::Workers | Place::Task => Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "this code runs in a scheduler or an async runtime, not on a thread of its own",
        )),
        Place::EndingThread(_) | Place::NoTokio => {
            Err(io::Error::new(io::ErrorKind::Unsupported, "the thread is ending"))
        }
    }
}

/// Makes sure that a wait can be driven here, without waiting: makes the thread's reactor if it
/// needs one and has none yet.
///
/// # Errors
/// What the operating system says when it grants no reactor, most often that there are too many
/// open files; [`io::ErrorKind::Unsupported`] in a task of a current-thread runtime and at the very
/// end of a thread, where [`wait`](crate::wait) could not work.
pub fn prepare() -> io::Result<()> {
    let unsupported = |why| Err(io::Error::new(io::ErrorKind::Unsupported, why));
    match Place::here()? {
        Place::Task => unsupported(
            "blocking in an async task of a current-thread runtime would stop its reactor; \
             use `.await`",
        ),
        Place::NoTokio => unsupported("the thread is ending and its tokio context is gone"),
        Place::Scheduler | Place::Thread(_) | Place::EndingThread(_) | Place::Workers => Ok(()),
    }
}

/// # Panics
/// Always, with the reason why there is no reactor.
#[track_caller]
pub(crate) fn refused(error: &io::Error) -> ! {
    panic!(
        "cannot make an I/O reactor for this thread: {error} (it takes a few file descriptors; \
         see `ulimit -n`)"
    )
}

fn of_this_thread() -> io::Result<Place> {
    match reactor::of_this_thread() {
        Some(reactor) => Ok(Place::Thread(reactor?)),
        None => Ok(Place::EndingThread(Rc::new(Reactor::new()?))),
    }
}

/// Whether the caller runs in an async task (or in the future of a `block_on`), as opposed to a
/// thread that merely has a runtime in its context.
///
/// tokio does not say, but it gives every task a budget for each poll and nobody else. So the
/// budget is used up; if it turns out to have an end, this is a task. That spoils the rest of the
/// poll, which is no loss: the caller panics. A task that was made `unconstrained` is not noticed,
/// and panics with tokio's own words when it comes to block.
fn is_in_task() -> bool {
    const MORE_THAN_ANY_BUDGET: u32 = 256;
    let mut cx = Context::from_waker(Waker::noop());
    (0..MORE_THAN_ANY_BUDGET).any(|_| match coop::poll_proceed(&mut cx) {
        Poll::Ready(spent) => {
            spent.made_progress();
            false
        }
        Poll::Pending => true,
    })
}
