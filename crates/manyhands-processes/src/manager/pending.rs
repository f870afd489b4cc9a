//! A call that is under way: a future of its answer. Dropped before, it is withdrawn at the owner.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use manyhands_executor::Portable;
use manyhands_wait::{Reason, Spin, TimedOut, Wait, WaitError, has_scoped_parker};

use super::answer::{Answers, Slot, Ticket};
use super::calls::{CallKey, Reply};
use super::error::ManagerError;
use super::object::{self, AnyObject, Object, State};
use super::objects::in_deadlock;
use super::protocol::codec;
use super::protocol::frame::{Payload, Target};
use super::upstream::Upstream;

/// Gives back to the state what an answer gave to somebody who has left.
pub(crate) type Undo<S, R> = fn(&mut S, R, &mut Answers);

/// A call that is under way.
#[must_use = "a call that nobody waits for is withdrawn"]
pub(crate) struct Pending<S: State, R: 'static> {
    way: Way<S, R>,
}

enum Way<S: State, R: 'static> {
    /// The answer is known.
    Known(Option<Result<R, ManagerError>>),
    Here(Here<S, R>),
    There(There<R>),
    /// The answer was taken.
    Over,
}

struct Here<S: State, R: 'static> {
    object: Arc<Object<S>>,
    slot: Arc<Slot<R>>,
    ticket: Ticket,
    undo: Option<Undo<S, R>>,
}

struct There<R> {
    upstream: Arc<Upstream>,
    key: CallKey,
    target: Target,
    /// Whether the owner keeps what it gave until it learns that it has arrived.
    accepts: bool,
    answer: PhantomData<fn() -> R>,
}

impl<S: State, R: 'static> Pending<S, R> {
    pub(crate) fn known(answer: Result<R, ManagerError>) -> Pending<S, R> {
        Pending { way: Way::Known(Some(answer)) }
    }

    pub(crate) fn here(
        object: Arc<Object<S>>,
        (ticket, slot): (Ticket, Arc<Slot<R>>),
    ) -> Pending<S, R> {
        Pending { way: Way::Here(Here { object, slot, ticket, undo: None }) }
    }

    pub(crate) fn there(upstream: Arc<Upstream>, key: CallKey, target: Target) -> Pending<S, R> {
        let there = There { upstream, key, target, accepts: false, answer: PhantomData };
        Pending { way: Way::There(there) }
    }

    /// What the answer gives is given back if nobody takes it: here by `undo`, elsewhere because the
    /// owner keeps it until it is told that it has arrived.
    pub(crate) fn returning(mut self, undo: Undo<S, R>) -> Pending<S, R> {
        match &mut self.way {
            Way::Here(here) => here.undo = Some(undo),
            Way::There(there) => there.accepts = true,
            Way::Known(_) | Way::Over => {}
        }
        self
    }

    /// The number of the request, as its owner sees it.
    pub(crate) fn request(&self) -> Option<u64> {
        match &self.way {
            Way::Here(here) => Some(here.ticket.request),
            Way::There(there) => Some(there.key.number()),
            Way::Known(_) | Way::Over => None,
        }
    }
}

impl<S: State, R: Portable> Pending<S, R> {
    /// Waits from where the caller stands.
    #[track_caller]
    pub(crate) fn wait(mut self, reason: &'static Reason) -> Result<R, ManagerError> {
        if let Some(answer) = self.look_a_moment() {
            return answer;
        }
        let edge = match &self.way {
            Way::Here(here) => here.object.with(|state| state.edge(here.ticket)).ok().flatten(),
            _ => None,
        };
        let wait = match &edge {
            Some(edge) => Wait::new(reason).on(&**edge),
            // The owner may answer whatever happens here.
            None if matches!(self.way, Way::There(_)) => Wait::new(reason).ended_from_outside(),
            None => Wait::new(reason),
        };
        match wait.run_checked(&mut self) {
            Ok(answer) => answer,
            Err(WaitError::Deadlock(deadlock)) => Err(in_deadlock(&deadlock)),
            Err(_) => unreachable!("a wait without a limit does not time out"),
        }
    }

    /// Waits until then at the latest. The call goes on until this is dropped.
    #[track_caller]
    pub(crate) fn wait_until(
        &mut self,
        reason: &'static Reason,
        until: Option<Instant>,
    ) -> Result<Result<R, ManagerError>, TimedOut> {
        match self.look_a_moment() {
            Some(answer) => Ok(answer),
            None => Wait::new(reason).until(until).run(self),
        }
    }

    /// The answer, if it comes while it would not be worth to go to sleep. Not in a coroutine, whose
    /// neighbours have better use for the thread.
    fn look_a_moment(&mut self) -> Option<Result<R, ManagerError>> {
        let answer = match &mut self.way {
            Way::Known(answer) => answer.take()?,
            Way::Here(here) => here.slot.take()?,
            Way::There(there) => {
                if has_scoped_parker() {
                    return None;
                }
                let mut reply = None;
                Spin::start().until(|| {
                    reply = there.upstream.look(there.key);
                    reply.is_some()
                });
                there.answer(reply?)
            }
            Way::Over => return None,
        };
        self.way = Way::Over;
        Some(answer)
    }
}

impl<S: State, R: Portable> Future for Pending<S, R> {
    type Output = Result<R, ManagerError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = match &mut self.way {
            Way::Known(answer) => answer.take().map_or(Poll::Pending, Poll::Ready),
            Way::Here(here) => here.slot.poll(cx),
            Way::There(there) => {
                there.upstream.poll(there.key, cx).map(|reply| there.answer(reply))
            }
            Way::Over => Poll::Pending,
        };
        if answer.is_ready() {
            self.way = Way::Over;
        }
        answer
    }
}

// Nothing in it is pinned.
impl<S: State, R: 'static> Unpin for Pending<S, R> {}

impl<R: Portable> There<R> {
    fn answer(&self, mut reply: Reply) -> Result<R, ManagerError> {
        let answer = match &mut reply {
            Reply::Value(bytes, count, fds) => {
                // First, so that it is not given to another as well whatever becomes of it here.
                if self.accepts {
                    self.upstream.accept(self.key, self.target);
                }
                let payload = Payload { bytes: &bytes[..], fds: *count };
                codec::decode_with(payload, std::mem::take(fds))
            }
            Reply::Failed(bytes) => Err(codec::decode_error(bytes)),
            Reply::Lost => Err(ManagerError::disconnected()),
        };
        self.upstream.recycle(reply);
        answer
    }
}

impl<S: State, R: 'static> Here<S, R> {
    fn withdraw(&self) {
        let mut answers = Answers::default();
        self.object.withdraw(self.ticket, &mut answers);
        // No answer comes from now on; one may have come before.
        if let (Some(Ok(value)), Some(undo)) = (self.slot.take(), self.undo) {
            // An object that is gone has no use for it.
            let _gone = self.object.with(|state| undo(state, value, &mut answers));
        }
        answers.deliver();
    }
}

impl<S: State, R: 'static> Drop for Pending<S, R> {
    fn drop(&mut self) {
        match &self.way {
            Way::Known(_) | Way::Over => {}
            Way::Here(_) if object::is_inside() => {
                if let Way::Here(here) = std::mem::replace(&mut self.way, Way::Over) {
                    object::after_function(move || here.withdraw());
                }
            }
            Way::Here(here) => here.withdraw(),
            Way::There(there) => there.upstream.withdraw(there.key, there.target),
        }
    }
}
