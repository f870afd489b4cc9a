//! A wait for a read-write lock in the wait-for graph.

use std::fmt;
use std::ops::Deref;
use std::panic::Location;

use manyhands_wait::{Agent, Blockers, Resource};

use super::core::{Core, Mode};
use super::word::{WRITER, has_readers, seats};
use crate::owner::Owner;

/// What somebody waits for: through a borrow for a thread or coroutine, shared for an async task.
pub(super) struct Edge<C> {
    pub(super) core: C,
    pub(super) mode: Mode,
    /// Whether the waiter holds the lock to write already.
    pub(super) held_before: bool,
}

impl<C: Deref<Target = Core> + Send + Sync> Resource for Edge<C> {
    fn blockers(&self, waiter: Agent, blockers: &mut Blockers) {
        let word = self.core.word();
        if word & WRITER != 0 {
            match self.core.writer().and_then(|(writer, _)| writer.agent()) {
                // It was handed over, or taken in the wait itself.
                Some(writer) if writer == waiter && !self.held_before => blockers.may_end(),
                writer => needs(writer, blockers),
            }
        } else if self.mode == Mode::Read {
            needs(self.writer_ahead(waiter), blockers);
        } else if has_readers(word) {
            // Every reader has to leave. Nothing is said of those who are not known.
            let known = seats(word).filter_map(|seat| self.core.readers.look(seat));
            known.for_each(|(reader, _)| blockers.also(|also| needs(Some(reader), also)));
        } else {
            blockers.may_end();
        }
    }

    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.core.name {
            Some(name) => write!(f, "read-write lock '{name}'")?,
            None => write!(f, "read-write lock made at {}", self.core.made_at)?,
        }
        f.write_str(match self.mode {
            Mode::Read => " to read",
            Mode::Write => " to write",
        })
    }

    fn held_since(&self, holder: Agent) -> Option<&'static Location<'static>> {
        if let Some((writer, at)) = self.core.writer()
            && writer == Owner::of(holder)
        {
            return at;
        }
        let readers = seats(self.core.word()).filter_map(|seat| self.core.readers.look(seat));
        readers.filter(|(reader, _)| *reader == holder).find_map(|(_, at)| at)
    }

    fn id(&self) -> Option<usize> {
        Some(std::ptr::from_ref::<Core>(&self.core).addr())
    }
}

impl<C: Deref<Target = Core>> Edge<C> {
    /// The writer that a reader waits behind while others read; `None` if it is not known, or if the
    /// reader was let in already.
    fn writer_ahead(&self, reader: Agent) -> Option<Agent> {
        let mut entry = self.core.monitor.enter();
        let reader = Owner::of(reader);
        // Whoever looks has nearly always queued up last.
        entry.latest(|ticket| ticket.owner == reader && ticket.mode == Mode::Read)?;
        let woken = entry.woken.map(|woken| woken.owner);
        let front = entry.front().filter(|front| front.mode == Mode::Write);
        woken.or(front.map(|front| front.owner)).and_then(Owner::agent)
    }
}

/// `agent` has to go on, if it is known who that is.
fn needs(agent: Option<Agent>, blockers: &mut Blockers) {
    match agent {
        Some(agent) if agent.is_alive() => {
            // It may not have been known yet when somebody queued up.
            agent.note_awaited();
            blockers.any_of(agent);
        }
        Some(agent) => blockers.ended(agent),
        None => blockers.may_end(),
    }
}
