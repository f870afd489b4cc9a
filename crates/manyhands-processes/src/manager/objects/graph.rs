//! Managed locks and semaphores in the wait-for graph of the process that has them.
//!
//! A thread or coroutine of this process takes part as itself. One of another process is spoken for: the
//! request says who asks, and stands for a [`ProxyAgent`] here, which holds what was granted to it and
//! waits while its request is in the line. Only holders whose guards stay with them are named, so that
//! nobody else can release what they hold.
//!
//! A walk along the graph does not look at the state of an object, which may be in use when it comes by,
//! but at who holds what, which is behind a short lock of its own (`lock/edge.rs`,
//! `semaphore/ledger.rs`). Waits are shown, and the graph is looked at, after the lock of the object
//! was released ([`Answers::later`](crate::manager::answer::Answers::later)).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Wake, Waker};

use manyhands_wait::{Agent, ContextKind, Deadlock, ProxyAgent, Reason, Resource};

use super::ask::Ask;
use crate::manager::answer::{Answers, PeerId, Ticket};
use crate::manager::error::{ManagerError, ManagerErrorKind};
use crate::manager::object::{Object, State};

/// The state of an object whose requests may be chosen to break a deadlock.
pub(crate) trait Refuse: State {
    /// Says which object this is the state of.
    fn belongs_to(&mut self, object: &Arc<Object<Self>>)
    where
        Self: Sized;

    /// Fails a request that is in the line.
    fn refuse(&mut self, ticket: Ticket, error: ManagerError, answers: &mut Answers);
}

/// Who asks for something, or holds it: a context whose guard stays with it.
#[derive(Clone)]
pub(super) enum Party {
    Here(Agent),
    There(Arc<Elsewhere>),
}

impl Party {
    /// The one that asks; `None` if somebody else could give back what it gets.
    pub(super) fn of(ask: &Ask, peer: PeerId) -> Option<Party> {
        let agent = ask.is_bound.then(|| Agent::from_bits(ask.agent))??;
        if peer == PeerId::HERE {
            return Some(Party::Here(agent));
        }
        Some(Party::There(Elsewhere::find(peer, ask)))
    }

    pub(super) fn agent(&self) -> Agent {
        match self {
            Party::Here(agent) => *agent,
            Party::There(elsewhere) => elsewhere.agent,
        }
    }

    /// Its request `ticket` is not in the line any more.
    pub(super) fn goes_on(&self, ticket: Ticket) {
        if let Party::There(elsewhere) = self {
            let mut wait = elsewhere.wait();
            if wait.request == Some(ticket) {
                wait.request = None;
                wait.proxy.goes_on();
                elsewhere.tell_task(None);
            }
        }
    }
}

/// A context of another process.
pub(super) struct Elsewhere {
    agent: Agent,
    /// The task of a pool of this process whose code it runs.
    task: Option<u64>,
    wait: Mutex<Wait>,
}

struct Wait {
    proxy: ProxyAgent,
    /// The request that it waits for.
    request: Option<Ticket>,
}

type Known = HashMap<(PeerId, u64), Weak<Elsewhere>>;

/// All that hold something or wait.
static KNOWN: Mutex<Option<Known>> = Mutex::new(None);
/// By the tasks whose code waits there, as whom it does.
static TASKS: Mutex<Option<HashMap<u64, Agent>>> = Mutex::new(None);

/// As whom the code of this task, which was sent to another process, waits for something of this one.
pub(crate) fn waits_as(task: u64) -> Option<Agent> {
    lock(&TASKS).as_ref()?.get(&task).copied()
}

impl Elsewhere {
    fn find(peer: PeerId, ask: &Ask) -> Arc<Elsewhere> {
        let mut known = lock(&KNOWN);
        let known = known.get_or_insert_default();
        let key = (peer, ask.agent);
        if let Some(elsewhere) = known.get(&key).and_then(Weak::upgrade)
            && elsewhere.task == ask.task_here()
        {
            return elsewhere;
        }
        known.retain(|_, elsewhere| elsewhere.strong_count() > 0);
        let name = format!("{} / {}", ask.who.process(), ask.who.context_name());
        let proxy = ProxyAgent::new(ContextKind::Process, name);
        let (agent, task) = (proxy.agent(), ask.task_here());
        let wait = Mutex::new(Wait { proxy, request: None });
        let elsewhere = Arc::new(Elsewhere { agent, task, wait });
        known.insert(key, Arc::downgrade(&elsewhere));
        elsewhere
    }

    fn wait(&self) -> MutexGuard<'_, Wait> {
        lock(&self.wait)
    }

    fn tell_task(&self, agent: Option<Agent>) {
        let Some(task) = self.task else { return };
        let mut tasks = lock(&TASKS);
        let tasks = tasks.get_or_insert_default();
        match agent {
            Some(agent) => tasks.insert(task, agent),
            None => tasks.remove(&task),
        };
    }
}

/// Has a request of another process shown in the graph, when the lock of the object is released; one
/// of this process is shown by whoever waits for it.
pub(super) fn show<S: Refuse>(
    party: &Party,
    (ticket, edge, reason): (Ticket, Arc<dyn Resource>, &'static Reason),
    ask: &Ask,
    object: Weak<Object<S>>,
    answers: &mut Answers,
) {
    let Party::There(elsewhere) = party else { return };
    elsewhere.wait().request = Some(ticket);
    let (elsewhere, place) = (Arc::clone(elsewhere), ask.who.place());
    answers.later(move || {
        let condemned = Condemned { elsewhere: Arc::downgrade(&elsewhere), object, ticket };
        let mut wait = elsewhere.wait();
        // It may have been granted, or withdrawn, in between.
        if wait.request != Some(ticket) {
            return;
        }
        elsewhere.tell_task(Some(elsewhere.agent));
        let waker = Waker::from(Arc::new(condemned.clone()));
        let shown = wait.proxy.waits(reason, place, edge, waker);
        drop(wait);
        if let Err(deadlock) = shown {
            condemned.refuse(&deadlock);
        }
    });
}

/// Fails a request that was chosen to break a deadlock.
struct Condemned<S: Refuse> {
    elsewhere: Weak<Elsewhere>,
    object: Weak<Object<S>>,
    ticket: Ticket,
}

impl<S: Refuse> Clone for Condemned<S> {
    fn clone(&self) -> Self {
        let (elsewhere, object) = (Weak::clone(&self.elsewhere), Weak::clone(&self.object));
        Condemned { elsewhere, object, ticket: self.ticket }
    }
}

impl<S: Refuse> Condemned<S> {
    fn refuse(&self, deadlock: &Deadlock) {
        let Some(object) = self.object.upgrade() else { return };
        let mut answers = Answers::default();
        let error = in_deadlock(deadlock);
        let _gone = object.with(|state| state.refuse(self.ticket, error, &mut answers));
        answers.deliver();
    }
}

/// Chosen by another context, in the midst of whose walk nothing can be done.
impl<S: Refuse> Wake for Condemned<S> {
    fn wake(self: Arc<Self>) {
        let refuse = move || {
            let Some(elsewhere) = self.elsewhere.upgrade() else { return };
            let wait = elsewhere.wait();
            let deadlock = wait.proxy.deadlock().filter(|_| wait.request == Some(self.ticket));
            drop(wait);
            if let Some(deadlock) = deadlock {
                self.refuse(&deadlock);
            }
        };
        let thread = std::thread::Builder::new().name("manyhands-deadlock".to_owned());
        if let Err(error) = thread.spawn(refuse) {
            eprintln!(
                "manyhands: a deadlock of managed objects goes on, without a thread: {error}"
            );
        }
    }
}

/// The error of a request that would never be granted.
pub(crate) fn in_deadlock(deadlock: &Deadlock) -> ManagerError {
    ManagerError::new(ManagerErrorKind::WouldDeadlock, deadlock.to_string())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
