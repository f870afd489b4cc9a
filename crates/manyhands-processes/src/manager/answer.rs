//! Whoever waits for the answer to a request, here or in another process, and the answers that are
//! on their way.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use serde::Serialize;

use super::error::ManagerError;
use super::link::Link;
use super::protocol::codec;
use super::protocol::frame::{self, RequestId};

/// A process that asks; no other has or had this number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct PeerId(pub(crate) u64);

impl PeerId {
    /// The process that has the objects.
    pub(crate) const HERE: PeerId = PeerId(0);
}

/// A request, as the object sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Ticket {
    pub(crate) peer: PeerId,
    pub(crate) request: u64,
}

/// Where the answer for another process goes.
pub(crate) struct Sender {
    pub(crate) link: Arc<Link>,
    pub(crate) id: RequestId,
    pub(crate) ticket: Ticket,
    pub(crate) wants_answer: bool,
}

/// Whoever waits for the answer to one request. Dropped without one, it says that the object is
/// gone: a waiter is never left alone.
pub(crate) struct Asker<R> {
    ticket: Ticket,
    to: Option<To<R>>,
}

enum To<R> {
    Here(Arc<Slot<R>>),
    There(Sender),
}

impl<R> Asker<R> {
    pub(crate) fn here(ticket: Ticket, slot: Arc<Slot<R>>) -> Asker<R> {
        Asker { ticket, to: Some(To::Here(slot)) }
    }

    pub(crate) fn remote(sender: Sender) -> Asker<R> {
        Asker { ticket: sender.ticket, to: Some(To::There(sender)) }
    }

    pub(crate) fn ticket(&self) -> Ticket {
        self.ticket
    }

    /// Whether the answer leaves this process, so that it may be lost with its receiver.
    pub(crate) fn is_remote(&self) -> bool {
        matches!(self.to, Some(To::There(_)))
    }

    /// Tells why there is no answer.
    pub(crate) fn fail(mut self, error: ManagerError, answers: &mut Answers) {
        self.send_error(error, answers);
    }

    /// Nobody waits any more.
    pub(crate) fn forget(mut self) {
        self.to = None;
    }

    fn send_error(&mut self, error: ManagerError, answers: &mut Answers) {
        match self.to.take() {
            Some(To::Here(slot)) => answers.wake(slot.fill(Err(error))),
            Some(To::There(sender)) => sender.fail(&error, answers),
            None => {}
        }
    }
}

impl<R: Serialize> Asker<R> {
    pub(crate) fn answer(mut self, value: R, answers: &mut Answers) {
        match self.to.take() {
            Some(To::Here(slot)) => answers.wake(slot.fill(Ok(value))),
            Some(To::There(sender)) => {
                sender.answer(&value, answers);
            }
            None => {}
        }
    }

    /// Answers another process, and leaves the value here. Whether it was sent.
    pub(crate) fn answer_remote(mut self, value: &R, answers: &mut Answers) -> bool {
        match self.to.take() {
            Some(To::There(sender)) => sender.answer(value, answers),
            _ => false,
        }
    }
}

impl<R> Drop for Asker<R> {
    fn drop(&mut self) {
        if self.to.is_some() {
            let mut answers = Answers::default();
            self.send_error(ManagerError::closed(), &mut answers);
            answers.deliver();
        }
    }
}

impl Sender {
    /// Whether the value could be encoded; otherwise the error is sent.
    fn answer<R: Serialize>(self, value: &R, answers: &mut Answers) -> bool {
        if !self.wants_answer {
            return false;
        }
        let pushed = self
            .link
            .append(|out| frame::push_answer(out, self.id, true, |out| codec::encode(value, out)));
        match pushed {
            Ok(()) => {
                answers.flush(self.link);
                true
            }
            Err(error) => {
                self.fail(&error, answers);
                false
            }
        }
    }

    pub(crate) fn fail(self, error: &ManagerError, answers: &mut Answers) {
        if !self.wants_answer {
            return;
        }
        // An error is a number and text: encoding it does not fail.
        let _encoded = self
            .link
            .append(|out| frame::push_answer(out, self.id, false, |out| codec::encode(error, out)));
        answers.flush(self.link);
    }
}

/// Answers that were given under the lock of an object, to be handed over after it: wakers to wake,
/// lines to send.
#[derive(Default)]
pub(crate) struct Answers {
    wakers: Vec<Waker>,
    links: Vec<Arc<Link>>,
    /// What is to be done then, too.
    later: Vec<Box<dyn FnOnce() + Send>>,
    /// The line whose requests are being served: it is sent when all of them are.
    corked: Option<u64>,
}

impl Answers {
    /// What is answered to this line is sent by the caller.
    pub(crate) fn corked(link: &Link) -> Answers {
        Answers { corked: Some(link.number()), ..Answers::default() }
    }

    pub(crate) fn wake(&mut self, waker: Option<Waker>) {
        self.wakers.extend(waker);
    }

    pub(crate) fn flush(&mut self, link: Arc<Link>) {
        if self.corked != Some(link.number())
            && !self.links.iter().any(|other| Arc::ptr_eq(other, &link))
        {
            self.links.push(link);
        }
    }

    /// Has `f` called when no lock of an object is held any more.
    pub(crate) fn later(&mut self, f: impl FnOnce() + Send + 'static) {
        self.later.push(Box::new(f));
    }

    /// Hands everything over. No lock of an object may be held.
    pub(crate) fn deliver(&mut self) {
        self.wakers.drain(..).for_each(Waker::wake);
        for link in self.links.drain(..) {
            link.flush();
        }
        self.later.drain(..).for_each(|later| later());
    }
}

/// Where somebody in this process waits for an answer.
pub(crate) struct Slot<R>(Mutex<Inside<R>>);

struct Inside<R> {
    answer: Option<Result<R, ManagerError>>,
    waker: Option<Waker>,
}

impl<R> Slot<R> {
    pub(crate) fn new() -> Arc<Slot<R>> {
        Arc::new(Slot(Mutex::new(Inside { answer: None, waker: None })))
    }

    fn lock(&self) -> MutexGuard<'_, Inside<R>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fill(&self, answer: Result<R, ManagerError>) -> Option<Waker> {
        let mut inside = self.lock();
        inside.answer = Some(answer);
        inside.waker.take()
    }

    pub(crate) fn take(&self) -> Option<Result<R, ManagerError>> {
        self.lock().answer.take()
    }

    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<Result<R, ManagerError>> {
        let mut inside = self.lock();
        match inside.answer.take() {
            Some(answer) => Poll::Ready(answer),
            None => {
                inside.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}
