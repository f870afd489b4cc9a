//! A flag that contexts wait for.
//!
//! The flag is the lowest bit of a word, so that asking for it and finding it set take no lock. It is
//! changed under the lock of the waiters alone, and waiters look at it under that lock before they
//! queue: none misses it. Whoever waits when it is set is granted by name, so clearing the flag the
//! moment after takes nothing back.
//!
//! The other bits count how many times it was set. A coroutine lets the others of its thread that are
//! ready run once before it queues, because one of them may be about to set the event, and a switch
//! costs a tenth of a wait; by the count it knows that the flag was set meanwhile, also if it is
//! cleared again.

use std::fmt;
use std::future::Future;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::time::{Duration, Instant};

use manyhands_wait::{Reason, Resource, TimedOut, Wait, give_way};

use crate::primitive::{AtomicU64, Ordering, const_unless_loom};
use crate::signal::Signal;
use crate::waiters::{Attempt, Entry, Granted, Monitor, Protocol, Waiting};

/// The flag is set.
const FLAG: u64 = 1;
/// It was set once more.
const ONCE: u64 = 2;

static EVENT: Reason = Reason::new("event");

/// A flag that contexts wait for: [`set`](Self::set) lets all of them go on, and everybody who comes
/// later, until it is [cleared](Self::clear).
///
/// Threads, coroutines and async tasks may set, clear and wait for the same event at the same time.
/// What was done before `set` is seen by whoever that `set` lets go on. To wake one waiter at a time,
/// or exactly as often as was asked for, use a [`Semaphore`](crate::Semaphore) of no permits.
///
/// Anybody may set an event at any time, so waiting for one is never called a deadlock; dumps list
/// it.
///
/// ```
/// use manyhands_sync::Event;
///
/// let ready = Event::new();
/// std::thread::scope(|scope| {
///     scope.spawn(|| ready.wait());
///     ready.set();
/// });
/// assert!(ready.is_set());
/// ```
#[doc(alias = "threading.Event")]
#[doc(alias = "asyncio.Event")]
#[doc(alias = "gevent.event.Event")]
pub struct Event {
    /// [`FLAG`], and above it how many times that was set. Changed under the lock of the waiters only.
    word: AtomicU64,
    waiters: Monitor<(), ()>,
    signal: Signal,
}

impl Event {
    const_unless_loom! {
        /// An event that is not set.
        #[track_caller]
        pub fn new() -> Event {
            let signal = Signal::new("event", Location::caller());
            Event { word: AtomicU64::new(0), waiters: Monitor::new(()), signal }
        }
    }

    /// An event that is not set, with a name for dumps and reports.
    #[track_caller]
    pub fn named(name: impl Into<Arc<str>>) -> Event {
        let signal = Signal::new("event", Location::caller()).named(name.into());
        Event { signal, ..Event::new() }
    }

    /// The name, if it was given one.
    pub fn name(&self) -> Option<&str> {
        self.signal.name()
    }

    /// Whether the flag is set. What was done before it was set is seen by whoever sees it set.
    #[inline]
    #[doc(alias = "ready")]
    #[doc(alias = "isSet")]
    pub fn is_set(&self) -> bool {
        self.word.load(Ordering::Acquire) & FLAG != 0
    }

    /// Sets the flag: whoever waits goes on, even if the flag is cleared at once. Setting it again
    /// changes nothing. Never waits; may be called from anywhere.
    #[inline]
    pub fn set(&self) {
        let mut waiters = self.waiters.enter();
        let word = self.word.load(Ordering::Relaxed);
        let times = if word & FLAG == 0 { ONCE } else { 0 };
        // Written also if it is set already: whoever sees it set sees what was done before this, too.
        self.word.store((word | FLAG).wrapping_add(times), Ordering::Release);
        if waiters.waiting() > 0 {
            waiters.grant_all();
        }
    }

    /// Clears the flag: whoever waits from now on waits until it is set again. Never waits; may be
    /// called from anywhere.
    ///
    /// After it returned, what was done before the `set` that it took back is seen. So a context may
    /// clear the event, look for work, and wait if there is none: no work is missed that was handed
    /// over before the event was set.
    #[inline]
    pub fn clear(&self) {
        // Under the lock also for what the `set` has done whose flag it takes away.
        let _waiters = self.waiters.enter();
        self.word.store(self.word.load(Ordering::Relaxed) & !FLAG, Ordering::Relaxed);
    }

    /// Waits until the flag is set; returns at once if it is. For threads and coroutines.
    ///
    /// # Cancellation
    /// Ends early, by unwinding, if the running task is cancelled or its deadline passes.
    #[inline]
    #[track_caller]
    pub fn wait(&self) {
        if !self.is_set_soon() {
            let ended = self.block(None);
            debug_assert!(ended.is_ok(), "a wait without a limit does not time out");
        }
    }

    /// Like [`wait`](Self::wait), for at most `limit`.
    ///
    /// # Errors
    /// [`TimedOut`] if the flag was not set in that time.
    #[inline]
    #[track_caller]
    pub fn wait_timeout(&self, limit: Duration) -> Result<(), TimedOut> {
        if self.is_set_soon() { Ok(()) } else { self.block(Instant::now().checked_add(limit)) }
    }

    /// Waits until the flag is set, in async code. Dropping the future ends the wait and loses
    /// nothing.
    #[track_caller]
    pub fn wait_async(&self) -> impl Future<Output = ()> + Send + use<'_> {
        self.until_set().as_leaf(&EVENT, Location::caller())
    }

    /// How many contexts wait for it now.
    pub fn waiting(&self) -> usize {
        self.waiters.enter().waiting()
    }

    /// Whether the flag is set, or is set by another coroutine of this thread that is ready to run.
    // Inlined, as is what calls it: see `give_way`.
    #[inline(always)]
    fn is_set_soon(&self) -> bool {
        let before = self.word.load(Ordering::Acquire);
        if before & FLAG != 0 {
            return true;
        }
        if !give_way() {
            return false;
        }
        self.waiters.favour();
        self.word.load(Ordering::Acquire) != before
    }

    #[cold]
    #[track_caller]
    fn block(&self, until: Option<Instant>) -> Result<(), TimedOut> {
        Wait::new(&EVENT).on(&self.signal).until(until).run(self.until_set())
    }

    fn until_set(&self) -> Waiting<'_, UntilSet<'_>> {
        Waiting::new(&self.waiters, UntilSet { event: self })
    }
}

impl Default for Event {
    #[track_caller]
    fn default() -> Self {
        Event::new()
    }
}

// Its own state is whole whatever unwinds.
impl UnwindSafe for Event {}
impl RefUnwindSafe for Event {}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Event");
        if let Some(name) = self.name() {
            shown.field("name", &name);
        }
        shown.field("is_set", &self.is_set());
        if let Some(waiters) = self.waiters.try_enter() {
            shown.field("waiting", &waiters.waiting());
        }
        shown.finish()
    }
}

/// The wait for an event. Being granted is all there is to know: the flag may be another by then.
struct UntilSet<'a> {
    event: &'a Event,
}

impl Protocol for UntilSet<'_> {
    type State = ();
    type Ticket = ();
    type Output = ();

    fn attempt(&mut self, _waiters: &mut Entry<'_, (), ()>) -> Attempt<(), ()> {
        if self.event.is_set() { Attempt::Ready(()) } else { Attempt::Wait(()) }
    }

    fn granted(&mut self, (): ()) -> Granted<()> {
        Granted::Ready(())
    }

    fn unclaimed(&mut self, _waiters: &mut Entry<'_, (), ()>, (): ()) {
        // Everybody who waited was granted alike; there is nothing to pass on.
    }

    fn edge(&self) -> Arc<dyn Resource> {
        Arc::new(self.event.signal.clone())
    }
}
