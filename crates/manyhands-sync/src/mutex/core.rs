//! What a mutex has besides its word once somebody waits for it, or if it has a name.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::Instant;

use super::hold::{FREE, Hold, WAITERS};
use crate::owner::Owner;
use crate::patience::Patience;
use crate::statistics::LockStatistics;
use crate::waiters::{Entry, Monitor};

/// Made when it is needed first; shared with the wait-for graph by async waits, whose futures may be
/// forgotten and so must not be relied on to keep the mutex in its place.
pub(crate) struct Core {
    pub(super) monitor: Monitor<State, Ticket>,
    /// The word, once it has been moved here.
    pub(super) hold: Hold,
    name: Option<Arc<str>>,
    kind: &'static str,
    made_at: &'static Location<'static>,
}

/// What changes under the monitor's lock. The README has the invariants.
pub(super) struct State {
    /// Whether a waiter was woken that has not tried to take the lock since. It sees to the others.
    pub(super) woken: Woken,
    patience: Patience,
    pub(super) statistics: LockStatistics,
}

/// Whom those in the queue may rely on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Woken {
    Nobody,
    /// A thread or coroutine, which tries at once.
    Sync,
    /// A future, which tries when it is polled, if it ever is.
    Async,
}

/// What a waiter tells.
pub(crate) struct Ticket {
    pub(super) owner: Owner,
    pub(super) at: &'static Location<'static>,
    pub(super) since: Instant,
    /// How many times it was woken in vain.
    pub(super) tries: u32,
    pub(super) is_async: bool,
    /// Set by a holder who gives it the lock.
    pub(super) handed: bool,
}

impl Core {
    pub(super) fn new(
        kind: &'static str,
        name: Option<Arc<str>>,
        made_at: &'static Location<'static>,
    ) -> Arc<Core> {
        let (patience, statistics) = (Patience::new(), LockStatistics::NONE);
        let state = State { woken: Woken::Nobody, patience, statistics };
        let (monitor, hold) = (Monitor::new(state), Hold::new());
        Arc::new(Core { monitor, hold, name, kind, made_at })
    }

    pub(super) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    pub(super) fn statistics(&self) -> LockStatistics {
        let entry = self.monitor.enter();
        LockStatistics { waiting: entry.waiting(), ..entry.statistics }
    }

    pub(super) fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{} '{name}'", self.kind),
            None => write!(f, "{} made at {}", self.kind, self.made_at),
        }
    }
}

impl Woken {
    fn of(ticket: &Ticket) -> Woken {
        if ticket.is_async { Woken::Async } else { Woken::Sync }
    }

    /// Whether those in the queue can rely on somebody to try, without whoever releases the lock.
    pub(super) fn is_reliable(self) -> bool {
        self == Woken::Sync
    }
}

/// Releases the lock, by its holder and under the monitor's lock: gives it to whoever waits longest if
/// that has been too long, or else to anybody, and wakes whoever waits longest to try.
pub(super) fn release(entry: &mut Entry<'_, State, Ticket>, hold: &Hold) {
    hold.forget_place();
    let is_last = entry.waiting() == 1;
    if entry.woken.is_reliable() {
        return hold.set(FREE);
    }
    let Some((ticket, state)) = entry.front_and_state() else {
        return hold.set(FREE);
    };
    let now = Instant::now();
    if state.patience.is_over(now, ticket.since, ticket.tries) {
        ticket.handed = true;
        state.statistics.handed_over += 1;
        state.statistics.count(now.saturating_duration_since(ticket.since));
        hold.note(ticket.at);
        hold.set(ticket.owner.word() | if is_last { FREE } else { WAITERS });
        if !is_last {
            ticket.owner.note_awaited();
        }
    } else {
        state.woken = Woken::of(ticket);
        hold.set(flag_of_free(is_last, state.woken));
    }
    entry.grant_front();
}

/// Releases the lock that was handed to a waiter which has gone away without it.
pub(super) fn take_back(entry: &mut Entry<'_, State, Ticket>, hold: &Hold) {
    entry.patience.take_back();
    release(entry, hold);
}

/// After a waiter that was woken has gone away without trying: another has to see to the rest.
pub(super) fn see_to_others(entry: &mut Entry<'_, State, Ticket>, hold: &Hold) {
    entry.woken = Woken::Nobody;
    loop {
        let is_last = entry.waiting() == 1;
        let Some(woken) = entry.front().map(|ticket| Woken::of(ticket)) else { return };
        let word = hold.word();
        if Owner::of_word(word).is_none() {
            if hold.replace(word, flag_of_free(is_last, woken)) {
                entry.woken = woken;
                entry.grant_front();
                return;
            }
        } else if word & WAITERS != 0 || hold.replace(word, word | WAITERS) {
            return;
        }
    }
}

/// The word of a free lock: if those who wait cannot rely on whoever was woken, the next holder has to
/// see to them.
fn flag_of_free(is_last: bool, woken: Woken) -> u64 {
    if is_last || woken.is_reliable() { FREE } else { WAITERS }
}
