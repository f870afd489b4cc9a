//! Who waits: contexts, and the table of all of them.
//!
//! A thread becomes known the first time it waits slowly or asks for [`Context::current`]. Slots of
//! ended contexts are used again, never freed, so that a walk along who waits for whom may look at
//! a slot at any time; `epoch` tells whether what it saw is still so.

use std::cell::OnceCell;
use std::fmt;
use std::panic::Location;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::layer::{TaskLabel, current_task};
use crate::reason::Reason;
use crate::scheduled::scheduled_slot;

/// What kind of context one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ContextKind {
    /// A thread of the operating system.
    Thread,
    /// A coroutine on a hub.
    Coroutine,
    /// A task of an async runtime.
    AsyncTask,
}

impl fmt::Display for ContextKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ContextKind::Thread => "thread",
            ContextKind::Coroutine => "coroutine",
            ContextKind::AsyncTask => "async task",
        })
    }
}

/// A context that can wait: this thread, for instance.
///
/// ```
/// let me = manyhands_wait::Context::current();
/// assert_eq!(me.id(), manyhands_wait::Context::current().id());
/// ```
#[derive(Clone)]
pub struct Context {
    slot: &'static Slot,
    id: u64,
}

impl Context {
    /// The context that runs this code: a coroutine, or else the thread.
    pub fn current() -> Context {
        if let Some(slot) = scheduled_slot() {
            return Context::of(slot);
        }
        match OWN.try_with(|own| own.slot()) {
            Ok(slot) => Context::of(slot),
            Err(_) => {
                // The thread is ending and has given its slot back; it gets a number of its own,
                // and is not listed again.
                let slot = claim_for_thread();
                let id = slot.id.load(Ordering::Relaxed);
                release(slot);
                Context { slot, id }
            }
        }
    }

    pub(crate) fn of(slot: &'static Slot) -> Context {
        Context { slot, id: slot.id.load(Ordering::Relaxed) }
    }

    /// A number that no other context of this process has or had.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Its name; a thread's is the operating system thread's until it is set. `(ended)` once the
    /// context has ended.
    pub fn name(&self) -> Arc<str> {
        self.look(|state| state.name(self.id)).unwrap_or_else(|| "(ended)".into())
    }

    /// Gives it another name, for dumps. Does nothing once the context has ended.
    pub fn set_name(&self, name: impl Into<Arc<str>>) {
        self.look(|state| state.name = Some(name.into()));
    }

    /// What kind of context it is.
    pub fn kind(&self) -> ContextKind {
        self.look(|state| state.kind).unwrap_or(ContextKind::Thread)
    }

    /// Calls `f`, unless the context has ended: its slot may be another's by now.
    fn look<R>(&self, f: impl FnOnce(&mut State) -> R) -> Option<R> {
        let mut state = self.slot.lock();
        (self.slot.id.load(Ordering::Relaxed) == self.id).then(|| f(&mut state))
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("id", &self.id)
            .field("kind", &self.kind())
            .field("name", &self.name())
            .finish()
    }
}

impl PartialEq for Context {
    fn eq(&self, other: &Context) -> bool {
        self.id == other.id
    }
}

impl Eq for Context {}

/// One published wait.
#[derive(Clone)]
pub(crate) struct Publication {
    pub(crate) reason: &'static Reason,
    pub(crate) at: &'static Location<'static>,
    pub(crate) since: Instant,
    pub(crate) until: Option<Instant>,
    pub(crate) on_task: Option<u64>,
    pub(crate) in_task: Option<TaskLabel>,
}

impl Publication {
    pub(crate) fn new(
        reason: &'static Reason,
        at: &'static Location<'static>,
        until: Option<Instant>,
        on_task: Option<u64>,
    ) -> Publication {
        let in_task = current_task();
        Publication { reason, at, since: Instant::now(), until, on_task, in_task }
    }
}

/// Makes a wait of this thread known until the guard is dropped; an outer wait's comes back then.
pub(crate) fn publish(wait: impl FnOnce() -> Publication) -> Published {
    // A thread whose storage is gone already is about to end; it stays unlisted.
    let slot = scheduled_slot().or_else(|| OWN.try_with(|own| own.slot()).ok());
    let outer = slot.and_then(|slot| slot.exchange(Some(wait())));
    Published { slot, outer }
}

/// Guard of [`publish`].
pub(crate) struct Published {
    slot: Option<&'static Slot>,
    outer: Option<Publication>,
}

impl Drop for Published {
    fn drop(&mut self) {
        if let Some(slot) = self.slot {
            slot.exchange(self.outer.take());
        }
    }
}

/// Everything about one context, as a dump sees it.
pub(crate) struct Seen {
    pub(crate) id: u64,
    pub(crate) kind: ContextKind,
    pub(crate) name: Arc<str>,
    pub(crate) wait: Option<Publication>,
}

/// Looks at every context that is alive now, in the order of their numbers.
pub(crate) fn look_at_all() -> Vec<Seen> {
    let slots: Vec<&'static Slot> = table().slots.clone();
    let mut seen: Vec<Seen> = slots
        .into_iter()
        .filter_map(|slot| {
            let mut state = slot.lock();
            let id = slot.id.load(Ordering::Relaxed);
            (id != 0).then(|| Seen {
                id,
                kind: state.kind,
                name: state.name(id),
                wait: state.wait.clone(),
            })
        })
        .collect();
    seen.sort_by_key(|seen| seen.id);
    seen
}

/// A place in the table; lives for ever, used by one context after the other.
pub(crate) struct Slot {
    /// 0 while nobody uses it.
    id: AtomicU64,
    /// Goes up by one whenever the wait changes: the same number twice means nothing moved.
    epoch: AtomicU64,
    state: Mutex<State>,
}

pub(crate) struct State {
    kind: ContextKind,
    /// Without one, kind and number will do: made when somebody looks, which for most contexts
    /// nobody does.
    name: Option<Arc<str>>,
    wait: Option<Publication>,
}

impl State {
    pub(crate) fn new(kind: ContextKind, name: Option<Arc<str>>) -> State {
        State { kind, name, wait: None }
    }

    /// The name of the context, which has this number.
    fn name(&mut self, id: u64) -> Arc<str> {
        let kind = self.kind;
        Arc::clone(self.name.get_or_insert_with(|| format!("{kind}-{id}").into()))
    }
}

impl Slot {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn exchange(&self, wait: Option<Publication>) -> Option<Publication> {
        let mut state = self.lock();
        self.epoch.fetch_add(1, Ordering::Release);
        std::mem::replace(&mut state.wait, wait)
    }
}

struct Table {
    slots: Vec<&'static Slot>,
    free: Vec<&'static Slot>,
}

fn table() -> MutexGuard<'static, Table> {
    static TABLE: Mutex<Table> = Mutex::new(Table { slots: Vec::new(), free: Vec::new() });
    TABLE.lock().unwrap_or_else(PoisonError::into_inner)
}

thread_local! {
    static OWN: OwnSlot = const { OwnSlot(OnceCell::new()) };
}

/// This thread's slot; given back when the thread ends.
struct OwnSlot(OnceCell<&'static Slot>);

impl OwnSlot {
    fn slot(&self) -> &'static Slot {
        self.0.get_or_init(claim_for_thread)
    }
}

impl Drop for OwnSlot {
    fn drop(&mut self) {
        if let Some(slot) = self.0.get() {
            release(slot);
        }
    }
}

fn release(slot: &'static Slot) {
    clear(slot);
    give_back(slot);
}

/// Says that a cleared slot may be another's.
pub(crate) fn give_back(slot: &'static Slot) {
    table().free.push(slot);
}

pub(crate) fn clear(slot: &Slot) {
    let mut state = slot.lock();
    state.wait = None;
    slot.id.store(0, Ordering::Relaxed);
    slot.epoch.fetch_add(1, Ordering::Release);
}

pub(crate) fn fill(slot: &Slot, id: u64, state: State) {
    let mut place = slot.lock();
    *place = state;
    slot.id.store(id, Ordering::Relaxed);
    slot.epoch.fetch_add(1, Ordering::Release);
}

pub(crate) fn next_id() -> u64 {
    static NEXT_ID: AtomicU64 = AtomicU64::new(1);
    NEXT_ID.fetch_add(1, Ordering::Relaxed)
}

fn claim_for_thread() -> &'static Slot {
    let thread = std::thread::current();
    let name: Arc<str> = match thread.name() {
        Some(name) => name.into(),
        None => format!("{:?}", thread.id()).into(),
    };
    let slot = free_slot();
    fill(slot, next_id(), State::new(ContextKind::Thread, Some(name)));
    slot
}

/// A slot that nobody uses; not listed before it is filled.
pub(crate) fn free_slot() -> &'static Slot {
    let mut table = table();
    if let Some(slot) = table.free.pop() {
        return slot;
    }
    let state = State::new(ContextKind::Thread, None);
    let slot: &'static Slot = Box::leak(Box::new(Slot {
        id: AtomicU64::new(0),
        epoch: AtomicU64::new(0),
        state: Mutex::new(state),
    }));
    table.slots.push(slot);
    slot
}
