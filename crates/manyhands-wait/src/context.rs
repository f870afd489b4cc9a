//! Who waits: contexts, as people see them, and the places that threads have among them.
//!
//! A thread becomes known the first time it waits slowly or asks for itself.

use std::cell::{Cell, OnceCell};
use std::fmt;
use std::sync::Arc;

use crate::agent::Agent;
use crate::ambient::forget_thread;
use crate::primitive::local;
use crate::publication::WaitSeen;
use crate::scheduled;
use crate::slot::{Mark, Slot};
use crate::table;

/// What kind of context one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u8)]
pub enum ContextKind {
    /// A thread of the operating system.
    Thread,
    /// A coroutine on a hub.
    Coroutine,
    /// A task of an async runtime.
    AsyncTask,
    /// Something outside of this process, for which somebody here speaks.
    Process,
    /// An async runtime that polls [one task at a time](crate::SerialExecutor): its tasks wait for it.
    AsyncRuntime,
}

impl ContextKind {
    pub(crate) fn of(code: u8) -> ContextKind {
        match code {
            1 => ContextKind::Coroutine,
            2 => ContextKind::AsyncTask,
            3 => ContextKind::Process,
            4 => ContextKind::AsyncRuntime,
            _ => ContextKind::Thread,
        }
    }
}

impl fmt::Display for ContextKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ContextKind::Thread => "thread",
            ContextKind::Coroutine => "coroutine",
            ContextKind::AsyncTask => "async task",
            ContextKind::Process => "process",
            ContextKind::AsyncRuntime => "async runtime",
        })
    }
}

/// A context that can wait: this thread, for instance. Its [`Agent`] is the same in one word.
///
/// ```
/// let me = manyhands_wait::Context::current();
/// assert_eq!(me.id(), manyhands_wait::Context::current().id());
/// ```
#[derive(Clone)]
pub struct Context {
    slot: &'static Slot,
    agent: Agent,
    id: u64,
}

impl Context {
    /// The context that runs this code: a coroutine of a hub, or else the thread.
    pub fn current() -> Context {
        let (slot, agent) = match scheduled::current() {
            Some(context) => context.listed(),
            None => thread_slot(),
        };
        Context::of(slot, agent)
    }

    pub(crate) fn of(slot: &'static Slot, agent: Agent) -> Context {
        Context { slot, agent, id: slot.id() }
    }

    /// A number that no other context of this process has or had.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The same in one word.
    pub fn agent(&self) -> Agent {
        self.agent
    }

    /// Its name; a thread's is the operating system thread's until it is set. `(ended)` once the
    /// context has ended.
    pub fn name(&self) -> Arc<str> {
        self.slot.describe(self.agent).map_or_else(|| "(ended)".into(), |(_, name)| name)
    }

    /// Gives it another name, for dumps. Does nothing once the context has ended.
    pub fn set_name(&self, name: impl Into<Arc<str>>) {
        self.slot.rename(self.agent, name.into());
    }

    /// What kind of context it is; [`Thread`](ContextKind::Thread) once it has ended.
    pub fn kind(&self) -> ContextKind {
        self.slot.describe(self.agent).map_or(ContextKind::Thread, |(kind, _)| kind)
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
        self.agent == other.agent
    }
}

impl Eq for Context {}

/// Everything about one context, as a dump sees it.
pub(crate) struct Seen {
    pub(crate) agent: Agent,
    pub(crate) id: u64,
    pub(crate) kind: ContextKind,
    pub(crate) name: Arc<str>,
    pub(crate) wait: Option<WaitSeen>,
    /// Which of its waits that is.
    pub(crate) mark: Option<Mark>,
}

/// Looks at every context that is alive now, in the order of their numbers.
pub(crate) fn look_at_all() -> Vec<Seen> {
    let mut seen: Vec<Seen> = table::all()
        .filter_map(|slot| {
            let agent = slot.agent()?;
            let id = slot.id();
            let wait = slot.read(|publication, mark| (WaitSeen::of(publication), mark));
            let (wait, mark) = wait.unzip();
            let (kind, name) = slot.describe(agent)?;
            // It shows the waits of its thread, which are listed there.
            if kind == ContextKind::AsyncRuntime {
                return None;
            }
            Some(Seen { agent, id, kind, name, wait, mark })
        })
        .collect();
    seen.sort_by_key(|seen| seen.id);
    seen
}

/// A place in the table that is given back when its owner is dropped.
pub(crate) struct OwnedSlot {
    slot: &'static Slot,
    agent: Agent,
}

impl OwnedSlot {
    pub(crate) fn new(kind: ContextKind, name: Option<Arc<str>>) -> OwnedSlot {
        let slot = table::take();
        OwnedSlot { slot, agent: slot.begin(kind, name) }
    }

    pub(crate) fn get(&self) -> (&'static Slot, Agent) {
        (self.slot, self.agent)
    }
}

impl Drop for OwnedSlot {
    fn drop(&mut self) {
        self.slot.end();
        table::give_back(self.slot);
    }
}

/// A thread's own slot, and that of the code that it runs while it waits.
struct OfThread {
    own: OnceCell<OwnedSlot>,
    guest: OnceCell<OwnedSlot>,
}

impl OfThread {
    const fn new() -> OfThread {
        OfThread { own: OnceCell::new(), guest: OnceCell::new() }
    }
}

impl Drop for OfThread {
    fn drop(&mut self) {
        // Whoever asks later gets another slot.
        let _gone = OWN.try_with(|own| own.set(None));
        forget_thread();
    }
}

local! {
    static OF_THREAD: OfThread = OfThread::new();
    /// For what runs in destructors of thread-locals after the one above is gone; made then, this is
    /// destroyed later.
    static LATE: OfThread = OfThread::new();
    /// The thread's slot that is in one of the above. Has no destructor.
    static OWN: Cell<Option<(&'static Slot, Agent)>> = Cell::new(None);
}

/// A slot of this thread. One that is asked for so late that nothing of the thread will be destroyed
/// any more is never given back.
fn slot_of_thread(
    which: impl Fn(&OfThread) -> &OnceCell<OwnedSlot>,
    name: impl Fn() -> Arc<str>,
) -> (&'static Slot, Agent) {
    let make = || OwnedSlot::new(ContextKind::Thread, Some(name()));
    let get = |of: &OfThread| which(of).get_or_init(make).get();
    OF_THREAD.try_with(get).or_else(|_| LATE.try_with(get)).unwrap_or_else(|_| {
        let slot = table::take();
        (slot, slot.begin(ContextKind::Thread, Some(name())))
    })
}

/// The slot of this thread.
pub(crate) fn thread_slot() -> (&'static Slot, Agent) {
    if let Some(known) = OWN.with(Cell::get) {
        return known;
    }
    let found = slot_of_thread(|of| &of.own, thread_name);
    OWN.with(|own| own.set(Some(found)));
    found
}

/// The agent of this thread, if it is known already.
pub(crate) fn known_thread() -> Option<Agent> {
    OWN.with(Cell::get).map(|(_, agent)| agent)
}

/// The slot of the code that this thread runs while it waits.
pub(crate) fn guest_slot() -> (&'static Slot, Agent) {
    let name = || format!("{} (what it runs while it waits)", thread_name()).into();
    slot_of_thread(|of| &of.guest, name)
}

fn thread_name() -> Arc<str> {
    let thread = std::thread::current();
    match thread.name() {
        Some(name) => name.into(),
        None => format!("{:?}", thread.id()).into(),
    }
}
