//! The end of a pool, and that end in the wait-for graph.

use std::fmt;
use std::future::{Future, poll_fn};
use std::task::Poll;

use manyhands_wait::{Agent, Blockers, Reason, Resource, Wait, WaitError};

use super::Shared;

static END: Reason = Reason::new("end of an async pool");

impl Shared {
    #[track_caller]
    pub(super) fn wait_for_end(&self) {
        // While this thread unwinds, which a second panic would make the end of the process, another of
        // those who take part in a deadlock gets it.
        if let Err(WaitError::Deadlock(deadlock)) =
            Wait::new(&END).on(&EndEdge(self)).run_checked(self.end())
        {
            deadlock.raise();
        }
    }

    /// Ready when nothing is queued or in flight.
    fn end(&self) -> impl Future<Output = ()> + '_ {
        poll_fn(|cx| {
            let mut state = self.lock();
            if state.in_flight == 0 && state.queued.is_empty() {
                return Poll::Ready(());
            }
            state.waiting_for_end.retain(|waker| !waker.will_wake(cx.waker()));
            state.waiting_for_end.push(cx.waker().clone());
            Poll::Pending
        })
    }
}

/// The end of a pool, as something to wait for: each task in flight has to land, which it does alone. What
/// is queued waits for those.
struct EndEdge<'a>(&'a Shared);

/// Of so many tasks that must all end, each is a reason for the wait not to end; the others' turn comes
/// when these have ended.
const LOOKED_AT: usize = 16;

impl Resource for EndEdge<'_> {
    fn blockers(&self, _waiter: Agent, blockers: &mut Blockers) {
        let state = self.0.lock();
        for task in state.flights.values().filter(|task| task.is_stopped()).take(LOOKED_AT) {
            blockers.also(|condition| task.blockers(condition));
        }
    }

    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.0.lock();
        let (flying, queued) = (state.in_flight, state.queued.len());
        write!(f, "{} (in flight: {flying}, queued: {queued})", END.text())
    }

    fn is_from_outside(&self) -> bool {
        // Those that wait for nothing that is known.
        self.0.lock().flights.values().any(|task| !task.is_stopped())
    }
}
