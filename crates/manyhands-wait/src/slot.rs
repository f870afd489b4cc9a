//! The place of a context, and what it shows to those who look.
//!
//! A slot is never freed, so that a walk along who waits for whom may look at it at any time. What it
//! shows is one pointer, to the [`Publication`] of a
//! wait that lies on the stack of whoever waits. The lowest bit of that pointer is a lock: a reader
//! sets it while it looks, and the waiter does not leave its wait before it is gone.

use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{self, AtomicU8};

use crate::agent::{Agent, GENERATION_BITS};
use crate::context::ContextKind;
use crate::departed::remember;
use crate::holder_ended::look_soon;
use crate::primitive::{AtomicPtr, AtomicU64, Mutex, MutexGuard, Ordering, lock};
use crate::publication::Publication;
use crate::spin::Backoff;

/// Set in the word of a slot whose occupant has ended.
const ENDED: u64 = 1 << 63;
/// Set in the word of a slot whose occupant has held something that others waited for.
const AWAITED: u64 = 1 << 62;
/// Set in the pointer of a slot that somebody looks at.
const LOCKED: usize = 1;

/// A place in the table; lives for ever, used by one context after the other.
///
/// What a wait touches comes first, on one cache line.
#[repr(C, align(64))]
pub(crate) struct Slot {
    /// What it waits for, and the lock. Null while it does not wait.
    wait: AtomicPtr<Publication>,
    /// Numbers the publications; written by the occupant alone.
    epoch: AtomicU64,
    /// The bits of the agent that is here, or was, with [`ENDED`] and [`AWAITED`]. 0 before the first.
    word: AtomicU64,
    /// Counts the occupants of all slots: the number that people see.
    id: AtomicU64,
    index: u32,
    kind: AtomicU8,
    /// The bits of the executor that alone lets the occupant go on, one task at a time; 0 if there is none.
    turn_of: atomic::AtomicU64,
    /// The name, with the occupant that has it: nobody has to take away that of an ended one.
    name: Mutex<Option<(Agent, Arc<str>)>>,
}

/// Which of a slot's publications one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    at: usize,
    epoch: u64,
}

impl Mark {
    /// Of somebody who shows no wait.
    pub(crate) const NO_WAIT: Mark = Mark { at: 0, epoch: 0 };

    /// Whether both are of one wait, which may be shown in several slots.
    pub(crate) fn is_same_wait(self, other: Mark) -> bool {
        self.at == other.at && self != Mark::NO_WAIT
    }
}

impl Slot {
    pub(crate) fn new(index: u32) -> Slot {
        Slot {
            index,
            kind: AtomicU8::new(0),
            word: AtomicU64::new(0),
            id: AtomicU64::new(0),
            wait: AtomicPtr::new(ptr::null_mut()),
            epoch: AtomicU64::new(0),
            turn_of: atomic::AtomicU64::new(0),
            name: Mutex::new(None),
        }
    }

    /// Who is here, if anybody.
    #[inline]
    pub(crate) fn agent(&self) -> Option<Agent> {
        let word = self.word.load(Ordering::Acquire);
        if word & ENDED == 0 { Agent::from_bits(word & !AWAITED) } else { None }
    }

    pub(crate) fn is_of(&self, agent: Agent) -> bool {
        self.word.load(Ordering::Acquire) & !AWAITED == agent.to_bits()
    }

    /// Says that others wait for something that `agent` holds, unless it has ended.
    #[inline]
    pub(crate) fn note_awaited(&self, agent: Agent) {
        let plain = agent.to_bits();
        if self.word.load(Ordering::Relaxed) == plain {
            let awaited = plain | AWAITED;
            let (set, failed) = (Ordering::Relaxed, Ordering::Relaxed);
            let _has_ended = self.word.compare_exchange(plain, awaited, set, failed);
        }
    }

    /// The number of whoever is here.
    pub(crate) fn id(&self) -> u64 {
        self.id.load(Ordering::Relaxed)
    }

    /// Makes this the place of a new context.
    pub(crate) fn begin(&self, kind: ContextKind, name: Option<Arc<str>>) -> Agent {
        let before = self.word.load(Ordering::Relaxed) & !(ENDED | AWAITED);
        let generation = Agent::from_bits(before).map_or(0, Agent::generation) + 1;
        let agent = Agent::of(self.index, generation).expect("generations begin with 1");
        self.kind.store(kind as u8, Ordering::Relaxed);
        self.id.store(next_id(), Ordering::Relaxed);
        self.turn_of.store(0, Ordering::Relaxed);
        if let Some(name) = name {
            *self.lock_name() = Some((agent, name));
        }
        self.word.store(agent.to_bits(), Ordering::Release);
        agent
    }

    /// Says that whoever was here has ended. Its name is remembered for a while, except a coroutine's:
    /// they come and go too quickly. If others have waited for what it held, they are looked after.
    pub(crate) fn end(&self) {
        let kind = ContextKind::of(self.kind.load(Ordering::Relaxed));
        if cfg!(not(manyhands_loom))
            && kind != ContextKind::Coroutine
            && let Some(agent) = self.agent()
            && let Some((kind, name)) = self.describe(agent)
        {
            remember(agent, kind, name);
        }
        // One exchange: either this sees that it was awaited, or who finds it so sees that it has ended.
        if self.word.fetch_or(ENDED, Ordering::AcqRel) & (ENDED | AWAITED) == AWAITED {
            look_soon();
        }
    }

    /// Whether the slot can be given to yet another context without using an agent twice.
    pub(crate) fn has_agents_left(&self) -> bool {
        let before = self.word.load(Ordering::Relaxed) & !(ENDED | AWAITED);
        Agent::from_bits(before).is_none_or(|agent| agent.generation() < (1 << GENERATION_BITS) - 1)
    }

    /// Kind, number and name of `agent`, unless it has ended.
    pub(crate) fn describe(&self, agent: Agent) -> Option<(ContextKind, Arc<str>)> {
        let name = self.lock_name();
        let (kind, id) = (ContextKind::of(self.kind.load(Ordering::Relaxed)), self.id());
        if !self.is_of(agent) {
            return None;
        }
        let name = match &*name {
            Some((of, name)) if *of == agent => Arc::clone(name),
            _ => format!("{kind}-{id}").into(),
        };
        Some((kind, name))
    }

    /// Gives `agent` another name, unless it has ended.
    pub(crate) fn rename(&self, agent: Agent, name: Arc<str>) {
        let mut place = self.lock_name();
        if self.is_of(agent) {
            *place = Some((agent, name));
        }
    }

    /// Says which executor alone lets the occupant go on, one task at a time. Called by the occupant.
    pub(crate) fn set_turn_of(&self, executor: Option<Agent>) {
        // After the word: who sees it sees whose it is.
        self.turn_of.store(executor.map_or(0, Agent::to_bits), Ordering::Release);
    }

    /// The executor without whose going on `agent` does not go on, if it is here and there is one.
    pub(crate) fn turn_of(&self, agent: Agent) -> Option<Agent> {
        if self.turn_of.load(Ordering::Relaxed) == 0 {
            return None;
        }
        // Asked twice: what is read in between is of that occupant.
        let is_here = self.is_of(agent);
        let executor = Agent::from_bits(self.turn_of.load(Ordering::Acquire));
        executor.filter(|_| is_here && self.is_of(agent))
    }

    fn lock_name(&self) -> MutexGuard<'_, Option<(Agent, Arc<str>)>> {
        lock(&self.name)
    }

    /// Shows `publication` in place of what was shown, which is returned. Null shows nothing. Called
    /// by the occupant alone.
    ///
    /// # Safety
    /// What is shown must stay valid until another call has returned that takes it back.
    pub(crate) unsafe fn show(&self, publication: *const Publication) -> *const Publication {
        if !publication.is_null() {
            // Before the pointer: who sees that sees this or a later one. A reader that still has the
            // lock on what was shown may see it too early, and finds it changed; the pointer tells
            // what was shown then from what is shown now.
            self.epoch.store(self.epoch.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        }
        let before = self.wait.load(Ordering::Relaxed);
        if before.is_null() {
            // Nobody locks a slot that shows nothing.
            self.wait.store(publication.cast_mut(), Ordering::Release);
            return before;
        }
        let before = before.map_addr(|address| address & !LOCKED);
        let mut backoff = Backoff::new();
        while self
            .wait
            .compare_exchange_weak(
                before,
                publication.cast_mut(),
                Ordering::AcqRel,
                Ordering::Relaxed,
            )
            .is_err()
        {
            backoff.pause();
        }
        before
    }

    /// Whether a wait is shown here.
    pub(crate) fn shows_something(&self) -> bool {
        !self.wait.load(Ordering::Relaxed).is_null()
    }

    /// Calls `look` with what is shown here, if anything is; it stays shown for as long. The mark is
    /// the same twice only if it was shown all the time in between.
    pub(crate) fn read<R>(&self, look: impl FnOnce(&Publication, Mark) -> R) -> Option<R> {
        struct Unlock<'a>(&'a Slot, *mut Publication);
        impl Drop for Unlock<'_> {
            fn drop(&mut self) {
                self.0.wait.store(self.1, Ordering::Release);
            }
        }
        let mut backoff = Backoff::new();
        let shown = loop {
            let seen = self.wait.load(Ordering::Relaxed);
            if seen.is_null() {
                return None;
            }
            if seen.addr() & LOCKED == 0
                && self
                    .wait
                    .compare_exchange_weak(
                        seen,
                        seen.map_addr(|address| address | LOCKED),
                        Ordering::AcqRel,
                        Ordering::Relaxed,
                    )
                    .is_ok()
            {
                break seen;
            }
            backoff.pause();
        };
        let _unlock = Unlock(self, shown);
        // SAFETY: whoever shows it keeps it valid until it has taken it back, and that waits until
        // the lock is gone.
        let publication = unsafe { &*shown };
        let mark = Mark { at: shown.addr(), epoch: self.epoch.load(Ordering::Relaxed) };
        Some(look(publication, mark))
    }
}

fn next_id() -> u64 {
    use std::sync::atomic::AtomicU64;
    static NEXT_ID: AtomicU64 = AtomicU64::new(1);
    NEXT_ID.fetch_add(1, Ordering::Relaxed)
}

#[cfg(all(test, not(manyhands_loom)))]
mod tests {
    use super::*;

    #[test]
    fn an_agent_is_never_used_twice() {
        let slot = Slot::new(7);
        let mut seen: Vec<Agent> = (0..100)
            .map(|_| {
                let agent = slot.begin(ContextKind::Thread, None);
                assert!(slot.is_of(agent) && slot.agent() == Some(agent));
                slot.end();
                assert!(!slot.is_of(agent) && slot.agent().is_none());
                agent
            })
            .collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 100);
    }

    #[test]
    fn a_slot_that_has_had_all_its_agents_is_not_used_again() {
        let slot = Slot::new(7);
        slot.word.store(
            Agent::of(7, (1 << GENERATION_BITS) - 2).unwrap().to_bits() | ENDED,
            Ordering::Relaxed,
        );
        assert!(slot.has_agents_left());
        let last = slot.begin(ContextKind::Thread, None);
        slot.end();
        assert!(!slot.has_agents_left());
        assert!(last.to_bits() < 1 << 62);
    }
}
