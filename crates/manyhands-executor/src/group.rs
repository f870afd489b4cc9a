//! Structured concurrency: tasks that belong together and end together.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};
use std::time::{Duration, Instant};

use manyhands_wait::{WakeOnCancel, check_cancelled, wake_on_cancel};

use crate::entry::Portable;
use crate::error::{TaskError, TaskErrorKind};
use crate::executor::Executor;
use crate::options::TaskOptions;
use crate::submit::{ExecutorExt, InProcess};
use crate::task::{AsTask, Outcome, Task, TaskHandle};

/// Tasks that end together: when one fails, the others are cancelled, and the group is over when
/// all have ended.
///
/// [`wait`](Group::wait) ends a group in the normal way. Dropping a group cancels what is left and
/// waits for it: a destructor that blocks, which `wait` avoids. A deadline that is in force where
/// the group is made applies to its tasks too.
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
    /// The error of the task that failed first.
    #[track_caller]
    pub fn wait(self) -> Result<(), TaskError> {
        self.members.join();
        self.take_error().map_or(Ok(()), Err)
    }

    /// Waits for all tasks and leaves the first error in place.
    #[track_caller]
    pub(crate) fn join_members(&self) {
        self.members.join();
    }

    /// From here on, until the guard is dropped, a cancellation of the code around this call, which
    /// is the owner's, reaches the tasks of the group at once.
    pub(crate) fn cancelled_with_owner(&self) -> WakeOnCancel {
        self.members.cancelled_with_owner()
    }

    pub(crate) fn take_error(&self) -> Option<TaskError> {
        self.members.lock().first_error.take()
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
        // The wait is unwound if the task that drops the group was itself cancelled. That is
        // delivered once, so the second wait goes through.
        struct Join<'a>(&'a Arc<Members>);
        impl Drop for Join<'_> {
            fn drop(&mut self) {
                self.0.join();
            }
        }
        self.members.cancel();
        let _second = Join(&self.members);
        self.members.join();
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

    /// Waits for each member; those that a member adds come later in the list.
    ///
    /// Waiting for a member may mean to run it here. So that this does not keep a cancellation of
    /// the owner from its members, that reaches them on a way of its own.
    #[track_caller]
    fn join(self: &Arc<Self>) {
        let _cancelled_with_owner = self.cancelled_with_owner();
        loop {
            let Some(handle) = self.lock().handles.last().cloned() else { break };
            handle.wait();
            // Taken out only now: if the wait is unwound, the next join must find it.
            let mut state = self.lock();
            while state.handles.last().is_some_and(TaskHandle::is_settled) {
                state.handles.pop();
            }
        }
        // They may have ended so early because the owner is cancelled; then it shall not go on as if
        // they had done their work.
        check_cancelled();
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
