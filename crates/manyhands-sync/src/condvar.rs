//! Waiting for a condition of what a mutex guards.
//!
//! A waiter queues before it releases the mutex, so a notification that comes after the release finds
//! it. Which waiters are notified is decided under the lock of the queue, by name. Whoever is notified
//! by `notify_one` carries that as a [`Baton`] until it has the mutex again: if it is cancelled before,
//! or its future is dropped, the baton goes to the next, so that no notification ends with somebody
//! who cannot follow it. What `notify_all` gives is no baton: everybody has one already.
//!
//! Whoever waits on a stack queues without a waker first, releases the mutex, and lets the other coroutines of
//! its thread run once. If one of them has notified it, that is seen in its own node: nothing was made
//! known, and nobody had to be woken.
//!
//! Rejected: *moving notified waiters to the queue of the mutex* instead of waking them. It saves a
//! wake-up in vain where the notifier holds the mutex and runs on another thread; between coroutines
//! of one thread, and where the mutex is released before notifying, there is none to save, and the
//! two queues would be under one another's lock.

use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use manyhands_wait::{Deadlock, Reason, Resource, TimedOut, Wait, give_way};

use crate::mutex::{AsyncMutexGuard, MutexGuard};
use crate::primitive::const_unless_loom;
use crate::signal::Signal;
use crate::waiters::{Attempt, Granted, Monitor, Protocol, Waiting};

static CONDVAR: Reason = Reason::new("condition variable");

/// Where contexts wait, with a [`Mutex`](crate::Mutex) released meanwhile, until others notify them
/// that what it guards has changed.
///
/// Threads, coroutines and async tasks may wait at the same one. A notification wakes exactly as many
/// as it says, those who have waited longest, and none without one; still whoever is woken looks at
/// the condition again ([`wait_for`](Self::wait_for) does), because others may have been quicker to
/// lock the mutex. The notifier need not hold the mutex.
///
/// Anybody may notify at any time, so waiting for that is never called a deadlock; dumps list it. To
/// lock the mutex again is an ordinary wait for a mutex, which can be one.
///
/// ```
/// use manyhands_sync::{Condvar, Mutex};
///
/// let (orders, arrived) = (Mutex::new(Vec::new()), Condvar::new());
/// std::thread::scope(|scope| {
///     scope.spawn(|| {
///         let mut orders = arrived.wait_for(orders.lock(), |orders| !orders.is_empty());
///         assert_eq!(orders.pop(), Some("tea"));
///     });
///     orders.lock().push("tea");
///     arrived.notify_one();
/// });
/// ```
#[doc(alias = "threading.Condition")]
#[doc(alias = "asyncio.Condition")]
#[doc(alias = "Condition")]
pub struct Condvar {
    monitor: Monitor<(), Ticket>,
    signal: Signal,
}

struct Ticket {
    /// Written by whoever notifies: whether it is one of a number, and not all.
    is_one: bool,
}

impl Condvar {
    const_unless_loom! {
        /// A condition variable at which nobody waits.
        #[track_caller]
        pub fn new() -> Condvar {
            let signal = Signal::new("condition variable", Location::caller());
            Condvar { monitor: Monitor::new(()), signal }
        }
    }

    /// A condition variable with a name for dumps and reports.
    #[track_caller]
    pub fn named(name: impl Into<Arc<str>>) -> Condvar {
        let signal = Signal::new("condition variable", Location::caller()).named(name.into());
        Condvar { signal, ..Condvar::new() }
    }

    /// The name, if it was given one.
    pub fn name(&self) -> Option<&str> {
        self.signal.name()
    }

    /// How many contexts wait to be notified now.
    pub fn waiting(&self) -> usize {
        self.monitor.enter().waiting()
    }

    /// Notifies whoever waits longest. False if nobody waits: the notification is not kept. Never
    /// waits; may be called from anywhere.
    #[doc(alias = "notify")]
    pub fn notify_one(&self) -> bool {
        self.notify_many(1) == 1
    }

    /// Notifies so many, those who wait longest first. Returns how many were notified: fewer if fewer
    /// wait. Never waits; may be called from anywhere.
    #[doc(alias = "notify")]
    pub fn notify_many(&self, most: usize) -> usize {
        let mut entry = self.monitor.enter();
        let notified = most.min(entry.waiting());
        (0..notified).for_each(|_| notify(&mut entry));
        notified
    }

    /// Notifies all who wait now. Returns how many. Never waits; may be called from anywhere.
    #[doc(alias = "notifyAll")]
    pub fn notify_all(&self) -> usize {
        self.monitor.enter().grant_all()
    }

    /// Releases the mutex, waits to be notified, and locks the mutex again. For threads and
    /// coroutines.
    ///
    /// # Panics
    /// With the report, if it is proven that the mutex can never be locked again;
    /// [`wait_checked`](Self::wait_checked) returns that.
    ///
    /// # Cancellation
    /// Ends early, by unwinding and with the mutex released, if the running task is cancelled or its
    /// deadline passes. A notification that it had got goes to the next.
    #[inline]
    #[track_caller]
    pub fn wait<'a, T: ?Sized>(&self, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        self.wait_checked(guard).unwrap_or_else(|deadlock| deadlock.raise())
    }

    /// Like [`wait`](Self::wait), and a deadlock at locking the mutex again is an error.
    ///
    /// # Errors
    /// [`Deadlock`] if it is proven that the mutex could never be locked again, and this wait was
    /// chosen to be ended. The mutex is not locked then.
    #[inline]
    #[track_caller]
    pub fn wait_checked<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T>,
    ) -> Result<MutexGuard<'a, T>, Deadlock> {
        let mutex = MutexGuard::mutex(&guard);
        let notified = self.sleep(guard, None);
        let baton = notified.expect("a wait without a limit does not time out");
        let guard = mutex.lock_checked()?;
        baton.keep();
        Ok(guard)
    }

    /// Like [`wait`](Self::wait), for at most `limit`; then it locks the mutex again, however long that
    /// takes.
    ///
    /// Beside the guard it returns [`TimedOut`] if it was not notified in that time.
    ///
    /// # Panics
    /// As [`wait`](Self::wait).
    #[track_caller]
    pub fn wait_timeout<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T>,
        limit: Duration,
    ) -> (MutexGuard<'a, T>, Result<(), TimedOut>) {
        self.wait_until(guard, Instant::now().checked_add(limit))
    }

    /// Waits until `condition` holds: looks at it first, and whenever it is notified.
    ///
    /// # Panics
    /// As [`wait`](Self::wait), and with the panics of `condition`.
    ///
    /// # Cancellation
    /// As [`wait`](Self::wait).
    #[inline]
    #[track_caller]
    pub fn wait_for<'a, T: ?Sized>(
        &self,
        mut guard: MutexGuard<'a, T>,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> MutexGuard<'a, T> {
        while !condition(&mut guard) {
            guard = self.wait(guard);
        }
        guard
    }

    /// Like [`wait_for`](Self::wait_for), for at most `limit`. When the time is over it looks at the
    /// condition once more.
    ///
    /// Beside the guard it returns [`TimedOut`] if the condition does not hold.
    ///
    /// # Panics
    /// As [`wait_for`](Self::wait_for).
    #[track_caller]
    pub fn wait_for_timeout<'a, T: ?Sized>(
        &self,
        mut guard: MutexGuard<'a, T>,
        limit: Duration,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> (MutexGuard<'a, T>, Result<(), TimedOut>) {
        let until = Instant::now().checked_add(limit);
        let mut in_time = Ok(());
        loop {
            if condition(&mut guard) {
                return (guard, Ok(()));
            }
            if in_time.is_err() {
                return (guard, in_time);
            }
            (guard, in_time) = self.wait_until(guard, until);
        }
    }

    /// Waits for as long as `condition` holds: the contrary of [`wait_for`](Self::wait_for), as the
    /// standard library has it.
    ///
    /// # Panics
    /// As [`wait_for`](Self::wait_for).
    ///
    /// # Cancellation
    /// As [`wait`](Self::wait).
    #[track_caller]
    pub fn wait_while<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T>,
        mut condition: impl FnMut(&mut T) -> bool,
    ) -> MutexGuard<'a, T> {
        self.wait_for(guard, |value| !condition(value))
    }

    /// Releases the mutex, waits to be notified, and locks the mutex again, in async code. It waits
    /// from the first poll on. Dropping the future leaves the mutex released; a notification that it
    /// had got goes to the next.
    ///
    /// # Panics
    /// As [`wait`](Self::wait), inside of `poll`.
    #[track_caller]
    pub fn wait_async<'a, T: ?Sized + Send>(
        &self,
        guard: AsyncMutexGuard<'a, T>,
    ) -> impl Future<Output = AsyncMutexGuard<'a, T>> + Send + use<'_, 'a, T> {
        self.wait_async_at(guard, Location::caller())
    }

    /// Waits until `condition` holds, in async code: looks at it first, and whenever it is notified.
    ///
    /// # Panics
    /// As [`wait_async`](Self::wait_async), and with the panics of `condition`.
    #[track_caller]
    pub fn wait_for_async<'a, T: ?Sized + Send, F: FnMut(&mut T) -> bool + Send>(
        &self,
        mut guard: AsyncMutexGuard<'a, T>,
        mut condition: F,
    ) -> impl Future<Output = AsyncMutexGuard<'a, T>> + Send + use<'_, 'a, T, F> {
        let at = Location::caller();
        async move {
            while !condition(&mut guard) {
                guard = self.wait_async_at(guard, at).await;
            }
            guard
        }
    }

    async fn wait_async_at<'a, T: ?Sized + Send>(
        &self,
        guard: AsyncMutexGuard<'a, T>,
        at: &'static Location<'static>,
    ) -> AsyncMutexGuard<'a, T> {
        let mutex = AsyncMutexGuard::mutex(&guard);
        let baton = self.sleep_async(guard, at).await;
        let guard = mutex.lock_async_at(at).await.unwrap_or_else(|deadlock| deadlock.raise());
        baton.keep();
        guard
    }

    #[track_caller]
    fn wait_until<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T>,
        until: Option<Instant>,
    ) -> (MutexGuard<'a, T>, Result<(), TimedOut>) {
        let mutex = MutexGuard::mutex(&guard);
        let notified = self.sleep(guard, until);
        let guard = mutex.lock();
        (guard, notified.map(Baton::keep))
    }

    /// Queues, then drops `guard`, then waits.
    // Inlined, as is what calls it: see `give_way`.
    #[inline(always)]
    #[track_caller]
    fn sleep<G>(&self, guard: G, until: Option<Instant>) -> Result<Baton<'_>, TimedOut> {
        let mut waiting = pin!(self.to_be_notified());
        // Nobody is to be woken yet: whoever notifies it now is seen below.
        let queued = waiting.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        debug_assert!(queued.is_pending(), "nobody is notified before waiting");
        drop(guard);
        // Another coroutine of this thread may be about to notify it, which is seen without making the
        // wait known and taking that back.
        if give_way() {
            self.monitor.favour();
            if let Some(baton) = waiting.as_mut().take_granted() {
                return Ok(baton);
            }
        }
        self.block(waiting, until)
    }

    #[cold]
    #[track_caller]
    fn block<'a>(
        &self,
        waiting: Pin<&mut Waiting<'_, ToBeNotified<'a>>>,
        until: Option<Instant>,
    ) -> Result<Baton<'a>, TimedOut> {
        Wait::new(&CONDVAR).on(&self.signal).until(until).run(waiting)
    }

    /// Queues, then drops `guard`, then waits, as an async task.
    async fn sleep_async<G>(&self, guard: G, at: &'static Location<'static>) -> Baton<'_> {
        let mut waiting = pin!(self.to_be_notified().as_leaf(&CONDVAR, at));
        let mut guard = Some(guard);
        poll_fn(|cx| {
            let poll = waiting.as_mut().poll(cx);
            guard.take();
            poll
        })
        .await
    }

    fn to_be_notified(&self) -> Waiting<'_, ToBeNotified<'_>> {
        Waiting::new(&self.monitor, ToBeNotified { condvar: self })
    }
}

impl Default for Condvar {
    #[track_caller]
    fn default() -> Self {
        Condvar::new()
    }
}

// Its own state is whole whatever unwinds.
impl UnwindSafe for Condvar {}
impl RefUnwindSafe for Condvar {}

impl fmt::Debug for Condvar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Condvar");
        if let Some(name) = self.name() {
            shown.field("name", &name);
        }
        if let Some(entry) = self.monitor.try_enter() {
            shown.field("waiting", &entry.waiting());
        }
        shown.finish()
    }
}

type Entry<'a> = crate::waiters::Entry<'a, (), Ticket>;

/// Gives a notification to whoever waits longest, if somebody does.
fn notify(entry: &mut Entry<'_>) {
    if let Some(ticket) = entry.front() {
        ticket.is_one = true;
        entry.grant_front();
    }
}

/// A notification that somebody has got and not followed yet. Dropped, it goes to the next.
struct Baton<'a> {
    condvar: &'a Condvar,
    is_one: bool,
}

impl Baton<'_> {
    /// It was followed.
    fn keep(mut self) {
        self.is_one = false;
    }
}

impl Drop for Baton<'_> {
    fn drop(&mut self) {
        if self.is_one {
            self.condvar.notify_one();
        }
    }
}

/// The wait for a notification.
struct ToBeNotified<'a> {
    condvar: &'a Condvar,
}

impl<'a> Protocol for ToBeNotified<'a> {
    type State = ();
    type Ticket = Ticket;
    type Output = Baton<'a>;

    fn attempt(&mut self, _entry: &mut Entry<'_>) -> Attempt<Baton<'a>, Ticket> {
        Attempt::Wait(Ticket { is_one: false })
    }

    fn granted(&mut self, ticket: Ticket) -> Granted<Baton<'a>> {
        Granted::Ready(Baton { condvar: self.condvar, is_one: ticket.is_one })
    }

    fn unclaimed(&mut self, entry: &mut Entry<'_>, ticket: Ticket) {
        if ticket.is_one {
            notify(entry);
        }
    }

    fn edge(&self) -> Arc<dyn Resource> {
        Arc::new(self.condvar.signal.clone())
    }
}
