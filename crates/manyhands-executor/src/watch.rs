//! Several tasks under the eyes of one waiter: which have ended, and which nobody has begun.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};
use std::panic::Location;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use manyhands_wait::{Deadlock, Leaf, Reason, WaitError};

use crate::completions::Completions;
use crate::home;
use crate::task::{AsTask, Phase, TaskHandle, Waiter, timed_out_in_queue};
use crate::tasks_edge::{Needs, SharedTasksEdge, TasksEdge};

/// A list of tasks, each once, named by their places in it. Dropped, it leaves them as they are.
pub(crate) struct Watch<T> {
    /// `None` once taken out, so that nothing keeps such a task.
    tasks: Vec<Option<T>>,
    /// Likewise.
    handles: Vec<Option<TaskHandle>>,
    ended: Arc<Completions>,
    /// No task before this place is queued any more.
    first_queued: usize,
    /// Every task before this place has ended, or was taken out.
    first_open: usize,
    /// The deadlines of those that may be queued, the earliest on top.
    deadlines: BinaryHeap<Reverse<(Instant, usize)>>,
    /// What the wait-for graph looks at when async code waits; made when it does so first.
    shared: Option<Arc<SharedTasksEdge>>,
}

impl<T: AsTask> Watch<T> {
    pub(crate) fn over(tasks: impl IntoIterator<Item = T>) -> Watch<T> {
        let mut watch = Watch {
            tasks: Vec::new(),
            handles: Vec::new(),
            ended: Arc::new(Completions::new()),
            first_queued: 0,
            first_open: 0,
            deadlines: BinaryHeap::new(),
            shared: None,
        };
        let mut seen = HashSet::new();
        for task in tasks {
            let handle = task.as_task();
            if seen.insert(handle.id()) {
                let place = watch.tasks.len();
                if let Some(at) = handle.header().deadline() {
                    watch.deadlines.push(Reverse((at, place)));
                }
                handle.header().add_queue(&watch.ended, place);
                watch.tasks.push(Some(task));
                watch.handles.push(Some(handle));
            }
        }
        watch
    }
}

impl<T> Watch<T> {
    /// How many tasks there were at first.
    pub(crate) fn len(&self) -> usize {
        self.tasks.len()
    }

    /// The handle of a task that was not taken out.
    pub(crate) fn handle(&self, place: usize) -> Option<&TaskHandle> {
        self.handles[place].as_ref()
    }

    /// Waits for the next task to end, and tells its place. Without a limit a worker of the
    /// executor in whose queue one of them is runs that one.
    ///
    /// # Errors
    /// [`TimedOut`](WaitError::TimedOut) when `until` has come. A deadlock if no task will end; or,
    /// where `needs` says that all must end, if one will not.
    #[track_caller]
    pub(crate) fn next(
        &mut self,
        reason: &'static Reason,
        needs: Needs,
        until: Option<Instant>,
    ) -> Result<usize, WaitError> {
        if let Some(place) = self.ended.try_pop() {
            return Ok(place);
        }
        if until.is_none() {
            self.help();
        }
        loop {
            let limit = [until, self.next_deadline()].into_iter().flatten().min();
            self.pass_over_ended();
            let handles = self.handles[self.first_open..].iter().flatten();
            let edge = TasksEdge { handles, ended: &self.ended, needs, reason };
            match self.ended.pop(reason, &edge, limit) {
                Err(WaitError::TimedOut) => {}
                place_or_deadlock => return place_or_deadlock,
            }
            if until.is_some_and(|until| until <= Instant::now()) {
                return Err(WaitError::TimedOut);
            }
            self.fail_late();
        }
    }

    /// Like [`next`](Self::next) with any of them, for async code. `leaf` is that of this wait; when the
    /// wait is over before it is ready, [`forget_reader`](Self::forget_reader) has to follow.
    ///
    /// # Errors
    /// A deadlock if no task will end.
    pub(crate) fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        leaf: &mut Leaf,
        reason: &'static Reason,
        at: &'static Location<'static>,
    ) -> Poll<Result<usize, Deadlock>> {
        if let Poll::Ready(place) = self.ended.poll_pop(cx) {
            return Poll::Ready(Ok(place));
        }
        if let Some(deadlock) = leaf.deadlock() {
            return Poll::Ready(Err(deadlock));
        }
        let Watch { shared, handles, ended, .. } = self;
        leaf.pending(cx, reason, at, || {
            let all = handles.iter().enumerate();
            let open = all.filter_map(|(place, handle)| Some((place, handle.clone()?)));
            let make = || Arc::new(SharedTasksEdge::any_of(open, ended, reason));
            Arc::<SharedTasksEdge>::clone(shared.get_or_insert_with(make))
        });
        Poll::Pending
    }

    /// Async code does not wait any more.
    pub(crate) fn forget_reader(&self) {
        self.ended.forget_reader();
    }

    /// Takes out one task.
    pub(crate) fn take(&mut self, place: usize) -> Option<T> {
        if let Some(shared) = &self.shared {
            shared.forget(place);
        }
        drop(self.handles[place].take());
        self.tasks[place].take()
    }

    /// Takes out all that are left, in their order, with whether they have ended.
    pub(crate) fn take_all(&mut self) -> impl Iterator<Item = (T, bool)> {
        let ended = Arc::clone(&self.ended);
        self.forget_shared();
        let handles = std::mem::take(&mut self.handles).into_iter().flatten();
        std::mem::take(&mut self.tasks).into_iter().flatten().zip(handles).map(
            move |(task, handle)| {
                handle.header().remove_queue(&ended);
                (task, handle.is_settled())
            },
        )
    }

    /// Runs one task that is queued with the executor this thread works for, if there is one.
    fn help(&mut self) {
        if !home::is_worker() {
            return;
        }
        let queued = |handle: &TaskHandle| handle.header().phase() == Phase::Queued;
        while self.first_queued < self.len() && !self.handle(self.first_queued).is_some_and(queued)
        {
            self.first_queued += 1;
        }
        let mut handles = self.handles[self.first_queued..].iter().flatten();
        let _helped = handles.any(|handle| home::help(handle.cell(), Waiter::One));
    }

    fn forget_shared(&mut self) {
        if let Some(shared) = self.shared.take() {
            shared.forget_all();
        }
    }

    fn pass_over_ended(&mut self) {
        let ended =
            |handle: &Option<TaskHandle>| handle.as_ref().is_none_or(TaskHandle::is_settled);
        while self.handles.get(self.first_open).is_some_and(ended) {
            self.first_open += 1;
        }
    }

    /// The earliest deadline of a task that is queued.
    fn next_deadline(&mut self) -> Option<Instant> {
        while let Some(Reverse((at, place))) = self.deadlines.peek() {
            if self.handle(*place).is_some_and(|handle| handle.header().phase() == Phase::Queued) {
                return Some(*at);
            }
            self.deadlines.pop();
        }
        None
    }

    /// Fails those whose deadline passed in the queue: nobody else might look.
    fn fail_late(&mut self) {
        let now = Instant::now();
        while let Some(Reverse((at, place))) = self.deadlines.peek()
            && *at <= now
        {
            if let Some(handle) = self.handle(*place) {
                handle.cell().fail(timed_out_in_queue());
            }
            self.deadlines.pop();
        }
    }
}

impl<T> Drop for Watch<T> {
    fn drop(&mut self) {
        self.forget_shared();
        for handle in self.handles.iter().flatten() {
            handle.header().remove_queue(&self.ended);
        }
    }
}
