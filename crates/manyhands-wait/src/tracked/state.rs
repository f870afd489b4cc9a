//! A tracked task as its own code, the leaves in it and the graph see it.

use std::cell::{Cell, OnceCell};
use std::panic::Location;
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use super::several::Several;
use super::waker::{OwnWaker, is_same};
use crate::agent::Agent;
use crate::context::{ContextKind, OwnedSlot};
use crate::deadlock::Deadlock;
use crate::identity::turn_here;
use crate::layer::LayerTask;
use crate::reason::Reason;
use crate::resource::Resource;
use crate::slot::Slot;

/// What a poll of the task has at hand.
pub(crate) struct TrackedState {
    name: Option<Arc<str>>,
    slot: OnceCell<OwnedSlot>,
    /// The waker of the present poll; read only while that lasts.
    waker: Cell<*const Waker>,
    /// Made for the first leaf.
    leaves: OnceCell<Arc<Mutex<Leaves>>>,
    /// In whose turns it is polled.
    turn: Cell<Turn>,
    /// Whether the task was told that it waits for its turn, and of nothing since.
    told_turn: Cell<bool>,
}

/// In whose turns a task is polled, as far as was seen.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// It was not polled yet.
    Unknown,
    /// In those of this executor, always.
    Of(Agent),
    /// Anybody may poll it.
    Anybody,
}

// SAFETY: the pointer is read by the thread that polls alone, while it polls.
unsafe impl Send for TrackedState {}

/// The waits of one task that are pending.
#[derive(Default)]
pub(crate) struct Leaves {
    last_key: u64,
    /// Which poll of the task this is, counted since there are leaves.
    poll: u64,
    pending: Vec<LeafWait>,
    /// For the leaf whose wait was ended.
    deadlock: Option<Deadlock>,
    /// Wakers of earlier polls, of which others had clones.
    put_aside: Vec<OwnWaker>,
}

/// One wait of a task that is pending.
#[derive(Clone)]
pub(crate) struct LeafWait {
    key: u64,
    /// In which poll of the task it was pending last.
    polled: u64,
    pub(super) reason: &'static Reason,
    pub(super) at: &'static Location<'static>,
    pub(super) resource: Arc<dyn Resource>,
}

impl TrackedState {
    pub(super) fn new() -> TrackedState {
        TrackedState {
            name: None,
            slot: OnceCell::new(),
            waker: Cell::new(ptr::null()),
            leaves: OnceCell::new(),
            turn: Cell::new(Turn::Unknown),
            told_turn: Cell::new(false),
        }
    }

    pub(super) fn set_name(&mut self, name: Arc<str>) {
        self.name = Some(name);
    }

    /// The task's place in the table, and who it is there.
    pub(crate) fn listed(&self, task: &dyn LayerTask) -> (&'static Slot, Agent) {
        let name = || self.name.clone().or_else(|| task.label().name);
        let make = || {
            let owned = OwnedSlot::new(ContextKind::AsyncTask, name());
            owned.get().0.set_turn_of(self.turn());
            owned
        };
        self.slot.get_or_init(make).get()
    }

    /// The task's place in the table, if it is there.
    pub(crate) fn slot(&self) -> Option<&'static Slot> {
        self.slot.get().map(|owned| owned.get().0)
    }

    pub(super) fn begin_poll(&self, waker: &Waker, task: &dyn LayerTask) {
        self.waker.set(waker);
        let here = turn_here().map_or(Turn::Anybody, Turn::Of);
        let before = self.turn.get();
        if before != here && before != Turn::Anybody {
            self.turn.set(if before == Turn::Unknown { here } else { Turn::Anybody });
            self.slot().into_iter().for_each(|slot| slot.set_turn_of(self.turn()));
            if self.told_turn.replace(false) {
                task.set_waiting(None);
            }
        }
    }

    /// Nobody polls it any more: the waker of the last poll is gone, though the task's code may yet run.
    pub(super) fn end_polls(&self) {
        self.waker.set(ptr::null());
        // Whoever drops it, that need not be in a turn.
        self.turn.set(Turn::Anybody);
        self.slot().into_iter().for_each(|slot| slot.set_turn_of(None));
    }

    /// The executor that alone polls the task, one at a time.
    fn turn(&self) -> Option<Agent> {
        match self.turn.get() {
            Turn::Of(executor) => Some(executor),
            Turn::Unknown | Turn::Anybody => None,
        }
    }

    /// Tells `task`, which was polled and shows no wait, that it ends only if its executor goes on.
    pub(super) fn tell_turn(&self, task: &dyn LayerTask) {
        if let Some(executor) = self.turn()
            && !self.told_turn.replace(true)
        {
            task.set_waiting(Some(executor));
        }
    }

    /// The task is told of something else.
    pub(crate) fn has_blocked(&self) {
        self.told_turn.set(false);
    }

    /// Whether `waker` is the one that this poll was given.
    pub(super) fn is_own(&self, waker: &Waker) -> bool {
        // SAFETY: the poll lasts, and its waker with it.
        unsafe { self.waker.get().as_ref() }.is_some_and(|own| is_same(own, waker))
    }

    /// The waits of the task, if it has had any.
    pub(super) fn known_leaves(&self) -> Option<MutexGuard<'_, Leaves>> {
        self.leaves.get().map(|leaves| lock(leaves))
    }

    pub(super) fn leaves(&self) -> MutexGuard<'_, Leaves> {
        lock(self.leaves.get_or_init(Arc::default))
    }

    pub(super) fn share_leaves(&self) -> Arc<Mutex<Leaves>> {
        Arc::clone(self.leaves.get_or_init(Arc::default))
    }
}

impl Leaves {
    pub(super) fn add(
        &mut self,
        reason: &'static Reason,
        at: &'static Location<'static>,
        resource: Arc<dyn Resource>,
    ) -> u64 {
        self.last_key += 1;
        let (key, polled) = (self.last_key, self.poll);
        self.pending.push(LeafWait { key, polled, reason, at, resource });
        key
    }

    /// The wait was polled again and is still pending.
    pub(super) fn still_pending(&mut self, key: u64) {
        let poll = self.poll;
        if let Some(wait) = self.pending.iter_mut().find(|wait| wait.key == key) {
            wait.polled = poll;
        }
    }

    pub(super) fn begin_poll(&mut self) {
        self.poll += 1;
    }

    /// The runtime has another waker for the task now, or does not say that it is the same: as long as others
    /// have clones of the one before, they may wake the task.
    pub(super) fn put_aside(&mut self, before: OwnWaker) {
        self.put_aside.push(before);
    }

    /// Returned, to be dropped when the lock is released.
    pub(super) fn remove(&mut self, key: u64) -> Option<LeafWait> {
        let place = self.pending.iter().position(|wait| wait.key == key)?;
        Some(self.pending.swap_remove(place))
    }

    /// What the task waits for as far as its leaves know, as one thing, and how many they are. A wait that the
    /// last poll did not come by may have been granted, and its waker be gone: nothing is known then.
    pub(super) fn whole_wait(&mut self) -> Option<(LeafWait, usize)> {
        self.put_aside.retain(|own| own.clones() > 0);
        let is_current = |wait: &LeafWait| wait.polled == self.poll;
        if !self.put_aside.is_empty() || !self.pending.iter().all(is_current) {
            return None;
        }
        match &self.pending[..] {
            [] => None,
            [wait] => Some((wait.clone(), 1)),
            several => {
                let resources = several.iter().map(|wait| Arc::clone(&wait.resource)).collect();
                let resource = Arc::new(Several::of(resources)?);
                Some((LeafWait { resource, ..several[0].clone() }, several.len()))
            }
        }
    }

    /// The wait that was shown is to end with this.
    pub(super) fn condemn(&mut self, deadlock: Deadlock) {
        self.deadlock = Some(deadlock);
    }

    /// A wait that has ended in the poll after it was condemned does not leave that to the next one.
    pub(super) fn end_poll(&mut self) {
        self.deadlock = None;
    }

    pub(super) fn take_deadlock(&mut self) -> Option<Deadlock> {
        self.deadlock.take()
    }
}

pub(super) fn lock(leaves: &Mutex<Leaves>) -> MutexGuard<'_, Leaves> {
    leaves.lock().unwrap_or_else(PoisonError::into_inner)
}
