//! The part of a task that does not depend on its types: the state word and who waits.
//!
//! The state machine, its access rules and the races that shaped it are in `README.md` beside this
//! file; loom models of them are in `tests/loom.rs`.

use std::any::Any;
use std::cell::Cell;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::task::{Poll, Waker};
use std::time::Instant;

use manyhands_wait::{Agent, CancelSource, Deadlock, LayerTask, Leaf, TaskLabel};

use crate::completions::Completions;
use crate::options::TaskOptions;
use crate::panic_capture::contain_panic;
use crate::primitive::{AtomicU32, Mutex, Ordering, lock};
use crate::task::few::Few;
use crate::task::word::{
    ALONE, AWAY, BEGUN, CALLBACKS, CANCEL, FAILED, LENT, PHASE, VALUE, WAITERS, bit_of, phase_of,
    verdict_of,
};
pub(crate) use crate::task::word::{Phase, Verdict};

/// Who runs a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Runner {
    /// Its own job.
    Job,
    /// Somebody who waits for it; the job has no part in that.
    Waiter,
}

/// So many references at most. Far from the end of the number, so that threads that add one at the
/// same time do not get there before they have looked.
const REFERENCES_MAX: u32 = u32::MAX / 2;

/// Whether the outcome can be had by the holder of the `Task`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// The task is not done.
    NotYet,
    /// It is there.
    Given,
    /// It is lent for good, and another one stands for it: [`Header::substitute`].
    Lent,
}

/// What stands for an outcome that is lent for good: a pointer to an `Outcome<R>` with an error in it,
/// leaked, of a type that only the typed half of the task knows.
#[derive(Clone, Copy)]
pub(crate) struct Substitute(pub(crate) NonNull<()>);

// SAFETY: it points to a `Result` that nobody writes to, with a `TaskError` in it, which is `Sync`.
unsafe impl Send for Substitute {}

pub(crate) struct Header {
    // Kept small: a million tasks may wait at a time, and the pages they fill cost more than the
    // work on them.
    state: AtomicU32,
    /// How many [`CellRef`](super::CellRef)s there are.
    references: AtomicU32,
    /// Whose queue the task is in; a worker of that executor may run it while it waits for it.
    home: std::sync::atomic::AtomicU32,
    id: u64,
    options: Option<Box<TaskOptions>>,
    waiters: Mutex<Option<Box<Waiters>>>,
}

#[derive(Default)]
struct Waiters {
    next_key: usize,
    wakers: Few<(usize, Waker)>,
    queues: Vec<(Arc<Completions>, usize)>,
    /// The waker of the `Task` itself, polled as a future. There is one `Task`.
    poller: Option<Waker>,
    /// Its wait, as the tracked async task knows it that polls.
    leaf: Leaf,
    /// Those of the running code, woken to be cancelled.
    runners: Few<(usize, Waker)>,
    /// A list of callbacks, whose type only the typed half of the task knows.
    callbacks: Option<Box<dyn Any + Send>>,
    substitute: Option<Substitute>,
    /// As which context the task's code waits, while it waits for something that is known.
    runner: Option<Agent>,
}

impl Header {
    /// Of a task that has not begun, with two references: the job and the task.
    #[inline(always)]
    pub(crate) fn new(options: TaskOptions) -> Header {
        Header {
            state: AtomicU32::new(Phase::Queued as u32),
            references: AtomicU32::new(2),
            id: next_id(),
            home: std::sync::atomic::AtomicU32::new(0),
            options: if options.is_default() { None } else { Some(boxed(options)) },
            waiters: Mutex::new(None),
        }
    }

    /// Notes one more reference.
    pub(crate) fn add_reference(&self) {
        // Relaxed: made from another one, which whoever gets the new one has been given somehow.
        if self.references.fetch_add(1, Ordering::Relaxed) > REFERENCES_MAX {
            // Handles were forgotten by the billion; counting on would end in a freed cell.
            std::process::abort();
        }
    }

    /// Notes that a reference is no more. `true` if it was the last: then nobody else is left, and
    /// what the others did is seen.
    #[inline]
    pub(crate) fn remove_reference(&self) -> bool {
        let count = self.references.load(Ordering::Acquire);
        if count == 1 {
            // It is the caller's, and references are made from references: nobody adds one.
            return true;
        }
        if self.is_alone() {
            self.references.store(count - 1, Ordering::Relaxed);
            return false;
        }
        if self.references.fetch_sub(1, Ordering::Release) > 1 {
            return false;
        }
        self.references.load(Ordering::Acquire);
        true
    }

    /// Leaves atomic read-modify-writes out from here on, if the task has not begun and nobody else
    /// has a reference.
    ///
    /// # Safety
    /// The caller must have one of the job's and the task's references in hand and know that the
    /// other is on this thread too. Neither may leave it any more, nor any reference made from them.
    pub(crate) unsafe fn own_alone(&self) {
        // Acquire: of two references the others are gone, and what they did is seen.
        if self.references.load(Ordering::Acquire) == 2 {
            let state = self.state.load(Ordering::Relaxed);
            if phase_of(state) == Phase::Queued {
                self.state.store(state | ALONE, Ordering::Relaxed);
            }
        }
    }

    #[inline]
    fn is_alone(&self) -> bool {
        self.state.load(Ordering::Relaxed) & ALONE != 0
    }

    #[inline]
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    #[inline]
    pub(crate) fn options(&self) -> Option<&TaskOptions> {
        self.options.as_deref()
    }

    pub(crate) fn label(&self) -> TaskLabel {
        TaskLabel { id: self.id, name: self.options().and_then(|options| options.name.clone()) }
    }

    /// When the task must have ended, whether it has begun or not.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.options().and_then(|options| options.deadline)
    }

    pub(crate) fn home(&self) -> u32 {
        self.home.load(std::sync::atomic::Ordering::Relaxed)
    }

    pub(crate) fn set_home(&self, home: u32) {
        self.home.store(home, std::sync::atomic::Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn phase(&self) -> Phase {
        phase_of(self.state.load(Ordering::Acquire))
    }

    pub(crate) fn verdict(&self) -> Option<Verdict> {
        verdict_of(self.state.load(Ordering::Acquire))
    }

    pub(crate) fn cancel_requested(&self) -> bool {
        self.state.load(Ordering::Acquire) & CANCEL != 0
    }

    /// Takes the right to run (or to fail) the task. One caller ever gets `true`.
    #[inline]
    pub(crate) fn claim(&self) -> bool {
        self.claim_with(0)
    }

    /// Likewise, to run it in its own job, or where that is none of the job's business.
    #[inline]
    pub(crate) fn claim_for(&self, runner: Runner) -> bool {
        self.claim_with(match runner {
            Runner::Job => BEGUN,
            Runner::Waiter => 0,
        })
    }

    #[inline(always)]
    fn claim_with(&self, flags: u32) -> bool {
        let mut state = self.state.load(Ordering::Relaxed);
        while phase_of(state) == Phase::Queued {
            let running = (state & !PHASE) | Phase::Running as u32 | flags;
            if state & ALONE != 0 {
                self.state.store(running, Ordering::Relaxed);
                return true;
            }
            match self.state.compare_exchange_weak(
                state,
                running,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(now) => state = now,
            }
        }
        false
    }

    /// Ends a claimed task whose outcome is stored. `Ok` if that was all; `Err` if there may be
    /// callbacks or waiters: then the caller runs the callbacks, until
    /// [`take_callback_or_settle`](Self::take_callback_or_settle) has none left.
    #[inline]
    pub(crate) fn finish(&self, verdict: Verdict) -> Result<(), ()> {
        let mut state = self.state.load(Ordering::Relaxed);
        loop {
            let quiet = state & (WAITERS | CALLBACKS) == 0;
            let phase = if quiet { Phase::Done } else { Phase::Finished };
            let next = (state & !PHASE) | phase as u32 | bit_of(verdict);
            if state & ALONE != 0 {
                self.state.store(next, Ordering::Relaxed);
                return if quiet { Ok(()) } else { Err(()) };
            }
            match self.state.compare_exchange_weak(state, next, Ordering::AcqRel, Ordering::Relaxed)
            {
                Ok(_) => return if quiet { Ok(()) } else { Err(()) },
                Err(now) => state = now,
            }
        }
    }

    /// Has `take` take a callback of a finished task out of the list. If there is none the task is done
    /// from here on: in the same critical section, so that none can be left behind. One at a time: if
    /// a callback never returns, the others are still in the list.
    pub(crate) fn take_callback_or_settle<L: Any, C>(
        &self,
        take: impl FnOnce(&mut L) -> Option<C>,
    ) -> Option<C> {
        let mut waiters = lock(&self.waiters);
        let list = waiters.as_mut().and_then(|waiters| waiters.callbacks.as_mut());
        let callback = list.and_then(|list| list.downcast_mut()).and_then(take);
        if callback.is_none() {
            // Finished is 0b10 and done 0b11, so one bit makes the step and keeps the flags.
            self.state.fetch_or(Phase::Done as u32, Ordering::AcqRel);
        }
        callback
    }

    /// Makes a finished task done if it has no callbacks: in one critical section, so that none can be
    /// left behind. `false` if it has some.
    pub(crate) fn settle_if_none<L: Any>(&self, is_empty: impl FnOnce(&L) -> bool) -> bool {
        let waiters = lock(&self.waiters);
        let list = waiters.as_ref().and_then(|waiters| waiters.callbacks.as_ref());
        let none = list.and_then(|list| list.downcast_ref()).is_none_or(is_empty);
        if none {
            self.state.fetch_or(Phase::Done as u32, Ordering::AcqRel);
        }
        none
    }

    /// Says that the outcome of a finished task is lent for good, and that `substitute` stands for it.
    ///
    /// Called by whoever claimed the task.
    pub(crate) fn lend(&self, substitute: Substitute) {
        lock(&self.waiters).get_or_insert_default().substitute = Some(substitute);
        let mut state = self.state.load(Ordering::Relaxed);
        loop {
            let mut next = state | LENT;
            if next & VALUE != 0 {
                next = (next & !VALUE) | FAILED;
            }
            match self.state.compare_exchange_weak(state, next, Ordering::AcqRel, Ordering::Relaxed)
            {
                Ok(_) => return,
                Err(now) => state = now,
            }
        }
    }

    /// What stands for the outcome, if that is lent for good.
    #[cold]
    pub(crate) fn substitute(&self) -> Option<Substitute> {
        lock(&self.waiters).as_ref().and_then(|waiters| waiters.substitute)
    }

    /// Whether the outcome can be had.
    #[inline]
    pub(crate) fn access(&self) -> Access {
        let state = self.state.load(Ordering::Acquire);
        match phase_of(state) {
            Phase::Done if state & LENT == 0 => Access::Given,
            Phase::Done => Access::Lent,
            _ => Access::NotYet,
        }
    }

    /// As which context the code of the task waits; `None` while that goes on, or waits for something
    /// of which nothing is known.
    pub(crate) fn runner(&self) -> Option<Agent> {
        lock(&self.waiters).as_ref().and_then(|waiters| waiters.runner)
    }

    /// Says as which context the code of the task waits from here on; `None` if it goes on.
    pub(crate) fn set_runner(&self, runner: Option<Agent>) {
        let mut waiters = lock(&self.waiters);
        if runner.is_some() {
            waiters.get_or_insert_default().runner = runner;
        } else if let Some(waiters) = waiters.as_mut() {
            waiters.runner = None;
        }
    }

    /// Whether the outcome is lent for good.
    pub(crate) fn is_lent(&self) -> bool {
        self.state.load(Ordering::Acquire) & LENT != 0
    }

    /// Where the task is, if its code began in its own job.
    pub(crate) fn phase_if_begun(&self) -> Option<Phase> {
        let state = self.state.load(Ordering::Acquire);
        (state & BEGUN != 0).then(|| phase_of(state))
    }

    /// Has `add` put a callback into the list, unless the task is done.
    pub(crate) fn add_callback<L: Any + Send + Default>(&self, add: impl FnOnce(&mut L)) -> bool {
        let mut waiters = lock(&self.waiters);
        if phase_of(self.state.fetch_or(CALLBACKS, Ordering::AcqRel)) == Phase::Done {
            return false;
        }
        let list = waiters
            .get_or_insert_default()
            .callbacks
            .get_or_insert_with(|| Box::<L>::default())
            .downcast_mut();
        list.map(add).is_some()
    }

    /// Wakes everybody who waits for a task that is done.
    pub(crate) fn wake_waiters(&self) {
        let waiters = self.take_waiters();
        if let Some(waiters) = waiters {
            // Wakers may be foreign code; one that panics keeps nobody else from being woken.
            let wake = |waker: Waker| contain_panic(|| waker.wake());
            // Before the task that polls goes on and waits for something else.
            drop(waiters.leaf);
            waiters.wakers.into_iter().for_each(|(_, waker)| wake(waker));
            waiters.poller.into_iter().for_each(wake);
            waiters.queues.into_iter().for_each(|(queue, key)| queue.push(key));
        }
    }

    /// Takes everything but what is asked for later.
    fn take_waiters(&self) -> Option<Box<Waiters>> {
        let mut place = lock(&self.waiters);
        let taken = place.take();
        if let Some(substitute) = taken.as_ref().and_then(|waiters| waiters.substitute) {
            place.get_or_insert_default().substitute = Some(substitute);
        }
        taken
    }

    /// Says that the work, which the caller has claimed, is sent away.
    pub(crate) fn set_away(&self) {
        self.state.fetch_or(AWAY, Ordering::AcqRel);
    }

    pub(crate) fn is_away(&self) -> bool {
        self.state.load(Ordering::Acquire) & AWAY != 0
    }

    pub(crate) fn has_callbacks(&self) -> bool {
        self.state.load(Ordering::Relaxed) & CALLBACKS != 0
    }

    /// Has `waker` woken when the task is done. `None` if it is done already.
    pub(crate) fn add_waker(&self, waker: &Waker) -> Option<usize> {
        self.add_waiter(|waiters, key| waiters.wakers.push((key, waker.clone())))
    }

    /// Has `key` pushed to `queue` when the task is done, at once if it is done already.
    pub(crate) fn add_queue(&self, queue: &Arc<Completions>, key: usize) {
        let added = self.add_waiter(|waiters, _| waiters.queues.push((Arc::clone(queue), key)));
        if added.is_none() {
            queue.push(key);
        }
    }

    /// Has `waker`, and no other given here before, woken when the task is done; and has `tell` say
    /// what is waited for. `Ready` if it is done, or with the deadlock because of which it will never be.
    pub(crate) fn set_poller(
        &self,
        waker: &Waker,
        tell: impl FnOnce(&mut Leaf),
    ) -> Poll<Option<Deadlock>> {
        let (mut replaced, mut deadlock) = (None, None);
        let set = self.add_waiter(|waiters, _| {
            deadlock = waiters.leaf.deadlock();
            if deadlock.is_some() {
                replaced = waiters.poller.take();
                return;
            }
            match &mut waiters.poller {
                Some(poller) if poller.will_wake(waker) => {}
                poller => replaced = poller.replace(waker.clone()),
            }
            tell(&mut waiters.leaf);
        });
        drop(replaced);
        if set.is_some() && deadlock.is_none() { Poll::Pending } else { Poll::Ready(deadlock) }
    }

    #[inline]
    pub(crate) fn forget_poller(&self) {
        let state = self.state.load(Ordering::Relaxed);
        if state & WAITERS != 0 && phase_of(state) != Phase::Done {
            self.discard(|waiters| (waiters.poller.take(), std::mem::take(&mut waiters.leaf)));
        }
    }

    pub(crate) fn remove_waker(&self, key: usize) {
        self.discard(|waiters| waiters.wakers.take_if(|(of, _)| *of == key));
    }

    /// Forgets every registration of `queue`.
    pub(crate) fn remove_queue(&self, queue: &Arc<Completions>) {
        self.discard(|waiters| take_if(&mut waiters.queues, |(of, _)| Arc::ptr_eq(of, queue)));
    }

    /// Asks the running code to end and wakes it if it waits.
    pub(crate) fn request_cancel(&self) {
        self.state.fetch_or(CANCEL, Ordering::AcqRel);
        let runners = match lock(&self.waiters).as_mut() {
            Some(waiters) => std::mem::take(&mut waiters.runners),
            None => return,
        };
        runners.into_iter().for_each(|(_, waker)| waker.wake());
    }

    /// Has `waker` woken when somebody cancels the running code, and nobody who was to be woken before:
    /// it is the waker of the newest poll of a future. `false` if somebody has cancelled it already.
    pub(crate) fn set_runner_waker(&self, waker: &Waker) -> bool {
        let mut place = lock(&self.waiters);
        // `request_cancel` sets the flag before it takes the lock.
        if self.cancel_requested() {
            return false;
        }
        let waiters = place.get_or_insert_default();
        if waiters.runners.is_one(|(_, runner)| runner.will_wake(waker)) {
            return true;
        }
        let before = std::mem::take(&mut waiters.runners);
        let key = waiters.next_key;
        waiters.next_key += 1;
        waiters.runners.push((key, waker.clone()));
        drop(place);
        drop(before);
        true
    }

    /// The code does not run any more: cancelling it wakes nobody.
    pub(crate) fn forget_runners(&self) {
        self.discard(|waiters| std::mem::take(&mut waiters.runners));
    }

    /// Drops what `take` takes out, after the lock was released: the destructor of a waker is
    /// foreign code, and may come back here.
    fn discard<T>(&self, take: impl FnOnce(&mut Waiters) -> T) {
        let taken = lock(&self.waiters).as_deref_mut().map(take);
        drop(taken);
    }

    fn add_waiter(&self, add: impl FnOnce(&mut Waiters, usize)) -> Option<usize> {
        let mut waiters = lock(&self.waiters);
        // Under the lock: whoever ends the task sees the flag and takes the lock after us, or we
        // see here that it is done.
        if phase_of(self.state.fetch_or(WAITERS, Ordering::AcqRel)) == Phase::Done {
            return None;
        }
        let waiters = waiters.get_or_insert_default();
        let key = waiters.next_key;
        waiters.next_key += 1;
        add(waiters, key);
        Some(key)
    }
}

/// The running code of the task is the context that its cancellation ends.
impl CancelSource for Header {
    fn is_cancelled(&self) -> bool {
        self.cancel_requested()
    }

    fn register(&self, waker: &Waker) -> usize {
        let mut waiters = lock(&self.waiters);
        // `request_cancel` sets the flag before it takes the lock.
        if self.cancel_requested() {
            drop(waiters);
            waker.wake_by_ref();
            return usize::MAX;
        }
        let waiters = waiters.get_or_insert_default();
        let key = waiters.next_key;
        waiters.next_key += 1;
        waiters.runners.push((key, waker.clone()));
        key
    }

    fn unregister(&self, key: usize) {
        self.discard(|waiters| waiters.runners.take_if(|(of, _)| *of == key));
    }
}

/// The code of the task waits as the context on whose stack it runs.
impl LayerTask for Header {
    fn label(&self) -> TaskLabel {
        Header::label(self)
    }

    fn set_waiting(&self, agent: Option<Agent>) {
        self.set_runner(agent);
    }
}

/// Takes out the elements for which `taken` says yes.
fn take_if<T>(list: &mut Vec<T>, taken: impl Fn(&T) -> bool) -> Vec<T> {
    list.extract_if(.., |element| taken(element)).collect()
}

#[cold]
fn boxed(options: TaskOptions) -> Box<TaskOptions> {
    Box::new(options)
}

/// How many numbers a thread takes at a time.
const BLOCK: u64 = 1024;

/// A number that no other task has or had. Threads take them in blocks, because an addition that all
/// of them share costs more than the rest of this.
#[inline]
fn next_id() -> u64 {
    thread_local! {
        static NEXT: Cell<u64> = const { Cell::new(0) };
    }
    NEXT.with(|next| {
        let id = match next.get() {
            used_up if used_up.is_multiple_of(BLOCK) => first_of_block(),
            id => id,
        };
        next.set(id + 1);
        id
    })
}

#[cold]
fn first_of_block() -> u64 {
    static BLOCKS: AtomicU64 = AtomicU64::new(0);
    // No task has the number 0.
    (BLOCKS.fetch_add(1, std::sync::atomic::Ordering::Relaxed) * BLOCK).max(1)
}
