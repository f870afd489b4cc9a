//! A channel without room: whoever puts a value hands it to whoever gets it.
//!
//! `README.md` of the queues states the protocol.

mod state;
mod waits;

use std::fmt;
use std::future::Future;
use std::iter;
use std::panic::Location;
use std::sync::Arc;
use std::time::{Duration, Instant};

use manyhands_wait::{Reason, TimedOut, Wait, WaitError};

use crate::primitive::const_unless_loom;
use crate::queue::{Closed, GetError, PutError, QueueShutdown};
use crate::waiters::{Monitor, Waiting};
use state::{GETTERS, PUTTERS, SIDES, State, Ticket, shut_down};
use waits::{Getting, Putting, get_at_once, put_at_once, taker_edge, value_edge};

static VALUE: Reason = Reason::new("value from a channel");
static TAKER: Reason = Reason::new("somebody to get from a channel");

/// A rendezvous: `put` waits until somebody gets the value, `get` until somebody puts one. Any number
/// of threads, coroutines and async tasks use it at once; see [`OrderedQueue`](crate::OrderedQueue)
/// for what holds for all methods: from where they may be called, how waits end early, and whose turn
/// it is.
///
/// A `put` that finds somebody waiting returns at once. Should that getter then end before it has its
/// value (timed out, cancelled, dropped), the value waits for the next one.
///
/// ```
/// use manyhands_sync::{Channel, QueueShutdown};
///
/// let cups = Channel::new();
/// std::thread::scope(|scope| {
///     scope.spawn(|| {
///         for cup in 1..=3 {
///             cups.put(cup)?; // waits until somebody holds out a hand
///         }
///         cups.shutdown(QueueShutdown::Drain);
///         Ok::<_, manyhands_sync::Closed<_>>(())
///     });
///     assert_eq!(cups.iter().sum::<i32>(), 6);
/// });
/// ```
#[doc(alias = "gevent.queue.Channel")]
#[doc(alias = "rendezvous")]
pub struct Channel<T> {
    monitor: Monitor<State<T>, Ticket, SIDES>,
    name: Option<Arc<str>>,
}

impl<T> Channel<T> {
    const_unless_loom! {
        /// A channel. It can be in a `static`.
        pub fn new() -> Self {
            Channel { monitor: Monitor::new(State::new()), name: None }
        }
    }

    /// A channel with a name for dumps and `Debug`.
    pub fn named(name: impl Into<Arc<str>>) -> Channel<T> {
        Channel { name: Some(name.into()), ..Channel::new() }
    }

    /// Its name, if it was given one.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Hands `value` to whoever gets it, waiting until somebody does. For threads and coroutines.
    ///
    /// # Errors
    /// [`Closed`], with the value, if the channel was shut down before somebody got it.
    #[track_caller]
    pub fn put(&self, value: T) -> Result<(), Closed<T>> {
        match self.put_until(value, None) {
            Ok(()) => Ok(()),
            Err(PutError::Closed(value)) => Err(Closed(value)),
            Err(PutError::Full(_)) => unreachable!("a wait without a limit does not time out"),
        }
    }

    /// Hands over `value` if somebody waits for one. From anywhere.
    ///
    /// # Errors
    /// [`PutError`] with the value: nobody waits, or the channel was shut down.
    #[doc(alias = "put_nowait")]
    pub fn try_put(&self, value: T) -> Result<(), PutError<T>> {
        let mut value = Some(value);
        let put = put_at_once(&mut self.monitor.enter(), &mut value);
        match (put, value) {
            (_, None) => Ok(()),
            (Ok(_), Some(value)) => Err(PutError::Full(value)),
            (Err(_), Some(value)) => Err(PutError::Closed(value)),
        }
    }

    /// Like [`put`](Self::put), waiting for at most `limit`.
    ///
    /// # Errors
    /// [`PutError`] with the value: nobody has got it, or the channel was shut down.
    #[track_caller]
    pub fn put_timeout(&self, value: T, limit: Duration) -> Result<(), PutError<T>> {
        self.put_until(value, Instant::now().checked_add(limit))
    }

    /// Like [`put`](Self::put), for async code. Dropped before somebody has got the value, it takes
    /// it along.
    ///
    /// # Errors
    /// [`Closed`], with the value, if the channel was shut down before somebody got it.
    #[track_caller]
    pub fn put_async(&self, value: T) -> impl Future<Output = Result<(), Closed<T>>> + use<'_, T> {
        let at = Location::caller();
        async move {
            let mut value = Some(value);
            let putting = Putting::new(&mut value, &self.name);
            match Waiting::new(&self.monitor, putting).as_leaf(&TAKER, at).await {
                Ok(()) => Ok(()),
                Err(Closed(())) => Err(Closed(value.expect(REFUSED))),
            }
        }
    }

    /// Takes a value from whoever puts one, waiting until somebody does. For threads and coroutines.
    ///
    /// # Errors
    /// [`Closed`] if the channel was shut down.
    #[track_caller]
    pub fn get(&self) -> Result<T, Closed> {
        match self.get_until(None) {
            Ok(value) => Ok(value),
            Err(GetError::Closed) => Err(Closed(())),
            Err(GetError::Empty) => unreachable!("a wait without a limit does not time out"),
        }
    }

    /// Takes a value if somebody waits to hand one over. From anywhere.
    ///
    /// # Errors
    /// [`GetError`]: nobody puts, or the channel was shut down.
    #[doc(alias = "get_nowait")]
    pub fn try_get(&self) -> Result<T, GetError> {
        get_at_once(&mut self.monitor.enter())?.ok_or(GetError::Empty)
    }

    /// Like [`get`](Self::get), waiting for at most `limit`.
    ///
    /// # Errors
    /// [`GetError`]: nobody has put anything, or the channel was shut down.
    #[track_caller]
    pub fn get_timeout(&self, limit: Duration) -> Result<T, GetError> {
        self.get_until(Instant::now().checked_add(limit))
    }

    /// Like [`get`](Self::get), for async code. Dropped before it is done, it has taken nothing.
    ///
    /// # Errors
    /// [`Closed`] if the channel was shut down.
    #[track_caller]
    pub fn get_async(&self) -> impl Future<Output = Result<T, Closed>> + use<'_, T> {
        let getting = Getting::new(&self.name);
        Waiting::new(&self.monitor, getting).as_leaf(&VALUE, Location::caller())
    }

    /// The values to come, each waited for as by [`get`](Self::get), until the channel is shut down.
    pub fn iter(&self) -> impl Iterator<Item = T> {
        iter::from_fn(|| self.get().ok())
    }

    /// Shuts the channel down, for good: whoever waits or comes later is told so, and putters get
    /// their values back. Values of putters that have gone on already, because somebody waited for
    /// them, can still be got after a [`Drain`](QueueShutdown::Drain). From anywhere, any number of
    /// times.
    pub fn shutdown(&self, how: QueueShutdown) {
        let discarded = shut_down(&mut self.monitor.enter(), how);
        // Its values are foreign code: dropped when the lock is free again.
        drop(discarded);
    }

    /// Whether the channel was shut down.
    pub fn is_shut_down(&self) -> bool {
        self.monitor.enter().is_shut_down
    }

    #[track_caller]
    fn put_until(&self, value: T, until: Option<Instant>) -> Result<(), PutError<T>> {
        let mut value = Some(value);
        let putting = Waiting::new(&self.monitor, Putting::new(&mut value, &self.name));
        let put = Wait::new(&TAKER).until(until).on(&taker_edge(&self.name)).run(putting);
        match (put, value) {
            (Ok(Ok(())), _) => Ok(()),
            (Ok(Err(Closed(()))), value) => Err(PutError::Closed(value.expect(REFUSED))),
            // It was taken in the last moment.
            (Err(TimedOut), None) => Ok(()),
            (Err(TimedOut), Some(value)) => Err(PutError::Full(value)),
        }
    }

    #[track_caller]
    fn get_until(&self, until: Option<Instant>) -> Result<T, GetError> {
        let getting = Waiting::new(&self.monitor, Getting::new(&self.name));
        let edge = value_edge(&self.name);
        match Wait::new(&VALUE).until(until).on(&edge).run_or_stand_aside(getting) {
            Ok(got) => got.map_err(GetError::from),
            Err(WaitError::Deadlock(deadlock)) => deadlock.raise(),
            Err(WaitError::TimedOut) => Err(GetError::Empty),
        }
    }
}

const REFUSED: &str = "a value that was refused is back";

impl<T> Default for Channel<T> {
    fn default() -> Self {
        Channel::new()
    }
}

impl<T> fmt::Debug for Channel<T> {
    /// Never waits: what cannot be seen at once is left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Channel");
        if let Some(name) = self.name() {
            shown.field("name", &name);
        }
        let Some(inside) = self.monitor.try_enter() else { return shown.finish_non_exhaustive() };
        let waiting = [GETTERS, PUTTERS].map(|side| inside.waiting_in(side));
        let is_shut_down = inside.is_shut_down;
        drop(inside);
        shown
            .field("is_shut_down", &is_shut_down)
            .field("waiting_getters", &waiting[GETTERS])
            .field("waiting_putters", &waiting[PUTTERS])
            .finish()
    }
}
