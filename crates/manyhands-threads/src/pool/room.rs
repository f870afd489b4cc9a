//! Room in a bounded queue: taken by submitters, who wait for it, given back by workers.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use manyhands_executor::Workforce;
use manyhands_wait::{Agent, Blockers, Deadlock, Reason, Relief, Resource, Stuck, Wait, WaitError};

static ROOM: Reason = Reason::new("room in the queue of a thread pool");

pub(super) struct Room {
    state: Mutex<State>,
}

struct State {
    /// Below zero while the pool's own workers have taken more than there was.
    free: isize,
    closed: bool,
    next_key: u64,
    /// Those who wait, oldest first.
    waiting: VecDeque<(u64, Waker)>,
}

impl Room {
    pub(super) fn new(places: usize) -> Room {
        let state = State {
            free: isize::try_from(places).unwrap_or(isize::MAX),
            closed: false,
            next_key: 0,
            waiting: VecDeque::new(),
        };
        Room { state: Mutex::new(state) }
    }

    /// Takes a place if there is one. `true` also once the queue is closed: the submission will be
    /// refused for that reason.
    pub(super) fn try_take(&self) -> bool {
        let mut state = self.lock();
        if state.closed {
            return true;
        }
        let taken = state.free > 0;
        state.free -= isize::from(taken);
        taken
    }

    /// Waits for a place and takes it; the workers give places back.
    ///
    /// # Errors
    /// The deadlock, if none of them will ever take a job out of the queue.
    #[track_caller]
    pub(super) fn take(&self, workers: &dyn Workforce) -> Result<(), Deadlock> {
        if self.try_take() {
            return Ok(());
        }
        let mut place = Place { room: self, key: None };
        let taken = poll_fn(|cx| {
            let mut state = self.lock();
            place.leave_line(&mut state);
            if state.closed {
                return Poll::Ready(());
            }
            if state.free > 0 {
                state.free -= 1;
                return Poll::Ready(());
            }
            let key = state.next_key;
            state.next_key += 1;
            state.waiting.push_back((key, cx.waker().clone()));
            place.key = Some(key);
            Poll::Pending
        });
        let edge = RoomEdge { room: self, workers };
        match Wait::new(&ROOM).on(&edge).run_checked(taken) {
            Ok(()) => Ok(()),
            Err(WaitError::Deadlock(deadlock)) => Err(deadlock),
            Err(_) => unreachable!("the wait has no end"),
        }
    }

    /// Gives a place back.
    pub(super) fn give_back(&self) {
        let mut state = self.lock();
        state.free += 1;
        let next = if state.free > 0 { state.waiting.pop_front() } else { None };
        drop(state);
        if let Some((_, waker)) = next {
            waker.wake();
        }
    }

    /// Takes a place even if there is none; the next ones wait until there is again.
    pub(super) fn take_anyway(&self) {
        self.lock().free -= 1;
    }

    /// Lets everybody through, to be refused.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_iter().for_each(|(_, waker)| waker.wake());
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Room in the queue, as something to wait for.
struct RoomEdge<'a> {
    room: &'a Room,
    workers: &'a dyn Workforce,
}

impl Resource for RoomEdge<'_> {
    fn blockers(&self, _waiter: Agent, blockers: &mut Blockers) {
        let state = self.room.lock();
        let may_go_on = state.closed || state.free > 0;
        drop(state);
        if may_go_on {
            blockers.may_end();
        } else {
            self.workers.blockers(blockers);
        }
    }

    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(ROOM.text())
    }

    fn relieve(&self, _stuck: &Stuck<'_>) -> Option<Relief> {
        self.workers.relieve(None)
    }
}

/// A place in the line; left on drop, for the case that the wait is cancelled.
struct Place<'a> {
    room: &'a Room,
    key: Option<u64>,
}

impl Place<'_> {
    fn leave_line(&mut self, state: &mut State) {
        if let Some(key) = self.key.take() {
            state.waiting.retain(|(of, _)| *of != key);
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let Some(key) = self.key else { return };
        let mut state = self.room.lock();
        let was_waiting = state.waiting.iter().any(|(of, _)| *of == key);
        self.leave_line(&mut state);
        // Woken for a place that it will not take: the next one shall have it.
        let next = if !was_waiting && state.free > 0 { state.waiting.pop_front() } else { None };
        drop(state);
        if let Some((_, waker)) = next {
            waker.wake();
        }
    }
}
