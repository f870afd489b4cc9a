//! What a barrier is behind its handle: rounds and waiters, and how it shows itself.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use manyhands_wait::{Agent, Blockers, Resource};

use super::round::{State, Ticket};
use crate::signal::Signal;
use crate::waiters::{Entry, Monitor};

/// Shared with the wait-for graph.
pub(super) struct Core {
    pub(super) monitor: Monitor<State, Ticket>,
    pub(super) signal: Signal,
    parties: usize,
}

impl Core {
    pub(super) fn new(
        parties: usize,
        name: Option<Arc<str>>,
        made_at: &'static Location<'static>,
    ) -> Core {
        let signal = Signal::new("barrier", made_at);
        let signal = match name {
            Some(name) => signal.named(name),
            None => signal,
        };
        Core { monitor: Monitor::new(State::new(parties)), signal, parties }
    }

    /// How many have arrived and wait.
    pub(super) fn waiting(&self) -> usize {
        arrived(&mut self.monitor.enter())
    }

    pub(super) fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Barrier");
        if let Some(name) = self.signal.name() {
            shown.field("name", &name);
        }
        shown.field("parties", &self.parties);
        if let Some(mut entry) = self.monitor.try_enter() {
            let (waiting, broken) = (arrived(&mut entry), entry.broken);
            drop(entry);
            shown.field("waiting", &waiting).field("broken", &broken);
        }
        shown.finish()
    }
}

fn arrived(entry: &mut Entry<'_, State, Ticket>) -> usize {
    let mut waiting = 0;
    entry.each(|ticket| waiting += usize::from(ticket.has_arrived()));
    waiting
}

impl Resource for Core {
    fn blockers(&self, waiter: Agent, blockers: &mut Blockers) {
        // Whoever arrives next may be anybody.
        self.signal.blockers(waiter, blockers);
    }

    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} of {} have arrived)", self.signal, self.waiting(), self.parties)
    }
}
