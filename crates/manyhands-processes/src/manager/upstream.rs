//! The asking end of a line: calls of this process to the one that started it, many at a time.
//!
//! Whoever has asked looks for the answer itself for a moment, and hands over to others what is
//! theirs. If it has to sleep, it leaves its waker, and the service thread receives for it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll};

use serde::Serialize;

use super::calls::{CallKey, Calls, Reply};
use super::error::{ManagerError, ManagerErrorKind};
use super::link::{Inbox, Link, Received, Socket};
use super::protocol::codec;
use super::protocol::frame::{
    self, Fds, Frame, FrameError, Request, RequestId, Target, TooLarge, Verb,
};
use super::service;

/// The asking end of a line.
pub(crate) struct Upstream {
    link: Arc<Link>,
    calls: Mutex<Calls>,
    routes: Mutex<HashMap<u64, Route>>,
}

/// Where answers of a session go: a process that has asked through this one.
struct Route {
    link: Arc<Link>,
    session: u64,
}

/// The line to the process that has started this one.
///
/// # Errors
/// If none has, or if the operating system refuses what the line needs.
pub(crate) fn current() -> Result<&'static Arc<Upstream>, ManagerError> {
    static CURRENT: OnceLock<Arc<Upstream>> = OnceLock::new();
    static STARTING: Mutex<()> = Mutex::new(());
    if let Some(current) = CURRENT.get() {
        return Ok(current);
    }
    let Some(socket) = crate::start::origin_service() else {
        return Err(ManagerError::new(
            ManagerErrorKind::Unreachable,
            "the manager of this object lives in another process, and this one was not started by \
             it: managed objects can be used where their manager is, and in processes started from \
             there through a pool or a `Process`",
        ));
    };
    let _starting = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(current) = CURRENT.get() {
        return Ok(current);
    }
    let upstream = Upstream::over(Socket::Origin(socket))?;
    Ok(CURRENT.get_or_init(|| upstream))
}

/// Whether no process has started this one.
pub(crate) fn is_root() -> bool {
    crate::start::origin_service().is_none()
}

impl Upstream {
    /// # Errors
    /// If the operating system refuses the thread that receives, or the descriptor that it needs.
    pub(crate) fn over(socket: Socket) -> Result<Arc<Upstream>, ManagerError> {
        let upstream = Arc::new(Upstream {
            link: Arc::new(Link::new(socket)),
            calls: Mutex::default(),
            routes: Mutex::default(),
        });
        service::receive(Arc::clone(&upstream)).map_err(|error| {
            ManagerError::new(
                ManagerErrorKind::Unreachable,
                format!("the line to the process that has the object cannot be watched: {error}"),
            )
        })?;
        Ok(upstream)
    }

    pub(crate) fn link(&self) -> &Arc<Link> {
        &self.link
    }

    /// Sends a call whose answer is waited for.
    pub(crate) fn begin<A: Serialize>(
        &self,
        target: Target,
        function: u64,
        argument: &A,
    ) -> Result<CallKey, ManagerError> {
        let key = self.calls().open()?;
        let verb = Verb::Call { function, wants_answer: true };
        let id = RequestId { session: 0, request: key.number() };
        let request = Request { id, target, verb };
        let appended = self
            .link
            .append(|out| frame::push_request(out, &request, |out| codec::encode(argument, out)));
        if let Err(error) = appended {
            self.calls().close(key);
            return Err(error);
        }
        self.link.flush();
        Ok(key)
    }

    /// Sends a call that is not answered.
    pub(crate) fn tell<A: Serialize>(
        &self,
        target: Target,
        function: u64,
        argument: &A,
    ) -> Result<(), ManagerError> {
        let verb = Verb::Call { function, wants_answer: false };
        let id = RequestId { session: 0, request: 0 };
        let request = Request { id, target, verb };
        self.link
            .append(|out| frame::push_request(out, &request, |out| codec::encode(argument, out)))?;
        self.link.flush();
        Ok(())
    }

    /// Looks for the answer, and receives what there is for others on the way.
    pub(crate) fn look(&self, key: CallKey) -> Option<Reply> {
        if let Some(reply) = self.calls().take(key) {
            return Some(reply);
        }
        let mut inbox = self.link.try_inbox()?;
        match self.receive_once(&mut inbox) {
            Received::Some { .. } => {}
            Received::Nothing => return None,
            Received::End => self.lost(),
        }
        drop(inbox);
        self.calls().take(key)
    }

    /// Waits for the answer like a future.
    pub(crate) fn poll(&self, key: CallKey, cx: &mut Context<'_>) -> Poll<Reply> {
        if let Some(reply) = self.look(key) {
            return Poll::Ready(reply);
        }
        let is_first = {
            let mut calls = self.calls();
            if let Some(reply) = calls.take(key) {
                return Poll::Ready(reply);
            }
            calls.sleep(key, cx.waker())
        };
        if is_first {
            service::watch(&self.link);
        }
        Poll::Pending
    }

    /// Nobody waits for the answer any more.
    pub(crate) fn withdraw(&self, key: CallKey, target: Target) {
        self.calls().close(key);
        self.send_about(key, target, Verb::Withdraw);
    }

    /// What the answer gave has arrived.
    pub(crate) fn accept(&self, key: CallKey, target: Target) {
        self.send_about(key, target, Verb::Accept);
    }

    fn send_about(&self, key: CallKey, target: Target, verb: Verb) {
        let id = RequestId { session: 0, request: key.number() };
        let request = Request { id, target, verb };
        let _never_too_large = self
            .link
            .append(|out| frame::push_request::<TooLarge>(out, &request, |_| Ok(Fds::new())));
        self.link.flush();
    }

    /// Keeps the memory of a reply for later ones.
    pub(crate) fn recycle(&self, reply: Reply) {
        self.calls().recycle(reply);
    }

    /// A number for a process that asks through this one.
    pub(crate) fn new_session(&self, link: &Arc<Link>, session: u64) -> u64 {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        self.routes().insert(number, Route { link: Arc::clone(link), session });
        number
    }

    /// That process has ended.
    pub(crate) fn end_session(&self, session: u64) {
        if self.routes().remove(&session).is_some() {
            let _infallible = self.link.append(|out| {
                frame::push_gone(out, session);
                Ok::<Fds, TooLarge>(Fds::new())
            });
            self.link.flush();
        }
    }

    /// Sends the request of another process on.
    pub(crate) fn forward(
        &self,
        session: u64,
        request: &Request,
        payload: &[u8],
        fds: Fds,
    ) -> Result<(), ManagerError> {
        if self.link.is_broken() {
            return Err(ManagerError::disconnected());
        }
        let id = RequestId { session, ..request.id };
        let request = Request { id, ..*request };
        self.link.append(|out| {
            frame::push_request::<ManagerError>(out, &request, |out| {
                out.extend_from_slice(payload);
                Ok(fds)
            })
        })?;
        self.link.flush();
        service::watch(&self.link);
        Ok(())
    }

    /// Whether somebody sleeps until an answer comes.
    pub(crate) fn is_awaited(&self) -> bool {
        !self.routes().is_empty() || self.calls().rearm()
    }

    /// Receives all that has come. `false` if the line has ended.
    pub(crate) fn receive_all(&self) -> bool {
        self.calls().disarm();
        let mut inbox = self.link.inbox();
        loop {
            match self.receive_once(&mut inbox) {
                Received::Some { more: true } => {}
                Received::Some { more: false } | Received::Nothing => return true,
                Received::End => {
                    self.lost();
                    return false;
                }
            }
        }
    }

    fn receive_once(&self, inbox: &mut Inbox) -> Received {
        let received = inbox.receive(&self.link);
        if matches!(received, Received::Some { .. }) && self.dispatch(inbox).is_err() {
            return Received::End;
        }
        received
    }

    fn dispatch(&self, inbox: &mut Inbox) -> Result<(), FrameError> {
        let mut wakers = Vec::new();
        let dispatched = loop {
            match inbox.next() {
                Ok(Some((Frame::Answer { id, is_value, payload }, length, fds))) => {
                    if id.session == 0 {
                        let key = CallKey::of(id.request);
                        wakers.extend(self.calls().complete(key, is_value, payload, fds));
                    } else {
                        self.route(id, is_value, payload.bytes, fds);
                    }
                    inbox.consume(length);
                }
                Ok(Some(_)) => break Err(FrameError::Header),
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        wakers.into_iter().for_each(std::task::Waker::wake);
        dispatched
    }

    /// Hands an answer to the process that has asked through this one.
    fn route(&self, id: RequestId, is_value: bool, payload: &[u8], fds: Fds) {
        let (link, session) = match self.routes().get(&id.session) {
            Some(route) => (Arc::clone(&route.link), route.session),
            None => return, // it has ended meanwhile
        };
        let id = RequestId { session, ..id };
        let _same_size_as_received = link.append(|out| {
            frame::push_answer::<TooLarge>(out, id, is_value, |out| {
                out.extend_from_slice(payload);
                Ok(fds)
            })
        });
        link.flush();
    }

    /// The line has ended: nobody gets an answer any more.
    fn lost(&self) {
        self.link.break_off();
        let wakers = self.calls().lose();
        wakers.into_iter().for_each(std::task::Waker::wake);
    }

    fn calls(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn routes(&self) -> MutexGuard<'_, HashMap<u64, Route>> {
        self.routes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
