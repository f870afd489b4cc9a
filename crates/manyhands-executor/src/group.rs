//! Structured concurrency: tasks that belong together and end together.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};
use std::time::{Duration, Instant};

use manyhands_wait::{
    Deadlock, Layer, WakeOnCancel, check_cancelled, has_scoped_parker, wake_on_cancel,
};

use crate::entry::Portable;
use crate::error::{TaskError, TaskErrorKind};
use crate::executor::Executor;
use crate::options::TaskOptions;
use crate::submit::{ExecutorExt, InProcess};
use crate::task::{AsTask, Outcome, Purpose, Task, TaskHandle};

/// Tasks that end together: when one fails, the others are cancelled, and the group is over when
/// all have ended.
///
/// [`wait`](Group::wait) ends a group in the normal way, and [`run`](Group::run) on every way out
/// of a closure. Dropping a group cancels what is left and waits for it: a destructor that blocks,
/// which those two avoid. **A group that is dropped in a coroutine while a panic or a cancellation
/// unwinds it is cancelled but not waited for**: its tasks may be coroutines of the same thread,
/// which can be cancelled only after the unwinding. They end a little later than the group then;
/// use `run`, or [`scope`](crate::scope()), where that matters.
///
/// A deadline that is in force where the group is made applies to its tasks too.
///
/// A task that was cancelled is no failure. An error that a task's own code returns is its value,
/// and no failure either.
///
/// ```
/// use manyhands_executor::{Group, InProcess, Sequential};
///
/// let executor = Sequential::new();
/// let group = Group::new(&executor);
/// let two = group.spawn(|| 1 + 1);
/// group.wait().unwrap();
/// assert_eq!(two.result().unwrap(), 2);
/// ```
#[doc(alias = "TaskGroup")]
#[doc(alias = "Nursery")]
pub struct Group<'e, E: Executor + ?Sized> {
    executor: &'e E,
    members: Arc<Members>,
    deadline: Option<Instant>,
}

struct Members {
    state: Mutex<State>,
}

struct State {
    open: bool,
    handles: Vec<TaskHandle>,
    first_error: Option<TaskError>,
}

impl<'e, E: Executor + ?Sized> Group<'e, E> {
    /// An empty group whose tasks run on `executor`.
    pub fn new(executor: &'e E) -> Group<'e, E> {
        let state = State { open: true, handles: Vec::new(), first_error: None };
        Group {
            executor,
            members: Arc::new(Members { state: Mutex::new(state) }),
            deadline: manyhands_wait::current_deadline(),
        }
    }

    /// Lets no task of the group go on for longer than `limit` from now, unless an earlier
    /// deadline is in force.
    pub fn time_limit(mut self, limit: Duration) -> Group<'e, E> {
        let at = Instant::now().checked_add(limit);
        self.deadline = match (self.deadline, at) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        self
    }

    /// Submits `f(argument)` as a task of the group.
    pub fn submit<A: Portable, R: Portable>(&self, f: fn(A) -> R, argument: A) -> Task<R> {
        self.adopt(self.executor.with(self.options()).submit(f, argument))
    }

    /// Cancels all tasks of the group; those that are added later are cancelled at once.
    pub fn cancel(&self) {
        self.members.cancel();
    }

    /// Waits until all tasks have ended, those added meanwhile too.
    ///
    /// # Errors
    /// The error of the task that failed first. If one of them can never end, because it waits for
    /// this very caller, or for others who do, that is the failure: the tasks are cancelled, and
    /// have ended when this returns the error, of the kind [`Deadlock`](TaskErrorKind::Deadlock).
    #[track_caller]
    pub fn wait(self) -> Result<(), TaskError> {
        self.conclude(|| ())
    }

    /// Runs `f` with the group, and then waits until all tasks have ended. When `f` panics or is
    /// cancelled, so are the tasks, and it goes on after they have ended.
    ///
    /// # Errors
    /// The error of the task that failed first; `f`'s value is dropped then.
    ///
    /// ```
    /// use manyhands_executor::{Group, InProcess, Sequential};
    ///
    /// let executor = Sequential::new();
    /// let task = Group::new(&executor).run(|group| group.spawn(|| 1 + 1));
    /// assert_eq!(task.unwrap().result().unwrap(), 2);
    /// ```
    #[track_caller]
    pub fn run<T>(self, f: impl FnOnce(&Self) -> T) -> Result<T, TaskError> {
        self.conclude(|| f(&self))
    }

    /// Runs `f`, which adds tasks, and waits for them; returns or unwinds only when all have ended.
    #[track_caller]
    pub(crate) fn conclude<T>(&self, f: impl FnOnce() -> T) -> Result<T, TaskError> {
        // Never in a destructor: what waits while the thread unwinds keeps the coroutines of this
        // thread from being cancelled, and those are what it would wait for.
        let value = catch_unwind(AssertUnwindSafe(|| {
            let _cancelled_with_owner = self.members.cancelled_with_owner();
            f()
        }));
        match value {
            Ok(value) => {
                self.members.join();
                let error = self.members.lock().first_error.take();
                error.map_or(Ok(value), Err)
            }
            Err(payload) => {
                self.members.end();
                resume_unwind(payload)
            }
        }
    }

    fn options(&self) -> TaskOptions {
        match self.deadline {
            Some(at) => TaskOptions::new().deadline(at),
            None => TaskOptions::new(),
        }
    }

    fn adopt<R: Send + 'static>(&self, task: Task<R>) -> Task<R> {
        self.members.add(task.as_task());
        let members = Arc::downgrade(&self.members);
        task.on_done(move |outcome: &Outcome<R>| {
            if let Err(error) = outcome
                && error.kind() != TaskErrorKind::Cancelled
                && let Some(members) = members.upgrade()
            {
                members.fail(error.clone());
            }
        });
        task
    }
}

impl<E: InProcess + ?Sized> Group<'_, E> {
    /// Runs `f` as a task of the group.
    pub fn spawn<R: Send + 'static>(&self, f: impl FnOnce() -> R + Send + 'static) -> Task<R> {
        self.adopt(self.executor.with(self.options()).spawn(f))
    }

    /// Runs `future` as a task of the group.
    pub fn spawn_async<F>(&self, future: F) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.adopt(self.executor.with(self.options()).spawn_async(future))
    }
}

impl<E: Executor + ?Sized> Drop for Group<'_, E> {
    fn drop(&mut self) {
        if std::thread::panicking() && has_scoped_parker() {
            self.members.cancel();
        } else {
            self.members.end();
        }
    }
}

impl<E: Executor + ?Sized> fmt::Debug for Group<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.members.lock();
        f.debug_struct("Group")
            .field("tasks", &state.handles.len())
            .field("first_error", &state.first_error)
            .field("cancelled", &!state.open)
            .finish_non_exhaustive()
    }
}

impl Members {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, handle: TaskHandle) {
        let mut state = self.lock();
        if state.handles.len() == state.handles.capacity() {
            state.handles.retain(|handle| !handle.is_settled());
        }
        state.handles.push(handle.clone());
        let open = state.open;
        drop(state);
        if !open {
            handle.cancel();
        }
    }

    fn fail(&self, error: TaskError) {
        self.lock().first_error.get_or_insert(error);
        self.cancel();
    }

    fn cancel(&self) {
        let mut state = self.lock();
        state.open = false;
        let handles = state.handles.clone();
        drop(state);
        for handle in handles {
            handle.cancel();
        }
    }

    /// Waits for each member. If the wait is unwound, because the owner is cancelled, the members
    /// are too, and the unwinding goes on when they have ended.
    #[track_caller]
    fn join(self: &Arc<Self>) {
        // A cancellation of the owner reaches the members on a way of its own, because to wait for
        // one may mean to run it here.
        let joined = catch_unwind(AssertUnwindSafe(|| {
            let _cancelled_with_owner = self.cancelled_with_owner();
            self.wait_for_each()
        }));
        match joined {
            Ok(Ok(())) => {}
            Ok(Err(deadlock)) => {
                // One of them waits for the owner. It gets no further, and leaves that wait now.
                self.lock().first_error.get_or_insert(TaskError::from(deadlock));
                self.end();
            }
            Err(payload) => {
                self.end();
                resume_unwind(payload);
            }
        }
        // They may have ended so early because the owner is cancelled; then it shall not go on as if
        // they had done their work.
        check_cancelled();
    }

    /// Cancels the members and waits for them, whatever happens to the owner meanwhile: it learns of
    /// that at its next wait.
    #[track_caller]
    fn end(self: &Arc<Self>) {
        let cancelled = catch_unwind(AssertUnwindSafe(|| self.cancel()));
        let joined = catch_unwind(AssertUnwindSafe(|| {
            Layer::new().isolated().enter(|| {
                if let Err(deadlock) = self.wait_for_each() {
                    // What the members have borrowed must not go before they have ended. They were
                    // told to leave their waits, but a destructor of theirs waits for this one.
                    eprintln!(
                        "manyhands: a group whose tasks were cancelled cannot be left: {deadlock}"
                    );
                    self.wait_for_each_without_end();
                }
            });
        }));
        if let Err(payload) = joined {
            self.give_up(&*payload);
        }
        if let Err(payload) = cancelled {
            resume_unwind(payload);
        }
    }

    /// Waits for each member; those that a member adds come later in the list.
    #[track_caller]
    fn wait_for_each(&self) -> Result<(), Deadlock> {
        while let Some(handle) = self.another() {
            handle.wait_for(Purpose::GroupExit)?;
        }
        Ok(())
    }

    /// Likewise, also if that can never end.
    #[track_caller]
    fn wait_for_each_without_end(&self) {
        while let Some(handle) = self.another() {
            let _it_has_ended = handle.wait_timeout(Duration::MAX);
        }
    }

    /// A member that has not ended.
    fn another(&self) -> Option<TaskHandle> {
        // Taken out only when they have ended: if a wait is unwound, the next one must find it.
        let mut state = self.lock();
        while state.handles.last().is_some_and(TaskHandle::is_settled) {
            state.handles.pop();
        }
        state.handles.last().cloned()
    }

    /// Called when members cannot be waited for: waiting is forbidden here, say. They may have
    /// borrowed from the stack below, which must not be left while one of them runs.
    #[cold]
    fn give_up(&self, payload: &(dyn Any + Send)) {
        if self.lock().handles.iter().all(TaskHandle::is_settled) {
            return;
        }
        let why = payload
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| payload.downcast_ref::<&str>().copied())
            .unwrap_or("a panic");
        eprintln!(
            "manyhands: tasks of a group still run and cannot be waited for ({why}); aborting"
        );
        std::process::abort();
    }

    fn cancelled_with_owner(self: &Arc<Self>) -> WakeOnCancel {
        wake_on_cancel(&Waker::from(Arc::clone(self)))
    }
}

/// Being woken means that the owner is cancelled.
impl Wake for Members {
    fn wake(self: Arc<Self>) {
        self.cancel();
    }
}
