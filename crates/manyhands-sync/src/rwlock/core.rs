//! The lock of a read-write lock: who holds it, who waits, and who is next.

use std::panic::Location;
use std::ptr;
use std::sync::Arc;
use std::time::Instant;

use super::word::{FREE, Place, WAITERS, WRITER, is_free, seats};
use crate::holders::Holders;
use crate::order::{self, ClassCell, How, Lock};
use crate::owner::Owner;
use crate::patience::Patience;
use crate::poison::Poison;
use crate::primitive::{AtomicPtr, AtomicU64, Ordering};
use crate::statistics::LockStatistics;
use crate::waiters::{Entry, Monitor};
use crate::wandering::Wandering;

/// Everything but the value. Made when the lock is used first; shared with the wait-for graph by async
/// waits, whose futures may be forgotten.
pub(super) struct Core {
    word: AtomicU64,
    /// The writer, 0 while there is none, and for a moment after it has taken the lock.
    writer: AtomicU64,
    writer_at: AtomicPtr<Location<'static>>,
    pub(super) readers: Holders,
    pub(super) monitor: Monitor<State, Ticket>,
    pub(super) poison: Poison,
    pub(super) wandering: Wandering,
    pub(super) name: Option<Arc<str>>,
    pub(super) made_at: &'static Location<'static>,
    class: ClassCell,
}

/// What changes under the monitor's lock. The README has the invariants.
pub(super) struct State {
    /// A writer that was woken and has not tried since. If it is a thread or coroutine it tries at once,
    /// and sees to those in the queue.
    pub(super) woken: Option<Woken>,
    patience: Patience,
    pub(super) statistics: LockStatistics,
}

/// A writer that was woken to try.
#[derive(Clone, Copy)]
pub(super) struct Woken {
    pub(super) owner: Owner,
    is_async: bool,
}

/// What a waiter tells.
pub(super) struct Ticket {
    pub(super) mode: Mode,
    pub(super) owner: Owner,
    pub(super) at: &'static Location<'static>,
    pub(super) since: Instant,
    /// How many times it was woken in vain.
    pub(super) tries: u32,
    pub(super) is_async: bool,
    /// Set by whoever gives it the lock: for readers their place, for writers anything.
    pub(super) handed: Option<Place>,
}

/// What somebody wants the lock for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Read,
    Write,
}

pub(super) type CoreEntry<'a> = Entry<'a, State, Ticket>;

impl Core {
    pub(super) fn new(name: Option<Arc<str>>, made_at: &'static Location<'static>) -> Core {
        Core {
            word: AtomicU64::new(FREE),
            writer: AtomicU64::new(0),
            writer_at: AtomicPtr::new(ptr::null_mut()),
            readers: Holders::new(),
            monitor: Monitor::new(State::new()),
            poison: Poison::new(),
            wandering: Wandering::new(),
            name,
            made_at,
            class: ClassCell::new(),
        }
    }

    pub(super) fn word(&self) -> u64 {
        self.word.load(Ordering::Acquire)
    }

    pub(super) fn replace(&self, old: u64, new: u64) -> bool {
        self.word.compare_exchange(old, new, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// Who writes, if it is known, and where that one took the lock.
    pub(super) fn writer(&self) -> Option<(Owner, Option<&'static Location<'static>>)> {
        let owner = Owner::of_word(self.writer.load(Ordering::Relaxed))?;
        let at = self.writer_at.load(Ordering::Relaxed);
        // SAFETY: what is stored there is null or was made of a `&'static Location`.
        Some((owner, unsafe { at.as_ref() }))
    }

    /// Takes the lock to write if nobody holds it and nobody is to be woken.
    #[inline]
    pub(super) fn try_write(&self, owner: Owner, at: &'static Location<'static>) -> bool {
        let taken = self.replace(FREE, WRITER);
        if taken {
            self.note_writer(owner, at);
        }
        taken
    }

    /// Takes the lock to read if nobody writes, and nobody is to be woken.
    #[inline]
    pub(super) fn try_read(&self, owner: Owner, at: &'static Location<'static>) -> Option<Place> {
        let mut word = self.word();
        while word & (WAITERS | WRITER) == 0 {
            match self.seat_reader(word, owner, at) {
                Ok(place) => return Some(place),
                Err(now) => word = now,
            }
        }
        None
    }

    /// One more reader, if the word is still this one; what it is if not.
    pub(super) fn seat_reader(
        &self,
        word: u64,
        owner: Owner,
        at: &'static Location<'static>,
    ) -> Result<Place, u64> {
        let place = Place::find(word, owner != Owner::ANONYMOUS);
        let new = word.checked_add(place.unit()).expect("fewer than 2^32 readers");
        self.word.compare_exchange(word, new, Ordering::Acquire, Ordering::Acquire)?;
        if let Place::Seat(seat) = place {
            self.readers.sit(seat.into(), owner, at);
        }
        Ok(place)
    }

    pub(super) fn note_writer(&self, owner: Owner, at: &'static Location<'static>) {
        self.writer.store(owner.word(), Ordering::Relaxed);
        self.writer_at.store(ptr::from_ref(at).cast_mut(), Ordering::Relaxed);
    }

    pub(super) fn forget_writer(&self) {
        self.writer_at.store(ptr::null_mut(), Ordering::Relaxed);
        self.writer.store(0, Ordering::Relaxed);
    }

    /// Releases the lock, by its writer.
    #[inline]
    pub(super) fn unlock_write(&self) {
        self.forget_writer();
        if self.word.compare_exchange(WRITER, FREE, Ordering::Release, Ordering::Relaxed).is_err() {
            self.pass_on(&mut self.monitor.enter());
        }
    }

    /// Releases the lock, by the reader that has this place.
    #[inline]
    pub(super) fn unlock_read(&self, place: Place) {
        if self.leave(place) == WAITERS {
            self.see_to_waiters(&mut self.monitor.enter());
        }
    }

    /// Makes a reader's place free; what the word is then.
    fn leave(&self, place: Place) -> u64 {
        if let Place::Seat(seat) = place {
            self.readers.rise(seat.into());
        }
        self.word.fetch_sub(place.unit(), Ordering::Release) - place.unit()
    }

    /// Under the monitor's lock: those who have it are told that somebody waits.
    pub(super) fn note_awaited(&self) {
        if let Some((writer, _)) = self.writer() {
            writer.note_awaited();
        }
        for seat in seats(self.word()) {
            if let Some((reader, _)) = self.readers.look(seat) {
                reader.note_awaited();
            }
        }
    }

    /// The writer becomes a reader, without releasing the lock between.
    pub(super) fn downgrade(&self, owner: Owner, at: &'static Location<'static>) -> Place {
        self.forget_writer();
        let place = Place::find(FREE, owner != Owner::ANONYMOUS);
        if let Place::Seat(seat) = place {
            self.readers.sit(seat.into(), owner, at);
        }
        if !self.replace(WRITER, place.unit()) {
            let mut entry = self.monitor.enter();
            self.word.store(place.unit() | WAITERS, Ordering::Release);
            self.see_to_waiters(&mut entry);
        }
        place
    }

    /// Under the monitor's lock: the lock is nobody's any more, and only whoever has the monitor's lock
    /// can take it. Gives it to those who are next, or to anybody.
    fn pass_on(&self, entry: &mut CoreEntry<'_>) {
        let waiting = entry.waiting();
        let reliable = entry.woken.is_some_and(Woken::is_reliable);
        let Some((ticket, state)) = entry.front_and_state().filter(|_| !reliable) else {
            return self.word.store(FREE, Ordering::Release);
        };
        if ticket.mode == Mode::Read {
            self.word.store(WAITERS, Ordering::Release);
            return self.admit_readers(entry);
        }
        let others = if waiting > 1 { WAITERS } else { FREE };
        let now = Instant::now();
        if state.patience.is_over(now, ticket.since, ticket.tries) {
            ticket.handed = Some(Place::Standing);
            state.statistics.handed_over += 1;
            state.statistics.count(now.saturating_duration_since(ticket.since));
            self.note_writer(ticket.owner, ticket.at);
            self.word.store(WRITER | others, Ordering::Release);
            if others != FREE {
                ticket.owner.note_awaited();
            }
        } else {
            let woken = Woken { owner: ticket.owner, is_async: ticket.is_async };
            state.woken = Some(woken);
            let flag = if woken.is_reliable() { FREE } else { others };
            self.word.store(flag, Ordering::Release);
        }
        entry.grant_front();
    }

    /// Under the monitor's lock: hands the lock to the readers at the front of the queue. Nobody writes,
    /// and there is the flag for those who wait.
    fn admit_readers(&self, entry: &mut CoreEntry<'_>) {
        while let Some((ticket, state)) =
            entry.front_and_state().filter(|(it, _)| it.mode == Mode::Read)
        {
            let place = loop {
                // Other readers may be leaving.
                if let Ok(place) = self.seat_reader(self.word(), ticket.owner, ticket.at) {
                    break place;
                }
            };
            ticket.handed = Some(place);
            state.statistics.count(ticket.since.elapsed());
            // Those behind may be readers as well.
            ticket.owner.note_awaited();
            entry.grant_front();
        }
        if entry.waiting() == 0 {
            self.word.fetch_and(!WAITERS, Ordering::Relaxed);
        }
    }

    /// Under the monitor's lock: those at the front of the queue go on if they can, and otherwise
    /// whoever holds the lock will see to them. Called whenever something has changed.
    pub(super) fn see_to_waiters(&self, entry: &mut CoreEntry<'_>) {
        loop {
            let word = self.word();
            let Some(front) = entry.front().map(|ticket| ticket.mode) else {
                self.word.fetch_and(!WAITERS, Ordering::Relaxed);
                return;
            };
            if entry.woken.is_some_and(Woken::is_reliable) {
                return;
            }
            if word & WAITERS == 0 {
                // From here on nobody takes the lock without the monitor's.
                self.replace(word, word | WAITERS);
            } else if is_free(word) {
                return self.pass_on(entry);
            } else if word & WRITER == 0 && front == Mode::Read {
                return self.admit_readers(entry);
            } else {
                return;
            }
        }
    }

    /// Under the monitor's lock: the same, after a writer that was woken has gone away without trying.
    pub(super) fn see_to_others(&self, entry: &mut CoreEntry<'_>) {
        entry.woken = None;
        self.see_to_waiters(entry);
    }

    /// Under the monitor's lock: what was handed to a waiter that has gone away is passed on.
    pub(super) fn take_back(&self, entry: &mut CoreEntry<'_>, mode: Mode, place: Place) {
        match mode {
            Mode::Write => {
                self.forget_writer();
                entry.patience.take_back();
                self.pass_on(entry);
            }
            Mode::Read => {
                if self.leave(place) == WAITERS {
                    self.see_to_waiters(entry);
                }
            }
        }
    }

    pub(super) fn statistics(&self) -> LockStatistics {
        let entry = self.monitor.enter();
        LockStatistics { waiting: entry.waiting(), ..entry.statistics }
    }

    /// Tells the order of locks that `owner` has taken it.
    #[inline]
    pub(super) fn note_taken(&self, owner: Owner, at: &'static Location<'static>, how: How) {
        if order::may_be_on() {
            let lock = Lock {
                id: ptr::from_ref(self).addr(),
                kind: "read-write lock",
                name: self.name.as_deref(),
                made_at: self.made_at,
                class: &self.class,
            };
            order::taken(&lock, owner, at, how);
        }
    }

    /// Tells the order of locks that it is released, or nobody's from now on.
    #[inline]
    pub(super) fn note_released(&self, owner: Owner) {
        if order::may_be_on() {
            order::released(ptr::from_ref(self).addr(), owner);
        }
    }

    /// An async guard of this owner is dropped here.
    pub(super) fn check_owner(&self, owner: Owner) {
        let name = self.name.as_deref().unwrap_or("without a name");
        self.wandering.check(owner, format_args!("read-write lock '{name}'"), self.made_at);
    }
}

impl State {
    fn new() -> State {
        State { woken: None, patience: Patience::new(), statistics: LockStatistics::NONE }
    }
}

impl Woken {
    /// Whether it tries without being asked.
    pub(super) fn is_reliable(self) -> bool {
        !self.is_async
    }
}
