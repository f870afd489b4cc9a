//! The slow way to a lock: the protocol of those who wait for it.

use std::panic::Location;
use std::sync::Arc;
use std::time::Instant;

use manyhands_wait::{Deadlock, Resource};

use super::core::{Core, State, Ticket, Woken, see_to_others, take_back};
use super::edge::AsyncEdge;
use super::hold::WAITERS;
use super::raw::RawMutex;
use crate::owner::Owner;
use crate::waiters::{Attempt, Entry, Granted, Protocol, Repeatable};

/// Ends with the lock held by `owner`.
pub(super) struct Locking<'a> {
    pub(super) raw: &'a RawMutex,
    pub(super) core: &'a Arc<Core>,
    pub(super) owner: Owner,
    pub(super) at: &'static Location<'static>,
    pub(super) is_async: bool,
    /// Whether the owner held the lock when the wait began.
    pub(super) held_before: bool,
    pub(super) progress: Progress,
}

/// How far a wait has come.
#[derive(Default)]
pub(super) struct Progress {
    since: Option<Instant>,
    tries: u32,
    /// Whether it was woken and has not tried since: those in the queue rely on it.
    woken: bool,
}

impl Protocol for Locking<'_> {
    type State = State;
    type Ticket = Ticket;
    type Output = Result<(), Deadlock>;

    fn attempt(
        &mut self,
        entry: &mut Entry<'_, State, Ticket>,
    ) -> Attempt<Result<(), Deadlock>, Ticket> {
        if std::mem::take(&mut self.progress.woken) {
            entry.woken = Woken::Nobody;
        }
        if self.is_async && self.owner.agent().is_some() {
            self.raw.move_word(self.core);
        }
        let hold = self.raw.hold(self.core);
        loop {
            let word = hold.word();
            let Some(holder) = Owner::of_word(word) else {
                let others_wait = entry.waiting() > 0 && !entry.woken.is_reliable();
                let flag = if others_wait { WAITERS } else { 0 };
                if hold.replace(word, self.owner.word() | flag) {
                    hold.note(self.at);
                    if entry.waiting() > 0 {
                        self.owner.note_awaited();
                    }
                    if let Some(since) = self.progress.since {
                        entry.statistics.count(since.elapsed());
                    }
                    return Attempt::Ready(Ok(()));
                }
                continue;
            };
            if word & WAITERS != 0 || hold.replace(word, word | WAITERS) {
                holder.note_awaited();
                break;
            }
        }
        // Who has waited before was not quick enough, or stood aside.
        let is_new = self.progress.since.is_none();
        let ticket = Ticket {
            owner: self.owner,
            at: self.at,
            since: *self.progress.since.get_or_insert_with(Instant::now),
            tries: self.progress.tries,
            is_async: self.is_async,
            handed: false,
        };
        if is_new { Attempt::Wait(ticket) } else { Attempt::WaitInFront(ticket) }
    }

    fn granted(&mut self, ticket: Ticket) -> Granted<Result<(), Deadlock>> {
        if ticket.handed {
            return Granted::Ready(Ok(()));
        }
        self.progress.woken = true;
        self.progress.tries += 1;
        Granted::Retry
    }

    fn unclaimed(&mut self, entry: &mut Entry<'_, State, Ticket>, ticket: Ticket) {
        let hold = self.raw.hold(self.core);
        if ticket.handed { take_back(entry, hold) } else { see_to_others(entry, hold) }
    }

    fn edge(&self) -> Arc<dyn Resource> {
        let core = Arc::clone(self.core);
        Arc::new(AsyncEdge { core, held_before: self.held_before })
    }

    fn deadlocked(&mut self, deadlock: Deadlock) -> Result<(), Deadlock> {
        Err(deadlock)
    }
}

impl Repeatable for Locking<'_> {}
