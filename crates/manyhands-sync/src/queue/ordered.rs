//! The queue that users see, whatever its order.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;
use std::time::{Duration, Instant};

use manyhands_wait::{Reason, TimedOut, Wait, WaitError, check_cancelled, give_way};

use super::QueueShutdown;
use super::error::{Closed, GetError, PutError, TaskDoneError};
use super::heap::Heap;
use super::iter::Iter;
use super::order::{Fifo, Items, Lifo, Order, SmallestFirst};
use super::state::{GETTERS, JOINERS, PUTTERS, SIDES, State, settle, shut_down};
use super::statistics::QueueStatistics;
use super::turns::Turn;
use super::waits::{
    Getting, Joining, Putting, Room, done_edge, get_at_once, item_edge, put_at_once, room_edge,
};
use crate::primitive::const_unless_loom;
use crate::waiters::{Monitor, Waiting};

static ITEM: Reason = Reason::new("item of a queue");
static ROOM: Reason = Reason::new("room in a queue");
static DONE: Reason = Reason::new("all items of a queue to be done");

/// The type behind [`Queue`](super::Queue), [`LifoQueue`](super::LifoQueue) and
/// [`PriorityQueue`](super::PriorityQueue), which differ in their [`Order`] alone.
///
/// Any number of threads, coroutines and async tasks put and get at once. The plain methods are for
/// threads and coroutines, and for short calls that do not wait (`try_put`, `try_get`) from anywhere;
/// async code uses the `_async` ones. A wait ends early, by unwinding, if the running task is
/// cancelled or its deadline passes; neither that, nor a time that is over, nor an async call that is
/// dropped loses an item: it stays for the next getter.
///
/// Those who wait are served in the order in which they came, except that somebody who has not
/// waited may be quicker than a waiter that is being woken. That happens to a waiter twice at most;
/// then its item, or its room, is kept for it.
///
/// Anybody may put or get, so nobody can tell that a wait for a queue never ends: it is listed by
/// [`manyhands_wait::dump`], but never reported as a deadlock.
pub struct OrderedQueue<T, O: Order<T>> {
    monitor: Monitor<State<O::Items>, Turn, SIDES>,
    name: Option<Arc<str>>,
}

macro_rules! constructors {
    ($order:ty, $items:expr, $($bound:tt)*) => {
        impl<T $($bound)*> OrderedQueue<T, $order> {
            const_unless_loom! {
                /// A queue in which `put` waits while `max_size` items are in it. It can be in a
                /// `static`.
                ///
                /// # Panics
                /// If `max_size` is 0: nothing could ever be put. A queue without a bound is
                /// [`unbounded`](Self::unbounded), one that hands over from putter to getter a
                /// [`Channel`](crate::Channel).
                #[doc(alias = "maxsize")]
                pub fn new(max_size: usize) -> Self {
                    Self::over($items, check(max_size))
                }

                /// A queue in which there is always room. It can be in a `static`.
                pub fn unbounded() -> Self {
                    Self::over($items, usize::MAX)
                }
            }

            /// Like [`new`](Self::new), with a name for dumps and `Debug`.
            ///
            /// # Panics
            /// If `max_size` is 0.
            pub fn named(name: impl Into<Arc<str>>, max_size: usize) -> Self {
                Self::new(max_size).with_name(name)
            }
        }
    };
}

constructors!(Fifo, VecDeque::new(),);
constructors!(Lifo, Vec::new(),);
constructors!(SmallestFirst, Heap::new(), : Ord);

const fn check(max_size: usize) -> usize {
    assert!(max_size > 0, "a queue with room for nothing; `unbounded()` has no bound");
    max_size
}

impl<T, O: Order<T>> OrderedQueue<T, O> {
    const_unless_loom! {
        fn over(items: O::Items, max_size: usize) -> Self {
            OrderedQueue { monitor: Monitor::new(State::new(items, max_size)), name: None }
        }
    }

    /// The same queue with a name for dumps and `Debug`.
    #[must_use = "the name belongs to the queue that is returned"]
    pub fn with_name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Its name, if it was given one.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Puts `item`, waiting while the queue is full. For threads and coroutines.
    ///
    /// # Errors
    /// [`Closed`], with the item, if the queue was shut down, before or while this waits.
    #[track_caller]
    pub fn put(&self, item: T) -> Result<(), Closed<T>> {
        check_cancelled();
        let mut item = Some(item);
        match self.put_now(&mut item) {
            Room::Put => Ok(()),
            Room::Closed => Err(Closed(item.expect(KEPT))),
            Room::Full => match self.put_slowly(item, None) {
                Ok(()) => Ok(()),
                Err(PutError::Closed(item)) => Err(Closed(item)),
                Err(PutError::Full(_)) => unreachable!("a wait without a limit does not time out"),
            },
        }
    }

    /// Puts `item` if there is room at once. From anywhere.
    ///
    /// # Errors
    /// [`PutError`] with the item: full, or shut down. Full also if what room there is has been kept
    /// for one who waits for it.
    #[doc(alias = "put_nowait")]
    pub fn try_put(&self, item: T) -> Result<(), PutError<T>> {
        let mut item = Some(item);
        match self.put_now(&mut item) {
            Room::Put => Ok(()),
            Room::Full => Err(PutError::Full(item.expect(KEPT))),
            Room::Closed => Err(PutError::Closed(item.expect(KEPT))),
        }
    }

    /// Like [`put`](Self::put), waiting for at most `limit`.
    ///
    /// # Errors
    /// [`PutError`] with the item: full all the time, or shut down.
    #[track_caller]
    pub fn put_timeout(&self, item: T, limit: Duration) -> Result<(), PutError<T>> {
        check_cancelled();
        let mut item = Some(item);
        match self.put_now(&mut item) {
            Room::Put => Ok(()),
            Room::Closed => Err(PutError::Closed(item.expect(KEPT))),
            Room::Full => self.put_slowly(item, Instant::now().checked_add(limit)),
        }
    }

    /// Like [`put`](Self::put), for async code. Dropped before it is done, it has not put the item,
    /// which goes with it.
    ///
    /// # Errors
    /// [`Closed`], with the item, if the queue was shut down, before or while this waits.
    #[track_caller]
    pub fn put_async(
        &self,
        item: T,
    ) -> impl Future<Output = Result<(), Closed<T>>> + use<'_, T, O> {
        let at = Location::caller();
        async move {
            let mut item = Some(item);
            let putting = Putting::new(&mut item, &self.name);
            match Waiting::new(&self.monitor, putting).as_leaf(&ROOM, at).await {
                Ok(()) => Ok(()),
                Err(Closed(())) => Err(Closed(item.expect(KEPT))),
            }
        }
    }

    /// Takes the next item, waiting while there is none. For threads and coroutines.
    ///
    /// # Errors
    /// [`Closed`] if the queue was shut down and nothing is left in it.
    #[track_caller]
    pub fn get(&self) -> Result<T, Closed> {
        check_cancelled();
        match self.get_now()? {
            Some(item) => Ok(item),
            None => match self.get_slowly(None) {
                Ok(item) => Ok(item),
                Err(GetError::Closed) => Err(Closed(())),
                Err(GetError::Empty) => unreachable!("a wait without a limit does not time out"),
            },
        }
    }

    /// Takes the next item if there is one at once. From anywhere.
    ///
    /// # Errors
    /// [`GetError`]: empty, or shut down and empty. Empty also if what items there are have been kept
    /// for those who wait for them.
    #[doc(alias = "get_nowait")]
    pub fn try_get(&self) -> Result<T, GetError> {
        self.get_now()?.ok_or(GetError::Empty)
    }

    /// Like [`get`](Self::get), waiting for at most `limit`.
    ///
    /// # Errors
    /// [`GetError`]: empty all the time, or shut down and empty.
    #[track_caller]
    pub fn get_timeout(&self, limit: Duration) -> Result<T, GetError> {
        check_cancelled();
        match self.get_now()? {
            Some(item) => Ok(item),
            None => self.get_slowly(Instant::now().checked_add(limit)),
        }
    }

    /// Like [`get`](Self::get), for async code. Dropped before it is done, it has taken nothing.
    ///
    /// # Errors
    /// [`Closed`] if the queue was shut down and nothing is left in it.
    #[track_caller]
    pub fn get_async(&self) -> impl Future<Output = Result<T, Closed>> + use<'_, T, O> {
        let getting = Getting::new(&self.name);
        Waiting::new(&self.monitor, getting).as_leaf(&ITEM, Location::caller())
    }

    /// The items to come, each waited for as by [`get`](Self::get), until the queue is shut down and
    /// empty. The same as `for item in &queue`.
    pub fn iter(&self) -> Iter<'_, T, O> {
        Iter::new(self)
    }

    /// Says that one item that was got is done with. When as many are done as were put, those who
    /// [`join`](Self::join) go on.
    ///
    /// # Errors
    /// [`TaskDoneError`] if all items that were put are done already.
    pub fn task_done(&self) -> Result<(), TaskDoneError> {
        let mut inside = self.monitor.enter();
        inside.unfinished = inside.unfinished.checked_sub(1).ok_or(TaskDoneError)?;
        settle(&mut inside);
        Ok(())
    }

    /// Waits until every item that was put is [done](Self::task_done). That there was such a moment
    /// is enough, also if more is put before this caller goes on. For threads and coroutines.
    #[track_caller]
    pub fn join(&self) {
        let Ok(()) = self.join_until(None) else {
            unreachable!("a wait without a limit does not time out");
        };
    }

    /// Like [`join`](Self::join), waiting for at most `limit`.
    ///
    /// # Errors
    /// [`TimedOut`] if items were unfinished all the time.
    #[track_caller]
    pub fn join_timeout(&self, limit: Duration) -> Result<(), TimedOut> {
        self.join_until(Instant::now().checked_add(limit))
    }

    /// Like [`join`](Self::join), for async code.
    #[track_caller]
    pub fn join_async(&self) -> impl Future<Output = ()> + use<'_, T, O> {
        let joining = Joining::new(&self.name);
        Waiting::new(&self.monitor, joining).as_leaf(&DONE, Location::caller())
    }

    /// How many items were put and are not [done](Self::task_done).
    #[doc(alias = "unfinished_tasks")]
    pub fn unfinished(&self) -> usize {
        self.monitor.enter().unfinished
    }

    /// Shuts the queue down, for good. From then on nothing can be put, whoever waits for room is
    /// told so, and so is whoever gets once the queue is empty. What is in it can still be got
    /// ([`Drain`](QueueShutdown::Drain)), or is dropped and counts as done
    /// ([`Immediate`](QueueShutdown::Immediate)); an `Immediate` may follow a `Drain`. From anywhere,
    /// any number of times.
    pub fn shutdown(&self, how: QueueShutdown) {
        let discarded = shut_down(&mut self.monitor.enter(), how);
        // Its items are foreign code: dropped when the lock is free again.
        drop(discarded);
    }

    /// Whether the queue was shut down.
    pub fn is_shut_down(&self) -> bool {
        self.monitor.enter().is_shut_down
    }

    /// How many items are in it. It may be another number when the caller looks at it.
    #[doc(alias = "qsize")]
    pub fn len(&self) -> usize {
        self.monitor.enter().items.len()
    }

    /// Whether nothing is in it, now.
    #[doc(alias = "empty")]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is no room, now. Never true without a bound.
    #[doc(alias = "full")]
    pub fn is_full(&self) -> bool {
        self.monitor.enter().room() == 0
    }

    /// How many items fit in; none if there is no bound.
    pub fn max_size(&self) -> Option<usize> {
        bound(self.monitor.enter().max_size)
    }

    /// Changes how many items fit in, or takes the bound away. If more are in it already they stay,
    /// and there is room again when enough of them were got. If there is more room now, those who
    /// wait for it are woken.
    ///
    /// # Panics
    /// If `max_size` is 0.
    pub fn set_max_size(&self, max_size: Option<usize>) {
        let max_size = max_size.map_or(usize::MAX, check);
        let mut inside = self.monitor.enter();
        inside.max_size = max_size;
        settle(&mut inside);
    }

    /// How the queue is used.
    pub fn statistics(&self) -> QueueStatistics {
        let inside = self.monitor.enter();
        QueueStatistics {
            len_max: inside.len_max,
            puts_that_waited: inside.puts_that_waited,
            gets_that_waited: inside.gets_that_waited,
            waiting_putters: inside.waiting_in(PUTTERS),
            waiting_getters: inside.waiting_in(GETTERS),
            waiting_joiners: inside.waiting_in(JOINERS),
        }
    }

    /// Lets other coroutines of this thread go on, who may be about to put or get; false if none did.
    fn lets_others_go_on(&self) -> bool {
        let have_others = give_way();
        if have_others {
            self.monitor.favour();
        }
        have_others
    }

    #[inline]
    fn put_now(&self, item: &mut Option<T>) -> Room {
        put_at_once(&mut self.monitor.enter(), item)
    }

    #[inline]
    fn get_now(&self) -> Result<Option<T>, Closed> {
        get_at_once(&mut self.monitor.enter())
    }

    #[cold]
    #[track_caller]
    fn put_slowly(&self, mut item: Option<T>, until: Option<Instant>) -> Result<(), PutError<T>> {
        if self.lets_others_go_on() {
            match self.put_now(&mut item) {
                Room::Put => return Ok(()),
                Room::Closed => return Err(PutError::Closed(item.expect(KEPT))),
                Room::Full => {}
            }
        }
        let putting = Waiting::new(&self.monitor, Putting::new(&mut item, &self.name));
        let edge = room_edge(&self.name);
        match Wait::new(&ROOM).until(until).on(&edge).run_or_stand_aside(putting) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(Closed(()))) => Err(PutError::Closed(item.expect(KEPT))),
            Err(WaitError::Deadlock(deadlock)) => deadlock.raise(),
            Err(WaitError::TimedOut) => Err(PutError::Full(item.expect(KEPT))),
        }
    }

    #[cold]
    #[track_caller]
    fn get_slowly(&self, until: Option<Instant>) -> Result<T, GetError> {
        if self.lets_others_go_on()
            && let Some(item) = self.get_now()?
        {
            return Ok(item);
        }
        let getting = Waiting::new(&self.monitor, Getting::new(&self.name));
        let edge = item_edge(&self.name);
        match Wait::new(&ITEM).until(until).on(&edge).run_or_stand_aside(getting) {
            Ok(got) => got.map_err(GetError::from),
            Err(WaitError::Deadlock(deadlock)) => deadlock.raise(),
            Err(WaitError::TimedOut) => Err(GetError::Empty),
        }
    }

    #[track_caller]
    fn join_until(&self, until: Option<Instant>) -> Result<(), TimedOut> {
        let joining = Waiting::new(&self.monitor, Joining::new(&self.name));
        Wait::new(&DONE).until(until).on(&done_edge(&self.name)).run(joining)
    }
}

const KEPT: &str = "what was not put is still here";

fn bound(max_size: usize) -> Option<usize> {
    (max_size != usize::MAX).then_some(max_size)
}

impl<T, O: Order<T>> fmt::Debug for OrderedQueue<T, O> {
    /// Never waits: what cannot be seen at once is left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Queue");
        if let Some(name) = self.name() {
            shown.field("name", &name);
        }
        let Some(inside) = self.monitor.try_enter() else { return shown.finish_non_exhaustive() };
        let (len, max_size) = (inside.items.len(), bound(inside.max_size));
        let (unfinished, is_shut_down) = (inside.unfinished, inside.is_shut_down);
        let waiting = [GETTERS, PUTTERS, JOINERS].map(|side| inside.waiting_in(side));
        drop(inside);
        shown
            .field("len", &len)
            .field("max_size", &max_size)
            .field("unfinished", &unfinished)
            .field("is_shut_down", &is_shut_down)
            .field("waiting_getters", &waiting[GETTERS])
            .field("waiting_putters", &waiting[PUTTERS])
            .field("waiting_joiners", &waiting[JOINERS])
            .finish()
    }
}
