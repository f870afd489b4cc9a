//! Handing calls to an executor: plain functions to any, closures and futures to those in this
//! process.

use std::future::Future;
use std::sync::Arc;

use crate::chunk::Chunk;
use crate::entry::Portable;
use crate::executor::{Executor, Rejected};
use crate::job::Job;
use crate::map::{Map, MapOptions};
use crate::options::TaskOptions;
use crate::retry::RetryPolicy;
use crate::task::{CallCell, CellRef, FutureCell, LocalCell, Shared, Task, TaskCell};
use crate::work::{Call, CallEach, Closure, Repeatable, Retried, Work};

/// What every executor can do: run plain functions. Changing the executor changes nothing here.
///
/// A function must be a function item or a closure that captures nothing, and its argument and
/// result must be [`Portable`], so that the same call works in another process.
pub trait ExecutorExt: Executor {
    /// Submits `f(argument)`.
    ///
    /// Waits for room if the executor's queue is bounded and full. A rejected call (the executor
    /// was shut down) is a task that has failed with [`TaskErrorKind::Rejected`].
    ///
    /// [`TaskErrorKind::Rejected`]: crate::TaskErrorKind::Rejected
    fn submit<A: Portable, R: Portable>(&self, f: fn(A) -> R, argument: A) -> Task<R> {
        hand_over(self, TaskOptions::new(), Call { f, argument })
    }

    /// Like [`submit`](Self::submit), but never waits.
    ///
    /// # Errors
    /// [`Rejected`] if the executor's queue is full or the executor was shut down.
    fn try_submit<A: Portable, R: Portable>(
        &self,
        f: fn(A) -> R,
        argument: A,
    ) -> Result<Task<R>, Rejected> {
        let (task, job) = make(TaskOptions::new(), Call { f, argument });
        self.try_execute(job).map(|()| task)
    }

    /// Calls `f` for every input and yields the results in the order of the inputs. Lazy: inputs
    /// are taken as results are. See [`Map`].
    fn map<'e, A: Portable, R: Portable, I>(&'e self, f: fn(A) -> R, inputs: I) -> Map<'e, I, R>
    where
        I: IntoIterator<Item = A>,
    {
        self.map_with(MapOptions::new(), f, inputs)
    }

    /// Like [`map`](Self::map), but yields the results in the order in which they come.
    #[doc(alias = "imap_unordered")]
    fn map_unordered<'e, A: Portable, R: Portable, I>(
        &'e self,
        f: fn(A) -> R,
        inputs: I,
    ) -> Map<'e, I, R>
    where
        I: IntoIterator<Item = A>,
    {
        self.map_with(MapOptions::new().unordered(), f, inputs)
    }

    /// Like [`map`](Self::map), with a window, a timeout, a chunk size, or results unordered.
    fn map_with<'e, A: Portable, R: Portable, I>(
        &'e self,
        options: MapOptions,
        f: fn(A) -> R,
        inputs: I,
    ) -> Map<'e, I, R>
    where
        I: IntoIterator<Item = A>,
    {
        let check_every = options.check_every();
        let submit = move |arguments: Vec<A>| {
            hand_over(self, TaskOptions::new(), CallEach { f, arguments, check_every })
        };
        Map::new(options, self.parallelism(), inputs, Box::new(submit))
    }

    /// Calls `f` for every input and waits for all. Bounded like [`map`](Self::map).
    ///
    /// # Errors
    /// The error of the first input, in their order, whose call failed; the others are still run.
    fn for_each<A: Portable, I>(&self, f: fn(A), inputs: I) -> Result<(), crate::TaskError>
    where
        I: IntoIterator<Item = A>,
    {
        let mut all = Ok(());
        self.map(f, inputs).for_each(|one| {
            if all.is_ok() {
                all = one;
            }
        });
        all
    }

    /// Says more about the next call: name, deadline, time limit, priority, retries.
    fn with(&self, options: TaskOptions) -> Submitter<'_, Self> {
        Submitter { executor: self, options }
    }
}

impl<E: Executor + ?Sized> ExecutorExt for E {}

/// What executors can do whose workers share the caller's memory: run closures and futures.
///
/// Each such executor also has `spawn` and `map` of its own, which take closures.
pub trait InProcess: Executor {
    /// Runs `f`.
    fn spawn<R: Send + 'static>(&self, f: impl FnOnce() -> R + Send + 'static) -> Task<R> {
        hand_over(self, TaskOptions::new(), Closure(f))
    }

    /// Like [`spawn`](Self::spawn), but never waits for room.
    ///
    /// # Errors
    /// [`Rejected`] if the executor's queue is full or the executor was shut down.
    fn try_spawn<R: Send + 'static>(
        &self,
        f: impl FnOnce() -> R + Send + 'static,
    ) -> Result<Task<R>, Rejected> {
        let (task, job) = make(TaskOptions::new(), Closure(f));
        self.try_execute(job).map(|()| task)
    }

    /// Runs `future`: polled by the executor's runtime if it has one, otherwise waited for by one
    /// of its workers, whose own reactor drives it.
    fn spawn_async<F>(&self, future: F) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        hand_over_future(self, TaskOptions::new(), future)
    }

    /// Calls the closure `f` for every input and yields the results in the order of the inputs,
    /// lazily, like [`ExecutorExt::map`].
    fn map_closure<'e, A, R, F, I>(&'e self, f: F, inputs: I) -> Map<'e, I, R>
    where
        A: Send + 'static,
        R: Send + 'static,
        F: Fn(A) -> R + Send + Sync + 'static,
        I: IntoIterator<Item = A>,
    {
        self.map_closure_with(MapOptions::new(), f, inputs)
    }

    /// Like [`map_closure`](Self::map_closure), with options.
    fn map_closure_with<'e, A, R, F, I>(
        &'e self,
        options: MapOptions,
        f: F,
        inputs: I,
    ) -> Map<'e, I, R>
    where
        A: Send + 'static,
        R: Send + 'static,
        F: Fn(A) -> R + Send + Sync + 'static,
        I: IntoIterator<Item = A>,
    {
        let f = Arc::new(f);
        let check_every = options.check_every();
        let submit = move |arguments: Vec<A>| {
            let f = Arc::clone(&f);
            let compute = move || Chunk::compute(arguments, check_every, |argument| f(argument));
            hand_over(self, TaskOptions::new(), Closure(compute))
        };
        Map::new(options, self.parallelism(), inputs, Box::new(submit))
    }
}

impl<E: InProcess + ?Sized> InProcess for Box<E> {}
impl<E: InProcess + ?Sized> InProcess for Arc<E> {}
impl<E: InProcess + ?Sized> InProcess for &E {}

/// One submission with options; made by [`ExecutorExt::with`].
#[derive(Debug)]
#[must_use = "nothing is submitted yet"]
pub struct Submitter<'e, E: ?Sized> {
    executor: &'e E,
    options: TaskOptions,
}

impl<'e, E: Executor + ?Sized> Submitter<'e, E> {
    /// Submits `f(argument)`, like [`ExecutorExt::submit`].
    pub fn submit<A: Portable, R: Portable>(self, f: fn(A) -> R, argument: A) -> Task<R> {
        hand_over(self.executor, self.options, Call { f, argument })
    }

    /// Runs the call again when it panics, or its worker dies, as the policy says. All attempts
    /// are one task; while it waits for the next one it keeps its worker.
    pub fn retries(self, policy: RetryPolicy) -> RetryingSubmitter<'e, E> {
        let Submitter { executor, mut options } = self;
        options.retry = Some(policy);
        RetryingSubmitter { executor, options, policy }
    }
}

impl<E: InProcess + ?Sized> Submitter<'_, E> {
    /// Runs `f`, like [`InProcess::spawn`].
    pub fn spawn<R: Send + 'static>(self, f: impl FnOnce() -> R + Send + 'static) -> Task<R> {
        hand_over(self.executor, self.options, Closure(f))
    }

    /// Runs `future`, like [`InProcess::spawn_async`].
    pub fn spawn_async<F>(self, future: F) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        hand_over_future(self.executor, self.options, future)
    }
}

/// One submission that is tried again; made by [`Submitter::retries`].
#[derive(Debug)]
#[must_use = "nothing is submitted yet"]
pub struct RetryingSubmitter<'e, E: ?Sized> {
    executor: &'e E,
    options: TaskOptions,
    policy: RetryPolicy,
}

impl<E: Executor + ?Sized> RetryingSubmitter<'_, E> {
    /// Submits `f(argument)`; each attempt gets a clone of the argument.
    pub fn submit<A: Portable + Clone, R: Portable>(self, f: fn(A) -> R, argument: A) -> Task<R> {
        let work = Retried { work: Call { f, argument }, policy: self.policy };
        hand_over(self.executor, self.options, work)
    }
}

impl<E: InProcess + ?Sized> RetryingSubmitter<'_, E> {
    /// Runs `f`, perhaps several times.
    pub fn spawn<R: Send + 'static>(self, f: impl Fn() -> R + Send + Sync + 'static) -> Task<R> {
        let work = Retried { work: Repeatable(Arc::new(f)), policy: self.policy };
        hand_over(self.executor, self.options, work)
    }
}

/// Makes the one allocation of a call and both of its ends.
pub(crate) fn make<W: Work>(options: TaskOptions, work: W) -> (Task<W::Output>, Job) {
    ends(CellRef::pair(|| CallCell::new(Shared::new(options), work)))
}

/// The same for a closure that stays on this thread.
#[inline]
pub(crate) fn make_local<R: 'static, F>(options: TaskOptions, f: F) -> (Task<R>, Job)
where
    F: FnOnce() -> R + 'static,
{
    ends(CellRef::pair(|| LocalCell::new(options, f)))
}

/// The two ends of a new cell.
#[inline]
fn ends<R, C: TaskCell<R> + 'static>((task, job): (CellRef<C>, CellRef<C>)) -> (Task<R>, Job) {
    (Task::new(task.into_task()), Job::new(job.into_job()))
}

fn hand_over<E, W>(executor: &E, options: TaskOptions, work: W) -> Task<W::Output>
where
    E: Executor + ?Sized,
    W: Work,
{
    let (task, job) = make(options, work);
    offer(executor, &task, job);
    task
}

fn hand_over_future<E, F>(executor: &E, options: TaskOptions, future: F) -> Task<F::Output>
where
    E: Executor + ?Sized,
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let (task, job) = ends(CellRef::pair(|| FutureCell::new(Shared::new(options), future)));
    offer(executor, &task, job);
    task
}

/// Offers the job to the executor; rejected, its task fails.
fn offer<E: Executor + ?Sized, R>(executor: &E, task: &Task<R>, job: Job) {
    /// If offering it unwinds (the submitter waited for room and was cancelled), nobody will ever
    /// hold the task, so there is nobody to look at its failure.
    struct Unwound<'a, R>(&'a Task<R>);
    impl<R> Drop for Unwound<'_, R> {
        fn drop(&mut self) {
            self.0.forgo_report();
        }
    }
    let unwound = Unwound(task);
    if let Err(rejected) = executor.execute(job) {
        rejected.fail_task();
    }
    std::mem::forget(unwound);
}
