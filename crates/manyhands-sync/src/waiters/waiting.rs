//! The one future of everything that waits at a monitor.

use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use manyhands_wait::{Deadlock, Leaf, Reason, Resource, StandAside};

use super::monitor::{Entry, Monitor};
use super::node::{GRANTED, IDLE, Node, QUEUED};

/// What a primitive, whose monitor has so many queues, decides about one of its waits.
pub(crate) trait Protocol<const QUEUES: usize = 1> {
    /// The queue that it waits in.
    const QUEUE: usize = 0;
    /// The monitor's state.
    type State;
    /// What a waiter tells while it waits, and perhaps where it is given something. `'static`,
    /// since it stays in the queue if its future is forgotten.
    type Ticket: 'static;
    /// What the wait ends with.
    type Output;

    /// Under the lock, at the first poll and after [`Granted::Retry`]: takes what is waited for, or
    /// says that there is a wait.
    fn attempt(
        &mut self,
        entry: &mut Entry<'_, Self::State, Self::Ticket, QUEUES>,
    ) -> Attempt<Self::Output, Self::Ticket>;

    /// Without the lock: this waiter has been granted, and has its ticket back.
    fn granted(&mut self, ticket: Self::Ticket) -> Granted<Self::Output>;

    /// Under the lock: the wait was given up (timed out, cancelled, dropped) before it was granted,
    /// and has left the queue.
    fn given_up(
        &mut self,
        _entry: &mut Entry<'_, Self::State, Self::Ticket, QUEUES>,
        _ticket: Self::Ticket,
    ) {
    }

    /// Under the lock: the wait was granted, but given up before it was seen. Whatever it was given
    /// must be passed on here.
    fn unclaimed(
        &mut self,
        entry: &mut Entry<'_, Self::State, Self::Ticket, QUEUES>,
        ticket: Self::Ticket,
    );

    /// What is waited for, for the wait-for graph: asked if a tracked async task has to wait, and the
    /// wait is a [leaf](Waiting::as_leaf). It must not borrow, because the future may be forgotten.
    fn edge(&self) -> Arc<dyn Resource> {
        unreachable!("a wait that is a leaf says what it waits for")
    }

    /// The wait has been given up, because it was proven that it could never end. Called only where
    /// the edge has named somebody.
    fn deadlocked(&mut self, deadlock: Deadlock) -> Self::Output {
        unreachable!("a wait that may end is never called deadlocked: {deadlock}")
    }
}

/// A wait that can be given up and begun anew at any time, and means the same: for those on a stack that is
/// stopped by somebody else's wait. Not that for an event, which may be over by then.
pub(crate) trait Repeatable<const QUEUES: usize = 1>: Protocol<QUEUES> {}

/// What became of an attempt.
pub(crate) enum Attempt<R, T> {
    /// The wait is over.
    Ready(R),
    /// It waits, behind all others.
    Wait(T),
    /// It waits, before all others: it has been granted once, and was not quick enough.
    WaitInFront(T),
}

/// What a waiter makes of being granted.
pub(crate) enum Granted<R> {
    /// The wait is over.
    Ready(R),
    /// It has to try again.
    Retry,
}

/// A wait at a monitor, as a future. Nothing is allocated: its place in the queue is inside of it.
#[must_use = "futures do nothing unless they are polled"]
pub(crate) struct Waiting<'a, P: Protocol<QUEUES>, const QUEUES: usize = 1> {
    monitor: &'a Monitor<P::State, P::Ticket, QUEUES>,
    protocol: P,
    node: Node<P::Ticket>,
    leaf: Option<LeafAt>,
}

/// The wait as the wait-for graph knows it in an async task.
struct LeafAt {
    leaf: Leaf,
    reason: &'static Reason,
    at: &'static Location<'static>,
}

// SAFETY: besides the monitor and the protocol there is the node, which the queue may reach from
// other threads: what it holds (a ticket and a waker) belongs to one party at a time.
unsafe impl<P: Protocol<QUEUES> + Send, const QUEUES: usize> Send for Waiting<'_, P, QUEUES>
where
    P::State: Send,
    P::Ticket: Send,
{
}

// SAFETY: a shared reference to the future gives no access to anything in it.
unsafe impl<P: Protocol<QUEUES>, const QUEUES: usize> Sync for Waiting<'_, P, QUEUES> {}

impl<'a, P: Protocol<QUEUES>, const QUEUES: usize> Waiting<'a, P, QUEUES> {
    pub(crate) fn new(
        monitor: &'a Monitor<P::State, P::Ticket, QUEUES>,
        protocol: P,
    ) -> Waiting<'a, P, QUEUES> {
        Waiting { monitor, protocol, node: Node::new(), leaf: None }
    }

    /// The wait of async code: in a task that is tracked it is an edge of the wait-for graph.
    #[allow(clippy::wrong_self_convention, reason = "it says as what the wait is to be taken")]
    pub(crate) fn as_leaf(
        mut self,
        reason: &'static Reason,
        at: &'static Location<'static>,
    ) -> Self {
        self.leaf = Some(LeafAt { leaf: Leaf::new(), reason, at });
        self
    }
}

impl<P: Protocol<QUEUES>, const QUEUES: usize> Future for Waiting<'_, P, QUEUES> {
    type Output = P::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<P::Output> {
        // SAFETY: nothing is moved out of it; the protocol, the reference and the leaf may be moved.
        let this = unsafe { self.get_unchecked_mut() };
        let poll = this.step(cx);
        if let Some(LeafAt { leaf, reason, at }) = &mut this.leaf {
            if poll.is_ready() {
                leaf.done();
            } else if let Some(deadlock) = leaf.deadlock() {
                this.leave();
                return Poll::Ready(this.protocol.deadlocked(deadlock));
            } else {
                leaf.pending(cx, reason, at, || this.protocol.edge());
            }
        }
        poll
    }
}

impl<P: Protocol<QUEUES>, const QUEUES: usize> Waiting<'_, P, QUEUES> {
    /// What the wait has ended with, if it was polled before and granted since. Takes no lock.
    pub(crate) fn take_granted(self: Pin<&mut Self>) -> Option<P::Output> {
        // SAFETY: nothing is moved out of it; the protocol may be moved.
        let this = unsafe { self.get_unchecked_mut() };
        if this.node.state() != GRANTED {
            return None;
        }
        let ticket = this.take_ticket();
        match this.protocol.granted(ticket) {
            Granted::Ready(output) => Some(output),
            // It is polled once more, and tries then.
            Granted::Retry => None,
        }
    }

    fn step(&mut self, cx: &Context<'_>) -> Poll<P::Output> {
        if self.node.state() == QUEUED {
            let mut entry = self.monitor.enter();
            if self.node.state() == QUEUED {
                // SAFETY: it is in this monitor's queue, and cannot leave it while we have the lock.
                unsafe { entry.renew(P::QUEUE, &self.node, cx.waker()) };
                return Poll::Pending;
            }
        }
        if self.node.state() == GRANTED {
            let ticket = self.take_ticket();
            if let Granted::Ready(output) = self.protocol.granted(ticket) {
                return Poll::Ready(output);
            }
        }
        let monitor = self.monitor;
        let mut entry = monitor.enter();
        match self.protocol.attempt(&mut entry) {
            Attempt::Ready(output) => return Poll::Ready(output),
            Attempt::Wait(ticket) => self.wait(&mut entry, ticket, cx, false),
            Attempt::WaitInFront(ticket) => self.wait(&mut entry, ticket, cx, true),
        }
        Poll::Pending
    }

    /// Puts an idle node into the queue.
    fn wait(
        &mut self,
        entry: &mut Entry<'_, P::State, P::Ticket, QUEUES>,
        ticket: P::Ticket,
        cx: &Context<'_>,
        in_front: bool,
    ) {
        let mut begun = Begun { protocol: &mut self.protocol, entry, ticket: Some(ticket) };
        let waker = cx.waker().clone();
        let Some(ticket) = begun.ticket.take() else { return };
        // SAFETY: the node is idle and this is its future. It is pinned (`poll` is where all calls
        // come from), and `drop`, which comes before its memory is used again, takes it out of this
        // monitor's queue, which is the only one that it is ever put in.
        unsafe { begun.entry.push(P::QUEUE, &self.node, ticket, waker, in_front) };
    }

    /// The ticket of a node that was granted.
    fn take_ticket(&self) -> P::Ticket {
        debug_assert_eq!(self.node.state(), GRANTED);
        // SAFETY: it was granted, so what it holds is ours.
        let ticket = unsafe { self.node.with(|inner| inner.ticket.take()) };
        self.node.set_state(IDLE);
        ticket.expect("a granted node has kept its ticket")
    }

    /// Gives the wait up.
    fn leave(&mut self) {
        if self.node.state() == IDLE {
            return;
        }
        let monitor = self.monitor;
        let mut entry = monitor.enter();
        if self.node.state() == QUEUED {
            // SAFETY: it is in this monitor's queue, and cannot leave it while we have the lock.
            let ticket = unsafe { entry.remove(P::QUEUE, &self.node) };
            self.node.set_state(IDLE);
            let ticket = ticket.expect("a node in the queue has a ticket");
            self.protocol.given_up(&mut entry, ticket);
        } else {
            let ticket = self.take_ticket();
            self.protocol.unclaimed(&mut entry, ticket);
        }
    }
}

/// A wait that an attempt has begun and that is not queued yet: the clone of a waker is foreign code. If that
/// unwinds the wait is given up.
struct Begun<'e, 'm, P: Protocol<QUEUES>, const QUEUES: usize> {
    protocol: &'e mut P,
    entry: &'e mut Entry<'m, P::State, P::Ticket, QUEUES>,
    ticket: Option<P::Ticket>,
}

impl<P: Protocol<QUEUES>, const QUEUES: usize> Drop for Begun<'_, '_, P, QUEUES> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.protocol.given_up(self.entry, ticket);
        }
    }
}

impl<P: Repeatable<QUEUES>, const QUEUES: usize> StandAside for Waiting<'_, P, QUEUES> {
    fn stand_aside(self: Pin<&mut Self>) {
        // SAFETY: nothing is moved out of it.
        unsafe { self.get_unchecked_mut() }.leave();
    }
}

impl<P: Protocol<QUEUES>, const QUEUES: usize> Drop for Waiting<'_, P, QUEUES> {
    fn drop(&mut self) {
        self.leave();
    }
}
