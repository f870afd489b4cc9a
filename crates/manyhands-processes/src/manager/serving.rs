//! The owner's end of a line: requests of a process that this one has started, and of those that it
//! has started in turn.
//!
//! A request for an object of another process goes on to the process that has started this one, under
//! a session number that stands for the process that asks.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use manyhands_executor::contain_panic;

use super::answer::{Answers, PeerId, Sender, Ticket};
use super::error::{ManagerError, ManagerErrorKind};
use super::link::{Inbox, Link, Received};
use super::object;
use super::protocol::frame::{Fds, Frame, FrameError, Payload, Request, Verb};
use super::protocol::function::Function;
use super::upstream;

/// A process that leaves so many bytes of answers is not served until it has taken them.
const BACKLOG_MAX: usize = 4 << 20;

/// One line that is served.
pub(crate) struct Serving {
    pid: u32,
    link: Arc<Link>,
    peer: PeerId,
    sessions: Mutex<Sessions>,
}

/// Processes beyond the one at the other end, by the session number that it gave them.
#[derive(Default)]
struct Sessions {
    /// As the objects of this process know them.
    peers: HashMap<u64, PeerId>,
    /// As the process that has started this one knows them.
    forwarded: HashMap<u64, u64>,
}

/// What came of looking at a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    Served,
    Idle,
    End,
}

impl Serving {
    /// Of the process with this number, for messages.
    pub(crate) fn new(pid: u32, link: Link) -> Serving {
        Serving { pid, link: Arc::new(link), peer: next_peer(), sessions: Mutex::default() }
    }

    pub(crate) fn link(&self) -> &Arc<Link> {
        &self.link
    }

    /// Whether so many answers are left that no more requests are taken.
    pub(crate) fn is_behind(&self) -> bool {
        self.link.backlog() > BACKLOG_MAX
    }

    /// Receives once, and serves what has come.
    pub(crate) fn turn(&self) -> Turn {
        if self.is_behind() {
            return Turn::Idle;
        }
        let mut inbox = self.link.inbox();
        let turn = match inbox.receive(&self.link) {
            Received::Nothing => return Turn::Idle,
            Received::End => return Turn::End,
            Received::Some { .. } => match self.serve(&mut inbox) {
                Ok(()) => Turn::Served,
                Err(error) => {
                    // Nothing after this can be understood. Whoever waits at the other end learns
                    // that the connection is lost.
                    eprintln!(
                        "manyhands: process {} sent what is no request of a managed object: {error}; \
                         it is no longer served",
                        self.pid
                    );
                    self.link.break_off();
                    Turn::End
                }
            },
        };
        drop(inbox);
        self.link.flush();
        turn
    }

    fn serve(&self, inbox: &mut Inbox) -> Result<(), FrameError> {
        let mut answers = Answers::corked(&self.link);
        let served = loop {
            let length = match inbox.next() {
                Ok(Some((Frame::Request(request, payload), length, fds))) => {
                    self.serve_request(&request, payload, fds, &mut answers);
                    length
                }
                Ok(Some((Frame::Gone { session }, length, _))) => {
                    self.session_gone(session);
                    length
                }
                Ok(Some((Frame::Answer { .. }, ..))) => break Err(FrameError::Header),
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            };
            inbox.consume(length);
            answers.deliver();
        };
        answers.deliver();
        served
    }

    fn serve_request(
        &self,
        request: &Request,
        payload: Payload<'_>,
        fds: Fds,
        answers: &mut Answers,
    ) {
        if request.target.owner != object::this_process() {
            return self.forward(request, payload, fds, answers);
        }
        let ticket = Ticket { peer: self.peer(request.id.session), request: request.id.request };
        let object = object::find(request.target.object);
        match (request.verb, object) {
            (Verb::Call { function, .. }, Some(object)) => match Function::at(function) {
                Ok(function) => {
                    let sender = self.sender(request, ticket);
                    // What functions of the user do is caught closer by; this keeps the thread
                    // whatever else may panic, such as a value that is dropped.
                    contain_panic(|| function.call(&*object, payload, fds, sender, answers));
                }
                Err(error) => self.sender(request, ticket).fail(&error, answers),
            },
            (Verb::Call { .. }, None) => {
                self.sender(request, ticket).fail(&ManagerError::closed(), answers);
            }
            (Verb::Withdraw, Some(object)) => object.withdraw(ticket, answers),
            (Verb::Accept, Some(object)) => object.accept(ticket),
            (Verb::Withdraw | Verb::Accept, None) => {}
        }
    }

    /// Sends a request on towards the process that has the object.
    fn forward(&self, request: &Request, payload: Payload<'_>, fds: Fds, answers: &mut Answers) {
        let sent = upstream::current().and_then(|upstream| {
            let session = *self
                .lock_sessions()
                .forwarded
                .entry(request.id.session)
                .or_insert_with(|| upstream.new_session(&self.link, request.id.session));
            upstream.forward(session, request, payload.bytes, fds)
        });
        if let Err(error) = sent {
            let ticket = Ticket { peer: self.peer, request: request.id.request };
            let error = if upstream::is_root() { unreachable_owner() } else { error };
            self.sender(request, ticket).fail(&error, answers);
        }
    }

    fn sender(&self, request: &Request, ticket: Ticket) -> Sender {
        let wants_answer = matches!(request.verb, Verb::Call { wants_answer: true, .. });
        Sender { link: Arc::clone(&self.link), id: request.id, ticket, wants_answer }
    }

    fn peer(&self, session: u64) -> PeerId {
        match session {
            0 => self.peer,
            other => *self.lock_sessions().peers.entry(other).or_insert_with(next_peer),
        }
    }

    /// The line has ended, and with it everybody behind it.
    pub(crate) fn gone(&self) {
        self.link.break_off();
        let Sessions { peers, forwarded } = std::mem::take(&mut *self.lock_sessions());
        object::peer_gone(self.peer);
        peers.into_values().for_each(object::peer_gone);
        if let Ok(upstream) = upstream::current() {
            forwarded.into_values().for_each(|session| upstream.end_session(session));
        }
    }

    /// One of those behind it has ended.
    fn session_gone(&self, session: u64) {
        let (peer, forwarded) = {
            let mut sessions = self.lock_sessions();
            (sessions.peers.remove(&session), sessions.forwarded.remove(&session))
        };
        if let Some(peer) = peer {
            object::peer_gone(peer);
        }
        if let (Some(forwarded), Ok(upstream)) = (forwarded, upstream::current()) {
            upstream.end_session(forwarded);
        }
    }

    fn lock_sessions(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn next_peer() -> PeerId {
    static NEXT: AtomicU64 = AtomicU64::new(PeerId::HERE.0 + 1);
    PeerId(NEXT.fetch_add(1, Ordering::Relaxed))
}

fn unreachable_owner() -> ManagerError {
    ManagerError::new(
        ManagerErrorKind::Unreachable,
        "the manager of this object lives neither in this process nor in one of those that started \
         it; make the manager in a common ancestor of all processes that use it",
    )
}
