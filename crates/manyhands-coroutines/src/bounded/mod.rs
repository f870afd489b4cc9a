//! [`Pool`]: a bound on how many coroutines of this thread run at a time, and a hold on all of them.

mod map;
mod members;

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;

use manyhands_executor::{Job, Task, TaskError, TaskHandle, TaskOptions};
use manyhands_wait::{Deadlock, Reason, Wait, WaitError, current_task};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::spawn::{spawn_with, yield_now};

pub use map::{Imap, ImapUnordered};
use members::{Members, PlaceEdge};

static PLACE: Reason = Reason::new("free place in a pool of coroutines");

/// Coroutines of this thread of which so many run at a time. It is `gevent.pool.Pool`.
///
/// It starts coroutines as [`spawn_local`](crate::spawn_local) does, on the hub of the thread that
/// calls [`spawn`](Pool::spawn); neither closures nor results need to be `Send`. Clones are the same
/// pool. Dropping it leaves its coroutines alone.
///
/// [`Pool::unlimited`] is `gevent.pool.Group`: no bound, but a hold on all. It is looser than the
/// structured [`Group`](manyhands_executor::Group) of executors: no failure cancels the others, and
/// nothing waits for them unless [`join`](Pool::join) is called.
///
/// For work on several threads there is [`CoroutinePool`](crate::CoroutinePool).
///
/// ```
/// use std::time::Duration;
/// use manyhands_coroutines::{Pool, sleep};
///
/// let pool = Pool::new(10);
/// for n in 0..100 {
///     let _detached = pool.spawn(move || sleep(Duration::from_millis(n % 3))); // never more than 10
/// }
/// pool.join();
/// assert!(pool.is_empty());
/// ```
///
/// It stays on its thread:
///
/// ```compile_fail,E0277
/// fn sent<T: Send>() {}
/// sent::<manyhands_coroutines::Pool>();
/// ```
#[doc(alias = "gevent.pool.Pool")]
#[doc(alias = "gevent.pool.Group")]
#[derive(Clone)]
pub struct Pool {
    inner: Rc<Inner>,
}

struct Inner {
    limit: Option<usize>,
    places: Arc<Semaphore>,
    next: Cell<u64>,
    members: Members,
    /// Places taken, also by coroutines that are about to be members.
    taken: Cell<usize>,
}

impl Pool {
    /// A pool that runs at most `limit` coroutines at a time.
    ///
    /// # Panics
    /// If `limit` is 0.
    pub fn new(limit: usize) -> Pool {
        assert!(limit > 0, "a pool must let at least 1 coroutine run, not 0");
        Pool::with_limit(Some(limit.min(Semaphore::MAX_PERMITS)))
    }

    /// A pool without a limit: `gevent.pool.Group`.
    pub fn unlimited() -> Pool {
        Pool::with_limit(None)
    }

    fn with_limit(limit: Option<usize>) -> Pool {
        let places = Semaphore::new(limit.unwrap_or(Semaphore::MAX_PERMITS));
        Pool {
            inner: Rc::new(Inner {
                limit,
                places: Arc::new(places),
                next: Cell::new(0),
                members: Members::default(),
                taken: Cell::new(0),
            }),
        }
    }

    /// Runs `f` as a coroutine of the pool. Waits for a place first if the pool is full; those who
    /// wait get their places in the order in which they came.
    ///
    /// A member that spawns into its own full pool waits for the others. If all of them do, one of them
    /// gets a task that has failed with a [`Deadlock`], and the others go on.
    #[doc(alias = "apply_async")]
    #[track_caller]
    pub fn spawn<R: 'static>(&self, f: impl FnOnce() -> R + 'static) -> Task<R> {
        match self.wait_for_place() {
            Ok(place) => self.start(place, f),
            Err(deadlock) => {
                let (task, job) = Job::of_this_thread(TaskOptions::new(), f);
                job.fail(deadlock.into());
                task
            }
        }
    }

    /// Runs `f` as a coroutine of the pool if there is a place for it.
    ///
    /// # Errors
    /// `f` itself if the pool is full.
    pub fn try_spawn<R: 'static, F: FnOnce() -> R + 'static>(&self, f: F) -> Result<Task<R>, F> {
        match self.try_place() {
            Some(place) => Ok(self.start(place, f)),
            None => Err(f),
        }
    }

    /// Calls `f` for every input, each call a coroutine of the pool, and returns the results in the
    /// order of the inputs.
    ///
    /// # Errors
    /// The first error; the other calls are cancelled then.
    #[track_caller]
    pub fn map<A, R, F, I>(&self, f: F, inputs: I) -> Result<Vec<R>, TaskError>
    where
        A: 'static,
        R: 'static,
        F: Fn(A) -> R + 'static,
        I: IntoIterator<Item = A>,
    {
        map::map(self, f, inputs)
    }

    /// Calls `f` for every input, each call a coroutine of the pool, and yields the outcomes in the
    /// order of the inputs.
    ///
    /// Lazy: as many inputs are taken ahead of the outcomes that were yielded as the limit says, the
    /// first of them right now. So an endless iterator of inputs works, except in a pool without a
    /// limit, where all inputs are taken at once. One slow call holds up those behind the limit;
    /// [`imap_unordered`](Pool::imap_unordered) has no such trouble.
    ///
    /// Dropping the iterator cancels what is under way. If the next outcome can never come, because its
    /// call waits for the reader or for others who do, the iterator does so too and ends with one error
    /// of the kind [`Deadlock`](manyhands_executor::TaskErrorKind::Deadlock).
    ///
    /// ```
    /// let pool = manyhands_coroutines::Pool::new(3);
    /// let squares = pool.imap(|n: u64| n * n, 1..).map(Result::unwrap);
    /// assert_eq!(squares.take(4).collect::<Vec<_>>(), [1, 4, 9, 16]);
    /// ```
    #[track_caller]
    pub fn imap<A, R, F, I>(&self, f: F, inputs: I) -> Imap<A, R, F, I::IntoIter>
    where
        A: 'static,
        R: 'static,
        F: Fn(A) -> R + 'static,
        I: IntoIterator<Item = A>,
    {
        Imap::new(self, f, inputs.into_iter())
    }

    /// Like [`imap`](Pool::imap), with the outcomes as they come.
    #[track_caller]
    pub fn imap_unordered<A, R, F, I>(&self, f: F, inputs: I) -> ImapUnordered<A, R, F, I::IntoIter>
    where
        A: 'static,
        R: 'static,
        F: Fn(A) -> R + 'static,
        I: IntoIterator<Item = A>,
    {
        ImapUnordered::new(self, f, inputs.into_iter())
    }

    /// The limit, if there is one.
    pub fn limit(&self) -> Option<usize> {
        self.inner.limit
    }

    /// How many places are free. Very many if there is no limit.
    pub fn free_count(&self) -> usize {
        self.inner.places.available_permits()
    }

    /// Whether there is no free place.
    #[doc(alias = "full")]
    pub fn is_full(&self) -> bool {
        self.free_count() == 0
    }

    /// Waits until there is a free place. It may be taken again by the time the caller looks: only
    /// [`spawn`](Pool::spawn) is sure to get one.
    ///
    /// # Panics
    /// With a [`Deadlock`] if there will never be one, because all members wait for this very caller.
    #[track_caller]
    pub fn wait_available(&self) {
        drop(self.wait_for_place().unwrap_or_else(|deadlock| deadlock.raise()));
    }

    /// How many coroutines of the pool have not ended.
    pub fn len(&self) -> usize {
        self.inner.taken.get()
    }

    /// Whether all its coroutines have ended.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Waits until all coroutines of the pool have ended, those that come meanwhile too. One of them
    /// that calls this does not wait for itself.
    #[track_caller]
    pub fn join(&self) {
        while let Some((key, member)) = self.another_member() {
            self.wait_for_end(key, &member);
        }
    }

    /// Cancels all coroutines of the pool and waits until they have ended: their next wait unwinds
    /// them. One of them that calls this goes on.
    ///
    /// Coroutines that come meanwhile are cancelled, too; the pool can be used again afterwards.
    #[track_caller]
    pub fn kill(&self) {
        while let Some((key, member)) = self.another_member() {
            // All first, then wait: they end side by side.
            for member in self.other_members() {
                member.cancel();
            }
            self.wait_for_end(key, &member);
        }
    }

    #[track_caller]
    fn wait_for_end(&self, key: u64, member: &TaskHandle) {
        member.wait();
        // One that another thread has cancelled before it began has ended at once, but it has its
        // place until the hub comes to its closure.
        while self.inner.members.contains(key) {
            yield_now();
        }
    }

    fn another_member(&self) -> Option<(u64, TaskHandle)> {
        let myself = current_task().map(|task| task.id);
        self.inner.members.find(|member| Some(member.id()) != myself)
    }

    fn other_members(&self) -> Vec<TaskHandle> {
        let myself = current_task().map(|task| task.id);
        self.inner.members.all_where(|member| Some(member.id()) != myself)
    }

    #[track_caller]
    fn wait_for_place(&self) -> Result<Place, Deadlock> {
        if let Some(place) = self.try_place() {
            return Ok(place);
        }
        let inner = &self.inner;
        let place = Arc::clone(&inner.places).acquire_owned();
        let edge = PlaceEdge { members: &inner.members, places: &inner.places, limit: inner.limit };
        match Wait::new(&PLACE).on(&edge).run_checked(place) {
            Ok(permit) => Ok(self.taken(permit.expect("the semaphore of a pool is never closed"))),
            Err(WaitError::Deadlock(deadlock)) => Err(deadlock),
            Err(_) => unreachable!("the wait has no end"),
        }
    }

    fn try_place(&self) -> Option<Place> {
        let permit = Arc::clone(&self.inner.places).try_acquire_owned().ok()?;
        Some(self.taken(permit))
    }

    fn taken(&self, permit: OwnedSemaphorePermit) -> Place {
        let inner = Rc::clone(&self.inner);
        let key = inner.next.get();
        inner.next.set(key + 1);
        inner.taken.set(inner.taken.get() + 1);
        Place { inner, key, _permit: permit }
    }

    fn start<R: 'static>(&self, place: Place, f: impl FnOnce() -> R + 'static) -> Task<R> {
        let key = place.key;
        let task = spawn_with(TaskOptions::new(), move || {
            let _until_the_end = place;
            f()
        });
        // It has ended already only if there was no hub for it.
        if !task.is_done() {
            self.inner.members.insert(key, task.handle());
        }
        task
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("limit", &self.limit()).field("len", &self.len()).finish()
    }
}

/// A place in a pool, for as long as a coroutine has not ended. Dropped with the closure if that
/// never runs.
struct Place {
    inner: Rc<Inner>,
    key: u64,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.inner.taken.set(self.inner.taken.get() - 1);
        self.inner.members.remove(self.key);
    }
}
