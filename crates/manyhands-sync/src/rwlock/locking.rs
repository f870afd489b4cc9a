//! The slow way to a read-write lock: the protocol of those who wait for it.

use std::panic::Location;
use std::sync::Arc;
use std::time::Instant;

use manyhands_wait::{Deadlock, Resource};

use super::core::{Core, CoreEntry, Mode, State, Ticket, Woken};
use super::edge::Edge;
use super::word::{FREE, Place, WAITERS, WRITER, is_free};
use crate::owner::Owner;
use crate::waiters::{Attempt, Granted, Protocol, Repeatable};

/// Ends with the lock held by `owner`.
pub(super) struct Locking<'a> {
    core: &'a Arc<Core>,
    mode: Mode,
    owner: Owner,
    at: &'static Location<'static>,
    is_async: bool,
    /// Whether the owner held the lock to write when the wait began.
    held_before: bool,
    since: Option<Instant>,
    tries: u32,
    /// Whether it was woken and has not tried since.
    was_woken: bool,
}

impl<'a> Locking<'a> {
    pub(super) fn new(
        core: &'a Arc<Core>,
        mode: Mode,
        owner: Owner,
        at: &'static Location<'static>,
        is_async: bool,
    ) -> Locking<'a> {
        let held_before =
            owner != Owner::ANONYMOUS && core.writer().is_some_and(|(writer, _)| writer == owner);
        let (since, tries, was_woken) = (None, 0, false);
        Locking { core, mode, owner, at, is_async, held_before, since, tries, was_woken }
    }

    /// What is waited for, for as long as the wait borrows it.
    pub(super) fn edge(&self) -> Edge<&'a Core> {
        Edge { core: self.core, mode: self.mode, held_before: self.held_before }
    }

    /// Takes the lock under the monitor's lock, if that is possible; if not, the word that says so.
    pub(super) fn take(&self, entry: &mut CoreEntry<'_>) -> Result<Place, u64> {
        if self.core.word() == WAITERS && entry.woken.is_none() && !self.was_woken {
            // Its last holder has left and comes here in a moment: those who wait are first.
            self.core.see_to_waiters(entry);
        }
        let has_queue = entry.waiting() > 0;
        let is_new = self.since.is_none();
        let is_reliable = entry.woken.is_some_and(Woken::is_reliable);
        loop {
            let word = self.core.word();
            match self.mode {
                Mode::Write if is_free(word) => {
                    let flag = if has_queue && !is_reliable { WAITERS } else { FREE };
                    if self.core.replace(word, WRITER | flag) {
                        self.core.note_writer(self.owner, self.at);
                        return Ok(Place::Standing);
                    }
                }
                // Behind others that wait only if readers have it: a writer among them is next. Who has
                // waited before, and stood aside, comes before them.
                Mode::Read if is_free(word) || (word & WRITER == 0 && (!has_queue || !is_new)) => {
                    if let Ok(place) = self.core.seat_reader(word, self.owner, self.at) {
                        return Ok(place);
                    }
                }
                _ => return Err(word),
            }
        }
    }

    /// The same; if it is not possible, whoever has the lock is told that somebody waits.
    fn take_or_queue(&self, entry: &mut CoreEntry<'_>) -> Option<Place> {
        loop {
            match self.take(entry) {
                Ok(place) => {
                    if entry.waiting() > 0 {
                        self.owner.note_awaited();
                    }
                    return Some(place);
                }
                Err(word) if word & WAITERS != 0 || self.core.replace(word, word | WAITERS) => {
                    self.core.note_awaited();
                    return None;
                }
                Err(_) => {}
            }
        }
    }
}

impl Protocol for Locking<'_> {
    type State = State;
    type Ticket = Ticket;
    type Output = Result<Place, Deadlock>;

    fn attempt(&mut self, entry: &mut CoreEntry<'_>) -> Attempt<Result<Place, Deadlock>, Ticket> {
        if self.was_woken {
            entry.woken = None;
        }
        let taken = self.take_or_queue(entry);
        self.was_woken = false;
        if let Some(place) = taken {
            if let Some(since) = self.since {
                entry.statistics.count(since.elapsed());
            }
            return Attempt::Ready(Ok(place));
        }
        // Who has waited before was not quick enough, or stood aside.
        let is_new = self.since.is_none();
        let ticket = Ticket {
            mode: self.mode,
            owner: self.owner,
            at: self.at,
            since: *self.since.get_or_insert_with(Instant::now),
            tries: self.tries,
            is_async: self.is_async,
            handed: None,
        };
        if is_new { Attempt::Wait(ticket) } else { Attempt::WaitInFront(ticket) }
    }

    fn granted(&mut self, ticket: Ticket) -> Granted<Result<Place, Deadlock>> {
        match ticket.handed {
            Some(place) => Granted::Ready(Ok(place)),
            None => {
                self.was_woken = true;
                self.tries += 1;
                Granted::Retry
            }
        }
    }

    fn given_up(&mut self, entry: &mut CoreEntry<'_>, _ticket: Ticket) {
        // Readers behind a writer need not wait for it any more.
        self.core.see_to_waiters(entry);
    }

    fn unclaimed(&mut self, entry: &mut CoreEntry<'_>, ticket: Ticket) {
        match ticket.handed {
            Some(place) => self.core.take_back(entry, ticket.mode, place),
            None => self.core.see_to_others(entry),
        }
    }

    fn edge(&self) -> Arc<dyn Resource> {
        let core = Arc::clone(self.core);
        Arc::new(Edge { core, mode: self.mode, held_before: self.held_before })
    }

    fn deadlocked(&mut self, deadlock: Deadlock) -> Result<Place, Deadlock> {
        Err(deadlock)
    }
}

impl Repeatable for Locking<'_> {}
