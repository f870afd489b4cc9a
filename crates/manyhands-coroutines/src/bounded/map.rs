//! Calls of one function for many inputs, by the coroutines of a [`Pool`].

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::iter::{Fuse, Peekable};
use std::rc::Rc;

use manyhands_executor::{Outcome, Task, TaskError, TaskHandle};
use manyhands_wait::{Agent, Blockers, Deadlock, Reason, Resource, Wait, WaitError};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::Pool;

static NEXT: Reason = Reason::new("next outcome of a pool of coroutines");

/// The function, and the inputs it has not been called for.
struct Calls<F, I: Iterator> {
    pool: Pool,
    f: Rc<F>,
    inputs: Peekable<Fuse<I>>,
    /// Why no call will be begun any more, if that is so before the inputs are used up.
    deadlock: Option<Deadlock>,
    over: bool,
}

impl<A, R, F, I> Calls<F, I>
where
    A: 'static,
    R: 'static,
    F: Fn(A) -> R + 'static,
    I: Iterator<Item = A>,
{
    fn new(pool: &Pool, f: F, inputs: I) -> Calls<F, I> {
        let (pool, inputs) = (pool.clone(), inputs.fuse().peekable());
        Calls { pool, f: Rc::new(f), inputs, deadlock: None, over: false }
    }

    /// Begins the next call if there is a place for it. With nothing `under_way` in the caller's
    /// hands it waits for a place: nobody else would begin the call later.
    #[track_caller]
    fn begin(&mut self, under_way: usize) -> Option<Task<R>> {
        if self.over || under_way >= self.pool.limit().unwrap_or(usize::MAX) {
            return None;
        }
        let place = match self.pool.try_place() {
            Some(place) => place,
            None if under_way > 0 => return None,
            None => {
                self.inputs.peek()?;
                let place = self.pool.wait_for_place();
                place.map_err(|deadlock| self.give_up(deadlock)).ok()?
            }
        };
        let input = self.inputs.next()?;
        let f = Rc::clone(&self.f);
        Some(self.pool.start(place, move || f(input)))
    }

    /// Begins no further call.
    fn give_up(&mut self, deadlock: Deadlock) {
        self.over = true;
        self.deadlock = Some(deadlock);
    }

    /// The last outcome of calls that were given up.
    fn why_over(&mut self) -> Option<TaskError> {
        self.deadlock.take().map(TaskError::from)
    }

    fn size_hint(&self, under_way: usize) -> (usize, Option<usize>) {
        if self.over {
            let all = under_way + usize::from(self.deadlock.is_some());
            return (all, Some(all));
        }
        let (low, high) = self.inputs.size_hint();
        (low.saturating_add(under_way), high.and_then(|high| high.checked_add(under_way)))
    }
}

/// The iterator of [`Pool::imap`].
#[must_use = "what is not read is cancelled when the iterator is dropped"]
pub struct Imap<A, R, F, I>
where
    I: Iterator<Item = A>,
{
    calls: Calls<F, I>,
    under_way: VecDeque<Task<R>>,
}

impl<A, R, F, I> Imap<A, R, F, I>
where
    A: 'static,
    R: 'static,
    F: Fn(A) -> R + 'static,
    I: Iterator<Item = A>,
{
    #[track_caller]
    pub(super) fn new(pool: &Pool, f: F, inputs: I) -> Self {
        let mut imap = Imap { calls: Calls::new(pool, f, inputs), under_way: VecDeque::new() };
        imap.fill();
        imap
    }

    #[track_caller]
    fn fill(&mut self) {
        while let Some(task) = self.calls.begin(self.under_way.len()) {
            self.under_way.push_back(task);
        }
    }
}

impl<A, R, F, I> Iterator for Imap<A, R, F, I>
where
    A: 'static,
    R: 'static,
    F: Fn(A) -> R + 'static,
    I: Iterator<Item = A>,
{
    type Item = Outcome<R>;

    #[track_caller]
    fn next(&mut self) -> Option<Outcome<R>> {
        self.fill();
        let Some(next) = self.under_way.front() else { return self.calls.why_over().map(Err) };
        // Stays in the list while it is waited for: a wait that is cut short loses nothing.
        if let Err(deadlock) = next.wait_checked() {
            self.calls.over = true;
            self.cancel();
            return Some(Err(deadlock.into()));
        }
        self.under_way.pop_front().map(Task::result)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.calls.size_hint(self.under_way.len())
    }
}

impl<A, R, F, I: Iterator<Item = A>> Imap<A, R, F, I> {
    fn cancel(&mut self) {
        for task in self.under_way.drain(..) {
            task.cancel();
        }
    }
}

impl<A, R, F, I: Iterator<Item = A>> Drop for Imap<A, R, F, I> {
    fn drop(&mut self) {
        self.cancel();
    }
}

impl<A, R, F, I: Iterator<Item = A>> fmt::Debug for Imap<A, R, F, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Imap").field("under_way", &self.under_way.len()).finish_non_exhaustive()
    }
}

/// The iterator of [`Pool::imap_unordered`].
#[must_use = "what is not read is cancelled when the iterator is dropped"]
pub struct ImapUnordered<A, R, F, I>
where
    I: Iterator<Item = A>,
{
    calls: Calls<F, I>,
    /// By number of the task, with how many calls were begun before.
    under_way: HashMap<u64, (usize, Task<R>)>,
    /// The same tasks, without their types: what the wait-for graph looks at.
    handles: HashMap<u64, TaskHandle>,
    begun: usize,
    ended: UnboundedReceiver<u64>,
    tell: UnboundedSender<u64>,
}

impl<A, R, F, I> ImapUnordered<A, R, F, I>
where
    A: 'static,
    R: 'static,
    F: Fn(A) -> R + 'static,
    I: Iterator<Item = A>,
{
    #[track_caller]
    pub(super) fn new(pool: &Pool, f: F, inputs: I) -> Self {
        let (tell, ended) = unbounded_channel();
        let calls = Calls::new(pool, f, inputs);
        let (under_way, handles) = (HashMap::new(), HashMap::new());
        let mut imap = ImapUnordered { calls, under_way, handles, begun: 0, ended, tell };
        imap.fill();
        imap
    }

    #[track_caller]
    fn fill(&mut self) {
        while let Some(task) = self.calls.begin(self.under_way.len()) {
            let (id, tell) = (task.id(), self.tell.clone());
            task.on_done(move |_| {
                let _nobody_reads = tell.send(id);
            });
            self.handles.insert(id, task.handle());
            self.under_way.insert(id, (self.begun, task));
            self.begun += 1;
        }
    }

    /// The next outcome, with the place of its input.
    #[track_caller]
    fn next_with_place(&mut self) -> Option<(usize, Outcome<R>)> {
        self.fill();
        if self.under_way.is_empty() {
            return self.calls.why_over().map(|error| (self.begun, Err(error)));
        }
        let edge = NextEdge(&self.handles);
        let id = match Wait::new(&NEXT).on(&edge).run_checked(self.ended.recv()) {
            Ok(id) => id.expect("a sender is kept beside the receiver"),
            Err(WaitError::Deadlock(deadlock)) => {
                self.calls.over = true;
                self.cancel();
                return Some((self.begun, Err(deadlock.into())));
            }
            Err(_) => unreachable!("the wait has no end"),
        };
        self.handles.remove(&id);
        let (place, task) = self.under_way.remove(&id)?;
        Some((place, task.result()))
    }
}

impl<A, R, F, I> Iterator for ImapUnordered<A, R, F, I>
where
    A: 'static,
    R: 'static,
    F: Fn(A) -> R + 'static,
    I: Iterator<Item = A>,
{
    type Item = Outcome<R>;

    fn next(&mut self) -> Option<Outcome<R>> {
        self.next_with_place().map(|(_, outcome)| outcome)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.calls.size_hint(self.under_way.len())
    }
}

impl<A, R, F, I: Iterator<Item = A>> ImapUnordered<A, R, F, I> {
    fn cancel(&mut self) {
        self.handles.clear();
        for (_, (_, task)) in self.under_way.drain() {
            task.cancel();
        }
    }
}

impl<A, R, F, I: Iterator<Item = A>> Drop for ImapUnordered<A, R, F, I> {
    fn drop(&mut self) {
        self.cancel();
    }
}

/// The end of any of several calls, as something to wait for. No others are begun meanwhile: their reader
/// is who waits. A call whose end was told already has ended, and by that its task says that the wait may
/// end.
struct NextEdge<'a>(&'a HashMap<u64, TaskHandle>);

impl Resource for NextEdge<'_> {
    fn blockers(&self, _waiter: Agent, blockers: &mut Blockers) {
        for call in self.0.values() {
            call.blockers(blockers);
            if blockers.is_settled() {
                return;
            }
        }
    }

    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, of {} under way", NEXT.text(), self.0.len())
    }
}

impl<A, R, F, I: Iterator<Item = A>> fmt::Debug for ImapUnordered<A, R, F, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let under_way = self.under_way.len();
        f.debug_struct("ImapUnordered").field("under_way", &under_way).finish_non_exhaustive()
    }
}

/// See [`Pool::map`]. The places stay busy however unlike the calls are: outcomes are taken as they
/// come and put where they belong.
#[track_caller]
pub(super) fn map<A, R, F, I>(pool: &Pool, f: F, inputs: I) -> Result<Vec<R>, TaskError>
where
    A: 'static,
    R: 'static,
    F: Fn(A) -> R + 'static,
    I: IntoIterator<Item = A>,
{
    let mut calls = ImapUnordered::new(pool, f, inputs.into_iter());
    let mut values: Vec<Option<R>> = Vec::new();
    while let Some((place, outcome)) = calls.next_with_place() {
        let value = outcome?;
        if values.len() <= place {
            values.resize_with(place + 1, || None);
        }
        values[place] = Some(value);
    }
    Ok(values.into_iter().flatten().collect())
}
