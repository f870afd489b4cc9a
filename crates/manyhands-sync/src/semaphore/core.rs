//! A semaphore's state under its lock: permits, holders, waiters, and what the wait-for graph is told.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use manyhands_wait::{Agent, Blockers, Deadlock, Resource};

use super::ledger::{Holding, Key, Ledger};
use super::over_release::OverRelease;
use super::statistics::SemaphoreStatistics;
use crate::primitive::{AtomicUsize, Ordering};
use crate::waiters::{Attempt, Granted, Monitor, Protocol, Repeatable};

/// With more guards than this no proof is attempted: looking through all of them would cost those who
/// have to wait more than the wait.
const HOLDERS_MAX: usize = 128;

/// Shared with guards that may outlive the semaphore, and with the wait-for graph.
pub(super) struct Core {
    monitor: Monitor<State, Ticket>,
    /// As many permits as are available, for whoever would look in vain. Written under the lock.
    seen: AtomicUsize,
    /// How many permits there are in all; `None` if anybody may add some.
    bound: Option<usize>,
    name: Option<Arc<str>>,
    made_at: &'static Location<'static>,
}

/// What changes under the lock.
pub(super) struct State {
    available: usize,
    /// Permits that guards have left behind; `release` gives them back. Of bounded ones only.
    forgotten: usize,
    /// Of bounded ones only: whoever waits for others may always go on.
    ledger: Ledger,
    /// Whether a guard was dropped by another context than took it. Then the ledger cannot be relied
    /// on to tell who releases.
    has_strayed: bool,
    acquired: u64,
    contended: u64,
}

/// What a waiter asks for, and where it finds it.
pub(super) struct Ticket {
    permits: usize,
    /// Who waits, and will hold the permits; nobody known in async code that is not tracked.
    agent: Option<Agent>,
    at: &'static Location<'static>,
    /// Written by whoever grants.
    key: Key,
}

pub(super) type Entry<'a> = crate::waiters::Entry<'a, State, Ticket>;

/// What a guard holds.
#[derive(Debug)]
pub(super) struct Claim {
    pub(super) permits: usize,
    pub(super) key: Key,
}

impl Core {
    pub(super) fn new(
        permits: usize,
        is_bounded: bool,
        name: Option<Arc<str>>,
        made_at: &'static Location<'static>,
    ) -> Core {
        let state = State {
            available: permits,
            forgotten: 0,
            ledger: Ledger::new(is_bounded),
            has_strayed: false,
            acquired: 0,
            contended: 0,
        };
        let bound = is_bounded.then_some(permits);
        Core { monitor: Monitor::new(state), seen: AtomicUsize::new(permits), bound, name, made_at }
    }

    pub(super) fn monitor(&self) -> &Monitor<State, Ticket> {
        &self.monitor
    }

    /// Takes permits if they are there and nobody waits.
    #[inline]
    pub(super) fn try_acquire(&self, request: &Request<'_>) -> Option<Claim> {
        if self.seen.load(Ordering::Relaxed) < request.permits {
            return None;
        }
        let mut entry = self.monitor.enter();
        let is_free = entry.waiting() == 0 || request.permits == 0;
        if !is_free {
            return None;
        }
        let claim = entry.take(request.permits, request.agent, request.at);
        self.show(&entry);
        claim
    }

    /// Shows how many permits are available now.
    #[inline]
    fn show(&self, entry: &Entry<'_>) {
        self.seen.store(entry.available, Ordering::Relaxed);
    }

    /// Grants those who wait longest for as long as there are permits enough.
    #[inline]
    fn settle(&self, entry: &mut Entry<'_>) {
        if entry.waiting() > 0 {
            settle(entry);
        }
        self.show(entry);
    }

    /// A guard's permits come back. `by` is whoever drops it, if that is known.
    #[inline]
    pub(super) fn give_back(&self, claim: &Claim, by: Option<Agent>) {
        let mut entry = self.monitor.enter();
        let holder = entry.ledger.remove(claim.key, claim.permits);
        entry.has_strayed |= holder.is_some() && by != holder;
        // An unbounded one may be full to the brim meanwhile: more than can be counted is as many as can.
        entry.available = entry.available.saturating_add(claim.permits);
        self.settle(&mut entry);
    }

    /// Somebody who is not known holds them from now on.
    pub(super) fn make_anonymous(&self, claim: &Claim) {
        let mut entry = self.monitor.enter();
        entry.ledger.remove(claim.key, claim.permits);
        entry.ledger.add(None, claim.permits, self.made_at);
    }

    /// A guard goes and leaves its permits behind.
    #[inline]
    pub(super) fn forget(&self, claim: &Claim) {
        if self.bound.is_some() {
            let mut entry = self.monitor.enter();
            entry.ledger.remove(claim.key, claim.permits);
            entry.forgotten += claim.permits;
        }
    }

    #[inline]
    pub(super) fn release(&self, permits: usize) -> Result<(), OverRelease> {
        let mut entry = self.monitor.enter();
        let most = match self.bound {
            Some(_) => entry.forgotten,
            None => usize::MAX - entry.available,
        };
        if permits > most {
            drop(entry);
            return Err(self.over_release(permits, most));
        }
        if self.bound.is_some() {
            entry.forgotten -= permits;
        }
        entry.available += permits;
        self.settle(&mut entry);
        Ok(())
    }

    #[cold]
    fn over_release(&self, permits: usize, most: usize) -> OverRelease {
        OverRelease { permits, most, bound: self.bound, which: self.to_string() }
    }

    pub(super) fn available(&self) -> usize {
        self.monitor.enter().available
    }

    pub(super) fn bound(&self) -> Option<usize> {
        self.bound
    }

    pub(super) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    pub(super) fn statistics(&self) -> SemaphoreStatistics {
        let entry = self.monitor.enter();
        SemaphoreStatistics {
            acquired: entry.acquired,
            contended: entry.contended,
            waiting: entry.waiting(),
        }
    }

    pub(super) fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Semaphore");
        if let Some(name) = &self.name {
            shown.field("name", name);
        }
        if let Some(bound) = &self.bound {
            shown.field("permits", bound);
        }
        if let Some(entry) = self.monitor.try_enter() {
            shown.field("available", &entry.available).field("waiting", &entry.waiting());
            let holders: Vec<String> =
                entry.ledger.holdings().map(|holding| holding.agent.to_string()).collect();
            drop(entry);
            shown.field("holders", &holders);
        }
        shown.finish()
    }
}

impl State {
    #[inline]
    fn take(
        &mut self,
        permits: usize,
        agent: Option<Agent>,
        at: &'static Location<'static>,
    ) -> Option<Claim> {
        self.available = self.available.checked_sub(permits)?;
        self.acquired += 1;
        Some(Claim { permits, key: self.ledger.add(agent, permits, at) })
    }
}

impl State {
    /// Names those who have to go on before so many permits are there: nothing but the guards in the
    /// ledger adds any. Instead of any of them `or_else` may go on.
    fn tell_needed(
        &self,
        permits: usize,
        bound: usize,
        or_else: Option<Agent>,
        blockers: &mut Blockers,
    ) {
        if permits <= self.available {
            return;
        }
        // At least one guard has to be dropped ...
        blockers.also(|condition| {
            for Holding { agent, .. } in self.ledger.holdings() {
                if agent.is_alive() { condition.any_of(*agent) } else { condition.ended(*agent) }
            }
            or_else.into_iter().for_each(|agent| condition.any_of(agent));
        });
        // ... and those of each holder that has so many that the others' are not enough.
        if permits > 1 {
            for (agent, held) in self.ledger.totals() {
                if held > bound - permits {
                    blockers.also(|condition| {
                        condition.any_of(agent);
                        or_else.into_iter().for_each(|agent| condition.any_of(agent));
                    });
                }
            }
        }
    }
}

/// Part of [`Core::settle`].
fn settle(entry: &mut Entry<'_>) {
    while let Some((ticket, state)) = entry.front_and_state() {
        let Some(claim) = state.take(ticket.permits, ticket.agent, ticket.at) else { return };
        state.contended += 1;
        ticket.key = claim.key;
        let agent = ticket.agent;
        entry.grant_front();
        if entry.waiting() > 0
            && let Some(agent) = agent
        {
            agent.note_awaited();
        }
    }
}

impl fmt::Display for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "semaphore '{name}'"),
            None => write!(f, "semaphore made at {}", self.made_at),
        }
    }
}

impl Resource for Core {
    fn blockers(&self, waiter: Agent, blockers: &mut Blockers) {
        let mut entry = self.monitor.enter();
        let is_his = |ticket: &Ticket| ticket.agent == Some(waiter);
        let Some(front) =
            entry.front().map(|ticket| (is_his(ticket), ticket.agent, ticket.permits))
        else {
            return blockers.may_end();
        };
        let (permits, before) = match front {
            (true, _, permits) => (permits, None),
            (false, agent, wanted) => {
                let Some(permits) = entry.latest(is_his).map(|ticket| ticket.permits) else {
                    // It was granted, and has not noticed yet.
                    return blockers.may_end();
                };
                (permits, agent.map(|agent| (agent, wanted)))
            }
        };
        let is_closed = !entry.has_strayed && entry.forgotten == 0 && entry.ledger.is_complete();
        let Some(bound) = self.bound.filter(|_| is_closed && entry.ledger.len() <= HOLDERS_MAX)
        else {
            return;
        };
        // Nobody is served before whoever waits longest: that one has to be served, whatever it does
        // meanwhile, or to give its wait up.
        if let Some((agent, wanted)) = before {
            entry.tell_needed(wanted, bound, Some(agent), blockers);
        }
        entry.tell_needed(permits, bound, None, blockers);
    }

    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }

    fn held_since(&self, holder: Agent) -> Option<&'static Location<'static>> {
        let entry = self.monitor.enter();
        let holding = entry.ledger.holdings().find(|holding| holding.agent == holder);
        holding.map(|holding| holding.taken_at)
    }

    fn id(&self) -> Option<usize> {
        Some(std::ptr::from_ref(self).addr())
    }
}

/// The wait for permits.
pub(super) struct Request<'a> {
    pub(super) core: &'a Arc<Core>,
    pub(super) permits: usize,
    pub(super) agent: Option<Agent>,
    pub(super) at: &'static Location<'static>,
    /// Whether it has waited before, and stood aside: it keeps its place.
    pub(super) has_waited: bool,
}

impl Repeatable for Request<'_> {}

impl<'a> Request<'a> {
    #[inline(always)]
    pub(super) fn new(
        core: &'a Arc<Core>,
        permits: usize,
        agent: Option<Agent>,
        at: &'static Location<'static>,
    ) -> Request<'a> {
        Request { core, permits, agent, at, has_waited: false }
    }
}

impl Protocol for Request<'_> {
    type State = State;
    type Ticket = Ticket;
    type Output = Result<Claim, Deadlock>;

    fn attempt(&mut self, entry: &mut Entry<'_>) -> Attempt<Self::Output, Ticket> {
        let Request { permits, agent, at, .. } = *self;
        // Who stood aside comes before all others.
        if (entry.waiting() == 0 || permits == 0 || self.has_waited)
            && let Some(claim) = entry.take(permits, agent, at)
        {
            self.core.show(entry);
            return Attempt::Ready(Ok(claim));
        }
        // Whoever gets some while others wait is told so then.
        if entry.waiting() == 0 && entry.ledger.len() <= HOLDERS_MAX {
            entry.ledger.holdings().for_each(|holding| holding.agent.note_awaited());
        }
        let ticket = Ticket { permits, agent, at, key: Key::ANONYMOUS };
        let is_new = !std::mem::replace(&mut self.has_waited, true);
        if is_new { Attempt::Wait(ticket) } else { Attempt::WaitInFront(ticket) }
    }

    fn granted(&mut self, ticket: Ticket) -> Granted<Self::Output> {
        Granted::Ready(Ok(Claim { permits: ticket.permits, key: ticket.key }))
    }

    fn given_up(&mut self, entry: &mut Entry<'_>, _ticket: Ticket) {
        // Those behind may have waited only because this one wanted more.
        self.core.settle(entry);
    }

    fn unclaimed(&mut self, entry: &mut Entry<'_>, ticket: Ticket) {
        entry.ledger.remove(ticket.key, ticket.permits);
        entry.available = entry.available.saturating_add(ticket.permits);
        self.core.settle(entry);
    }

    fn edge(&self) -> Arc<dyn Resource> {
        Arc::<Core>::clone(self.core)
    }

    fn deadlocked(&mut self, deadlock: Deadlock) -> Self::Output {
        Err(deadlock)
    }
}
