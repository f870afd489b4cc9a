//! What a context shows of its wait for as long as it lasts: reason, place, time, and the edge.

use std::cell::Cell;
use std::fmt;
use std::ptr;
use std::sync::{Arc, OnceLock};
use std::task::Waker;
use std::time::Instant;

use crate::agent::Agent;
use crate::clock::Moment;
use crate::deadlock::{Deadlock, Holder};
use crate::identity::{context_slot, for_each_stopped, for_each_stopped_ambient};
use crate::layer::{LayerTask, Sources, TaskLabel, current_task, tell_tasks, untell_tasks};
use crate::place::Place;
use crate::reason::Reason;
use crate::resource::{Blockers, Resource};
use crate::slot::Slot;

/// What is waited for, as far as the graph knows it.
pub(crate) enum Edge {
    /// Of a wait on a stack: valid until the publication is taken back.
    Borrowed(*const dyn Resource),
    /// Of a task that may be forgotten.
    Shared(Arc<dyn Resource>),
}

/// Who can cancel a wait.
pub(crate) enum CancelledBy {
    /// Nobody who is known.
    Nobody,
    /// Those around a wait on a stack, as long as the wait is shown.
    Sources(Sources),
    /// The task whose wait it is: where it lies, and how it is asked.
    Task(*const (), unsafe fn(*const ()) -> bool),
}

impl CancelledBy {
    /// Who asks the task to end, which must stay where it is while the wait is shown, and may be asked by
    /// any thread.
    pub(crate) fn task<T: LayerTask + Sync>(task: &T) -> CancelledBy {
        /// # Safety
        /// A `T` must lie there.
        unsafe fn is_cancelled<T: LayerTask>(task: *const ()) -> bool {
            // SAFETY: by contract.
            unsafe { (*task.cast::<T>()).is_cancelled() }
        }
        CancelledBy::Task(ptr::from_ref(task).cast(), is_cancelled::<T>)
    }
}

/// One wait. It lies where it is published, on the stack of whoever waits.
pub(crate) struct Publication {
    pub(crate) reason: &'static Reason,
    pub(crate) at: Place,
    pub(crate) since: Moment,
    pub(crate) until: Option<Instant>,
    pub(crate) on_task: Option<u64>,
    pub(crate) in_task: Option<TaskLabel>,
    /// Whether something unknown may end it.
    is_from_outside: bool,
    /// As whom the resource knows the waiter.
    pub(crate) waiter: Option<Agent>,
    edge: Option<Edge>,
    /// Whether nothing but the edge can end the wait: no time, and nobody unknown.
    is_provable: bool,
    cancelled_by: CancelledBy,
    /// Ends the wait if it is chosen to break a deadlock.
    waker: *const Waker,
    /// Whether the wait can end with an error or a panic: not while its thread unwinds already.
    may_be_victim: bool,
    verdict: OnceLock<Deadlock>,
    /// How its future stands aside, while it is parked and can. As the next, of the waiter's thread alone.
    aside: Cell<Option<(*mut (), StandAsideAt)>>,
    /// Whether it stands aside, and has to be woken when its stack goes on.
    stands_aside: Cell<bool>,
}

/// Has the future at a place stand aside.
pub(crate) type StandAsideAt = unsafe fn(*mut ());

// SAFETY: what the pointers lead to is `Sync` (a `Resource` and a `CancelSource` by definition, a `Waker` too,
// a task where its pointer is made), and is valid for as long as the publication can be reached: see `Slot::show`. The cells are used by the thread
// that has published it, which is the only one that covers it with another.
unsafe impl Sync for Publication {}
// SAFETY: as above; it holds nothing that belongs to a thread.
unsafe impl Send for Publication {}

impl Publication {
    /// Of a wait for something about which the graph knows nothing.
    pub(crate) fn new(
        reason: &'static Reason,
        at: Place,
        until: Option<Instant>,
        on_task: Option<u64>,
    ) -> Publication {
        Publication {
            reason,
            at,
            since: Moment::now(),
            until,
            on_task,
            in_task: current_task(),
            is_from_outside: false,
            waiter: None,
            edge: None,
            is_provable: false,
            cancelled_by: CancelledBy::Nobody,
            waker: ptr::null(),
            may_be_victim: false,
            verdict: OnceLock::new(),
            aside: Cell::new(None),
            stands_aside: Cell::new(false),
        }
    }

    /// Says whether what is waited for may come from outside of the known contexts.
    pub(crate) fn ended_from_outside(mut self, is_from_outside: bool) -> Publication {
        self.is_from_outside = is_from_outside;
        self
    }

    /// Adds what is waited for, by whom, and how that one is woken.
    ///
    /// # Safety
    /// What `edge` and `waker` point to must stay valid for as long as the publication is shown.
    pub(crate) unsafe fn with_edge(
        mut self,
        waiter: Agent,
        edge: Edge,
        waker: &Waker,
        is_provable: bool,
    ) -> Publication {
        self.waiter = Some(waiter);
        self.edge = Some(edge);
        self.waker = waker;
        self.is_provable = is_provable;
        self.may_be_victim = !std::thread::panicking();
        self
    }

    /// Adds who can cancel it.
    ///
    /// # Safety
    /// They must stay valid for as long as the publication is shown.
    pub(crate) unsafe fn cancelled_by(mut self, who: CancelledBy) -> Publication {
        self.cancelled_by = who;
        self
    }

    /// Says that the wait is parked, until the guard is dropped. Others may run on its stack meanwhile;
    /// if one of them waits, the future stands aside, if it can.
    ///
    /// # Safety
    /// What `future` points to must be what `stand_aside` expects, and not be used before the guard is
    /// dropped.
    pub(crate) unsafe fn parked(
        &self,
        future: *mut (),
        stand_aside: Option<StandAsideAt>,
    ) -> Parked<'_> {
        self.aside.set(stand_aside.map(|stand_aside| (future, stand_aside)));
        Parked(self)
    }

    /// Another wait stops the stack of this one.
    #[cold]
    fn cover(&self) {
        if let Some((future, stand_aside)) = self.aside.take() {
            self.stands_aside.set(true);
            // SAFETY: the guard of `parked` has not been dropped, or there would be nothing to take.
            unsafe { stand_aside(future) };
        }
    }

    /// The stack of this one goes on.
    #[cold]
    fn uncover(&self) {
        if self.stands_aside.take() {
            // SAFETY: valid while the publication is shown.
            let waker = unsafe { self.waker.as_ref() };
            waker.into_iter().for_each(Waker::wake_by_ref);
        }
    }

    /// What is waited for, if it is known.
    pub(crate) fn resource(&self) -> Option<&dyn Resource> {
        match self.edge.as_ref()? {
            // SAFETY: it is valid while the publication is shown, which it is while somebody looks.
            Edge::Borrowed(resource) => Some(unsafe { &**resource }),
            Edge::Shared(resource) => Some(&**resource),
        }
    }

    /// For whom the wait is, as the resource says now; nobody known if there is no edge.
    pub(crate) fn blockers(&self) -> Blockers {
        let mut blockers = Blockers::new();
        match (self.waiter, self.resource()) {
            (Some(waiter), Some(resource)) => resource.blockers(waiter, &mut blockers),
            _ => blockers.may_end(),
        }
        blockers.close();
        blockers
    }

    /// What is waited for in words, and by whom it is held.
    pub(crate) fn edge_in_words(&self) -> Option<(String, Vec<Holder>)> {
        let resource = self.resource()?;
        let mut holders: Vec<Holder> = Vec::new();
        let blockers = self.blockers();
        for agent in blockers.conditions().flatten().chain(blockers.gone()) {
            if !holders.iter().any(|known| known.agent == agent) {
                let taken_at = resource.held_at(agent);
                holders.push(Holder { agent, who: agent.to_string(), taken_at });
            }
        }
        Some((Described(resource).to_string(), holders))
    }

    /// Whether the wait can end through what it waits for alone, as far as is known.
    pub(crate) fn is_provable(&self) -> bool {
        self.is_provable && self.verdict.get().is_none() && !self.is_cancelled()
    }

    /// Whether it is about to end because somebody has cancelled it.
    fn is_cancelled(&self) -> bool {
        match &self.cancelled_by {
            CancelledBy::Nobody => false,
            // SAFETY: valid while the publication is shown, which it is while somebody looks.
            CancelledBy::Sources(sources) => unsafe { sources.have_cancelled() },
            // SAFETY: the same.
            CancelledBy::Task(task, is_cancelled) => unsafe { is_cancelled(*task) },
        }
    }

    /// Whether the wait can be ended to break a deadlock.
    pub(crate) fn may_be_victim(&self) -> bool {
        self.may_be_victim
    }

    /// Chooses this wait to break a deadlock: it ends with that as its error once the waker that is
    /// returned was woken. Called while the publication is shown, by one detector at a time.
    pub(crate) fn condemn(&self, deadlock: Deadlock) -> Option<Waker> {
        self.verdict.set(deadlock).ok()?;
        // SAFETY: valid while the publication is shown.
        unsafe { self.waker.as_ref() }.cloned()
    }

    /// The deadlock that this wait was chosen to break.
    pub(crate) fn verdict(&self) -> Option<&Deadlock> {
        self.verdict.get()
    }
}

/// Guard of [`Publication::parked`].
pub(crate) struct Parked<'a>(&'a Publication);

impl Drop for Parked<'_> {
    fn drop(&mut self) {
        self.0.aside.set(None);
    }
}

/// A resource as a text.
struct Described<'a>(&'a dyn Resource);

impl fmt::Display for Described<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.describe(f)
    }
}

/// What a dump sees of a publication.
pub(crate) struct WaitSeen {
    pub(crate) reason: &'static Reason,
    pub(crate) at: Place,
    pub(crate) since: Moment,
    pub(crate) until: Option<Instant>,
    pub(crate) on_task: Option<u64>,
    pub(crate) in_task: Option<TaskLabel>,
    /// What is waited for, and by whom and since where it is held.
    pub(crate) edge: Option<(String, Vec<Holder>)>,
    /// Whether something outside of the known contexts may end it.
    pub(crate) is_from_outside: bool,
}

impl WaitSeen {
    pub(crate) fn of(publication: &Publication) -> WaitSeen {
        WaitSeen {
            reason: publication.reason,
            at: publication.at.clone(),
            since: publication.since,
            until: publication.until,
            on_task: publication.on_task,
            in_task: publication.in_task.clone(),
            edge: publication.edge_in_words(),
            is_from_outside: publication.is_from_outside
                || publication.resource().is_some_and(Resource::is_from_outside),
        }
    }
}

/// Shows `publication` as the wait of this stack, and of all that cannot go on while this stack waits,
/// until the guard is dropped; waits further out are shown again then.
pub(crate) fn publish(publication: &Publication) -> Published<'_> {
    let mut published = Published { publication, first: None, more: Vec::new() };
    match publication.waiter {
        None => published.show(context_slot()),
        Some(waiter) => {
            for_each_stopped_ambient(|ambient| {
                tell_tasks(ambient, waiter, ptr::from_ref(publication).addr());
            });
            for_each_stopped(|slot| published.show(slot));
        }
    }
    published
}

/// Guard of [`publish`].
pub(crate) struct Published<'a> {
    publication: &'a Publication,
    /// Where it is shown, and what was before. Nearly always that is one place.
    first: Option<(&'static Slot, *const Publication)>,
    more: Vec<(&'static Slot, *const Publication)>,
}

impl Published<'_> {
    fn show(&mut self, slot: &'static Slot) {
        // SAFETY: it is borrowed for as long as this guard lives, and dropping that takes it back.
        let before = unsafe { slot.show(self.publication) };
        match self.first {
            None => self.first = Some((slot, before)),
            Some(_) => self.more.push((slot, before)),
        }
        // SAFETY: what was shown before is of a wait further out, which has not taken it back yet.
        if let Some(before) = unsafe { before.as_ref() } {
            before.cover();
        }
    }
}

impl Drop for Published<'_> {
    fn drop(&mut self) {
        for (slot, before) in self.more.drain(..).rev().chain(self.first) {
            // SAFETY: what was shown before is of a wait further out, which has not taken it back yet.
            unsafe { slot.show(before) };
            // SAFETY: the same.
            if let Some(before) = unsafe { before.as_ref() } {
                before.uncover();
            }
        }
        if self.publication.waiter.is_some() {
            let key = ptr::from_ref(self.publication).addr();
            for_each_stopped_ambient(|ambient| untell_tasks(ambient, key));
        }
    }
}
