//! The lock of a mutex, without what it guards.

use std::fmt;
use std::future::Future;
use std::panic::Location;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use manyhands_wait::{Agent, Deadlock, Reason, Wait, WaitError};

use super::core::{Core, release};
use super::edge::BlockingEdge;
use super::hold::{FREE, Hold, MOVED, WAITERS};
use super::locking::{Locking, Progress};
use crate::order::{self, ClassCell, How, Lock};
use crate::owner::Owner;
use crate::poison::Poison;
use crate::primitive::const_unless_loom;
use crate::spin::spin_until;
use crate::statistics::LockStatistics;
use crate::waiters::Waiting;
use crate::wandering::Wandering;

/// Kind and place of a lock, and its word until that is moved to the core.
pub(crate) struct RawMutex {
    inline: Hold,
    core: OnceLock<Arc<Core>>,
    kind: &'static Kind,
    made_at: &'static Location<'static>,
    pub(crate) poison: Poison,
    wandering: Wandering,
    class: ClassCell,
}

/// What sort of mutex one is, for reports.
pub(crate) struct Kind {
    /// Such as `mutex`.
    pub(crate) name: &'static str,
    pub(crate) reason: Reason,
}

impl RawMutex {
    const_unless_loom! {
        pub(crate) fn new(kind: &'static Kind, made_at: &'static Location<'static>) -> RawMutex {
            RawMutex {
                inline: Hold::new(),
                core: OnceLock::new(),
                kind,
                made_at,
                poison: Poison::new(),
                wandering: Wandering::new(),
                class: ClassCell::new(),
            }
        }
    }

    pub(crate) fn named(
        kind: &'static Kind,
        name: Arc<str>,
        made_at: &'static Location<'static>,
    ) -> RawMutex {
        let raw = RawMutex::new(kind, made_at);
        raw.core.get_or_init(|| Core::new(kind.name, Some(name), made_at));
        raw
    }

    /// Takes the lock if nobody holds it or waits for it.
    #[inline]
    pub(crate) fn try_take(&self, owner: Owner, at: &'static Location<'static>) -> bool {
        self.inline.try_take(owner, at)
    }

    /// Takes the lock if nobody holds it.
    #[inline]
    pub(crate) fn try_lock(&self, owner: Owner, at: &'static Location<'static>) -> bool {
        self.try_take(owner, at) || self.try_lock_slowly(owner, at)
    }

    #[cold]
    fn try_lock_slowly(&self, owner: Owner, at: &'static Location<'static>) -> bool {
        let Some(core) = self.core.get() else { return false };
        let hold = self.hold(core);
        if hold.try_take(owner, at) {
            return true;
        }
        // Free, and others wait: the word does not change while we have the monitor's lock, except
        // that a holder may be asked to wake somebody.
        if hold.word() != WAITERS {
            return false;
        }
        let _entry = core.monitor.enter();
        let hold = self.hold(core);
        let taken = hold.word() == WAITERS && hold.replace(WAITERS, owner.word() | WAITERS);
        if taken {
            hold.note(at);
            owner.note_awaited();
        }
        taken
    }

    /// Waits for the lock on this stack.
    #[cold]
    #[track_caller]
    pub(crate) fn lock(&self, owner: Owner, until: Option<Instant>) -> Result<(), WaitError> {
        let at = Location::caller();
        if self.spin(owner, at) {
            return Ok(());
        }
        let core = self.core();
        let held_before = self.owner() == Some(owner);
        let waiting =
            Waiting::new(&core.monitor, self.locking(core, owner, at, held_before, false));
        let edge = BlockingEdge { raw: self, core, owner, held_before };
        let wait = Wait::new(&self.kind.reason).until(until).on(&edge);
        wait.run_or_stand_aside(waiting)?.map_err(WaitError::Deadlock)
    }

    /// Waits for the lock in async code.
    pub(crate) fn lock_async(
        &self,
        owner: Owner,
        at: &'static Location<'static>,
    ) -> impl Future<Output = Result<(), Deadlock>> + Send + Sync {
        let core = self.core();
        let held_before = owner.agent().is_some() && self.owner() == Some(owner);
        Waiting::new(&core.monitor, self.locking(core, owner, at, held_before, true))
            .as_leaf(&self.kind.reason, at)
    }

    fn locking<'a>(
        &'a self,
        core: &'a Arc<Core>,
        owner: Owner,
        at: &'static Location<'static>,
        held_before: bool,
        is_async: bool,
    ) -> Locking<'a> {
        let progress = Progress::default();
        Locking { raw: self, core, owner, at, is_async, held_before, progress }
    }

    /// Releases the lock.
    #[inline]
    pub(crate) fn unlock(&self, owner: Owner) {
        if !self.inline.try_release(owner) {
            self.unlock_slowly(owner);
        }
    }

    #[cold]
    fn unlock_slowly(&self, owner: Owner) {
        let core = self.core();
        if self.inline.word() == MOVED && core.hold.try_release(owner) {
            return;
        }
        let mut entry = core.monitor.enter();
        let hold = self.hold(core);
        debug_assert_eq!(
            Owner::of_word(hold.word()),
            Some(owner),
            "only its holder releases a lock"
        );
        release(&mut entry, hold);
    }

    /// As whom the async task that is polled here takes the lock.
    pub(crate) fn async_owner(&self) -> Owner {
        self.wandering.async_owner()
    }

    /// An async guard of this owner is dropped here.
    pub(crate) fn check_owner(&self, owner: Owner) {
        let name = self.name().unwrap_or("without a name");
        self.wandering.check(owner, format_args!("{} '{name}'", self.kind.name), self.made_at);
    }

    /// Replaces the holder, by the holder, by somebody who is not known.
    pub(crate) fn make_anonymous(&self, owner: Owner) {
        loop {
            let hold = self.core.get().map_or(&self.inline, |core| self.hold(core));
            let word = hold.word();
            let anonymous = Owner::ANONYMOUS.word() | (word & WAITERS);
            // Others may add the flag or move the word meanwhile.
            if Owner::of_word(word) == Some(owner) && hold.replace(word, anonymous) {
                return;
            }
        }
    }

    /// Looks for a moment whether the lock becomes free.
    fn spin(&self, owner: Owner, at: &'static Location<'static>) -> bool {
        let mut is_taken = false;
        spin_until(|| {
            let word = self.inline.word();
            is_taken = word == FREE && self.inline.try_take(owner, at);
            let others_wait = word & (WAITERS | MOVED) != 0;
            is_taken || others_wait
        });
        is_taken
    }

    /// Where the word lies. While one has the monitor's lock this does not change.
    pub(super) fn hold<'a>(&'a self, core: &'a Core) -> &'a Hold {
        if self.inline.word() == MOVED { &core.hold } else { &self.inline }
    }

    /// Moves the word to the core, for good. Under the monitor's lock.
    pub(super) fn move_word(&self, core: &Core) {
        loop {
            let word = self.inline.word();
            if word == MOVED {
                return;
            }
            core.hold.copy(&self.inline, word);
            if self.inline.replace(word, MOVED) {
                return;
            }
        }
    }

    fn core(&self) -> &Arc<Core> {
        self.core.get_or_init(|| Core::new(self.kind.name, None, self.made_at))
    }

    /// The word as it is now.
    fn word(&self) -> u64 {
        match self.inline.word() {
            MOVED => self.core().hold.word(),
            word => word,
        }
    }

    /// Who holds it.
    pub(crate) fn owner(&self) -> Option<Owner> {
        Owner::of_word(self.word())
    }

    pub(crate) fn is_locked(&self) -> bool {
        self.owner().is_some()
    }

    /// The agent that holds it, and where it took it, if that is known.
    pub(crate) fn holder(&self) -> Option<(Agent, Option<&'static Location<'static>>)> {
        let agent = self.owner()?.agent()?;
        let hold = self.core.get().map_or(&self.inline, |core| self.hold(core));
        Some((agent, hold.taken_at()))
    }

    pub(crate) fn name(&self) -> Option<&str> {
        self.core.get().and_then(|core| core.name())
    }

    /// Tells the order of locks that `owner` has taken it.
    #[inline]
    pub(crate) fn note_taken(&self, owner: Owner, at: &'static Location<'static>, how: How) {
        if order::may_be_on() {
            self.tell_order(owner, at, how);
        }
    }

    #[cold]
    #[inline(never)]
    fn tell_order(&self, owner: Owner, at: &'static Location<'static>, how: How) {
        let lock = Lock {
            id: std::ptr::from_ref(self).addr(),
            kind: self.kind.name,
            name: self.name(),
            made_at: self.made_at,
            class: &self.class,
        };
        order::taken(&lock, owner, at, how);
    }

    /// Tells the order of locks that it is released, or nobody's from now on.
    #[inline]
    pub(crate) fn note_released(&self, owner: Owner) {
        if order::may_be_on() {
            order::released(std::ptr::from_ref(self).addr(), owner);
        }
    }

    pub(crate) fn statistics(&self) -> LockStatistics {
        self.core.get().map_or(LockStatistics::NONE, |core| core.statistics())
    }

    /// The fields of `Debug` that tell who has it and who waits.
    pub(crate) fn debug_fields(&self, f: &mut fmt::DebugStruct<'_, '_>) {
        if let Some(name) = self.name() {
            f.field("name", &name);
        }
        match self.holder() {
            Some((holder, Some(at))) => f.field("held", &format_args!("by {holder} since {at}")),
            Some((holder, None)) => f.field("held", &format_args!("by {holder}")),
            None => f.field("held", &self.is_locked()),
        };
        if let Some(entry) = self.core.get().and_then(|core| core.monitor.try_enter()) {
            f.field("waiting", &entry.waiting());
        }
        if self.poison.is_set() {
            f.field("poisoned", &true);
        }
    }
}
