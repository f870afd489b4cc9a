//! The places of contexts: a table that only grows, and what each place shows to those who look.
//!
//! A slot is found by its number without a lock and is never freed, so that a walk along who waits
//! for whom may look at it at any time. What it shows is one pointer, to the [`Publication`] of a
//! wait that lies on the stack of whoever waits. The lowest bit of that pointer is a lock: a reader
//! sets it while it looks, and the waiter does not leave its wait before it is gone.

use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::agent::{Agent, GENERATION_BITS, INDEX_BITS};
use crate::context::ContextKind;
use crate::publication::Publication;
use crate::spin::Backoff;

/// Set in the word of a slot whose occupant has ended.
const ENDED: u64 = 1 << 63;
/// Set in the pointer of a slot that somebody looks at.
const LOCKED: usize = 1;
/// How many slots the first chunk has; each further one has twice as many.
const FIRST_CHUNK: usize = 64;
/// As many as the bits of a slot's number allow.
const CHUNKS: usize = INDEX_BITS as usize - FIRST_CHUNK.trailing_zeros() as usize;

/// A place in the table; lives for ever, used by one context after the other.
#[repr(align(64))]
pub(crate) struct Slot {
    index: u32,
    kind: AtomicU8,
    /// The bits of the agent that is here, or was, with [`ENDED`]. 0 before the first.
    word: AtomicU64,
    /// Counts the occupants of all slots: the number that people see.
    id: AtomicU64,
    /// What it waits for, and the lock. Null while it does not wait.
    wait: AtomicPtr<Publication>,
    /// Numbers the publications; written by the occupant alone.
    epoch: AtomicU64,
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
    /// Whether both are of one wait, which may be shown in several slots.
    pub(crate) fn is_same_wait(self, other: Mark) -> bool {
        self.at == other.at
    }
}

impl Slot {
    fn new(index: u32) -> Slot {
        Slot {
            index,
            kind: AtomicU8::new(0),
            word: AtomicU64::new(0),
            id: AtomicU64::new(0),
            wait: AtomicPtr::new(ptr::null_mut()),
            epoch: AtomicU64::new(0),
            name: Mutex::new(None),
        }
    }

    /// Who is here, if anybody.
    #[inline]
    pub(crate) fn agent(&self) -> Option<Agent> {
        let word = self.word.load(Ordering::Acquire);
        if word & ENDED == 0 { Agent::from_bits(word) } else { None }
    }

    pub(crate) fn is_of(&self, agent: Agent) -> bool {
        self.word.load(Ordering::Acquire) == agent.to_bits()
    }

    /// The number of whoever is here.
    pub(crate) fn id(&self) -> u64 {
        self.id.load(Ordering::Relaxed)
    }

    /// Makes this the place of a new context.
    pub(crate) fn begin(&self, kind: ContextKind, name: Option<Arc<str>>) -> Agent {
        let before = self.word.load(Ordering::Relaxed) & !ENDED;
        let generation = Agent::from_bits(before).map_or(0, Agent::generation) + 1;
        let agent = Agent::of(self.index, generation).expect("generations begin with 1");
        self.kind.store(kind as u8, Ordering::Relaxed);
        self.id.store(next_id(), Ordering::Relaxed);
        if let Some(name) = name {
            *self.lock_name() = Some((agent, name));
        }
        self.word.store(agent.to_bits(), Ordering::Release);
        agent
    }

    /// Says that whoever was here has ended.
    pub(crate) fn end(&self) {
        self.word.store(self.word.load(Ordering::Relaxed) | ENDED, Ordering::Release);
    }

    /// Whether the slot can be given to yet another context without using an agent twice.
    fn has_agents_left(&self) -> bool {
        let before = self.word.load(Ordering::Relaxed) & !ENDED;
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

    fn lock_name(&self) -> MutexGuard<'_, Option<(Agent, Arc<str>)>> {
        self.name.lock().unwrap_or_else(PoisonError::into_inner)
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

/// Where the chunks begin; null before they are needed.
static TABLE: [AtomicPtr<Slot>; CHUNKS] = [const { AtomicPtr::new(ptr::null_mut()) }; CHUNKS];
/// How many slots there are.
static COUNT: AtomicU32 = AtomicU32::new(0);
/// The slots that nobody uses.
static FREE: Mutex<Vec<&'static Slot>> = Mutex::new(Vec::new());

/// The number of the chunk of slot `index`, how many slots that has, and which of them it is.
fn locate(index: u32) -> (usize, usize, usize) {
    let from_first = index as usize + FIRST_CHUNK;
    let chunk = (from_first / FIRST_CHUNK).ilog2() as usize;
    let size = FIRST_CHUNK << chunk;
    (chunk, size, from_first - size)
}

/// The slot of this number, if there is one.
pub(crate) fn find(index: u32) -> Option<&'static Slot> {
    let (chunk, _, within) = locate(index);
    let first = TABLE.get(chunk)?.load(Ordering::Acquire);
    if first.is_null() {
        return None;
    }
    // SAFETY: a chunk is as large as `locate` says, is made before its pointer can be seen, and is
    // never freed.
    Some(unsafe { &*first.add(within) })
}

/// Every slot that was ever used.
pub(crate) fn all() -> impl Iterator<Item = &'static Slot> {
    (0..COUNT.load(Ordering::Acquire)).filter_map(find)
}

/// A slot that nobody uses.
pub(crate) fn take() -> &'static Slot {
    let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(slot) = free.pop() {
        return slot;
    }
    // Under the lock: one chunk after the other.
    let index = COUNT.load(Ordering::Relaxed);
    let (chunk, size, _) = locate(index);
    let place = TABLE.get(chunk).expect("memory ends before 67 million contexts do");
    if place.load(Ordering::Relaxed).is_null() {
        let slots: Box<[Slot]> = (0..size).map(|within| Slot::new(index + within as u32)).collect();
        place.store(Box::leak(slots).as_mut_ptr(), Ordering::Release);
    }
    COUNT.store(index + 1, Ordering::Release);
    find(index).expect("the chunk was made above")
}

/// Says that a slot, whose occupant has ended, may be another's.
pub(crate) fn give_back(slot: &'static Slot) {
    if slot.has_agents_left() {
        FREE.lock().unwrap_or_else(PoisonError::into_inner).push(slot);
    }
}

fn next_id() -> u64 {
    static NEXT_ID: AtomicU64 = AtomicU64::new(1);
    NEXT_ID.fetch_add(1, Ordering::Relaxed)
}

#[cfg(all(test, not(manyhands_loom)))]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_one_place() {
        let mut expected = (0, FIRST_CHUNK, 0);
        for index in 0..10_000 {
            assert_eq!(locate(index), expected);
            expected.2 += 1;
            if expected.2 == expected.1 {
                expected = (expected.0 + 1, 2 * expected.1, 0);
            }
        }
        let (chunk, size, within) = locate((1 << INDEX_BITS) - 1 - FIRST_CHUNK as u32);
        assert_eq!((chunk, within), (CHUNKS - 1, size - 1));
    }

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
