//! What is ambient while code runs: the chain of layers, each with a deadline, a source of
//! cancellation, or the name of a task.
//!
//! Layers live on the stacks of those who open them and are linked from the inside out; each stack
//! has a pointer to the innermost. A layer delivers its cancellation **once**: afterwards
//! destructors may wait, for instance to tell a peer that it is over.

use std::cell::Cell;
use std::marker::PhantomData;
use std::ptr;
use std::sync::Arc;
use std::task::{RawWakerVTable, Waker};
use std::time::Instant;

use crate::agent::Agent;
use crate::ambient::{Ambient, with_ambient};
use crate::interrupt::{Cause, Interrupt};

/// Something that can ask a context to end: a cancel token, or a task.
pub trait CancelSource: Sync {
    /// Whether the context is asked to end. Also asked by others who look at its wait: must not wait, take
    /// a lock or panic.
    fn is_cancelled(&self) -> bool;

    /// Has `waker` woken when cancellation comes, at once if it has come. Returns a key for
    /// [`unregister`](Self::unregister).
    fn register(&self, waker: &Waker) -> usize;

    /// Takes back what [`register`](Self::register) did.
    fn unregister(&self, key: usize);
}

/// The task that a stretch of code belongs to, as dumps show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskLabel {
    /// The task's process-wide number.
    pub id: u64,
    /// Its name, where one was given.
    pub name: Option<Arc<str>>,
}

/// The task that a [`Layer`] belongs to, or [holds up](Layer::holds_up). A closure that makes the label is
/// one.
pub trait LayerTask {
    /// How dumps and reports show it.
    fn label(&self) -> TaskLabel;

    /// Told when code of the task, or code that holds it up, begins to wait for something that the
    /// wait-for graph knows, with the agent that waits: the task ends only if that one goes on. `None` says that it does. What waits
    /// for the task can name that agent as the one it waits for.
    ///
    /// Called on the task's own stack, before the wait can be seen in the graph and after it cannot be
    /// seen any more; for each wait, from the inside out. Must not wait or panic.
    fn set_waiting(&self, agent: Option<Agent>) {
        let _ = agent;
    }

    /// Whether the task is asked to end, and polled for that if it is an [async one](crate::tracked_for):
    /// then its wait counts as one that may end. Also asked by others who look at that wait: must not wait,
    /// take a lock or panic.
    fn is_cancelled(&self) -> bool {
        false
    }
}

impl<F: Fn() -> TaskLabel> LayerTask for F {
    fn label(&self) -> TaskLabel {
        self()
    }
}

/// One layer: opened with [`Layer::enter`], closed when that returns.
pub struct Layer<'a> {
    /// The next one that applies here too; null if none does.
    parent: Cell<*const Layer<'static>>,
    /// The next one on the stack, whether it applies or not.
    outer: Cell<*const Layer<'static>>,
    /// The wait that its task was told of; 0 if that was none.
    told: Cell<usize>,
    deadline: Option<Instant>,
    source: Option<&'a dyn CancelSource>,
    task: Option<&'a dyn LayerTask>,
    /// Whether the code is that task's own, not merely something that it cannot end before.
    is_of_task: bool,
    isolated: bool,
    delivered: Cell<bool>,
    entered: Cell<bool>,
    /// The waker that its source has, of the waits inside.
    registered: Cell<Option<Registration>>,
    /// The address is the identity, and the chain belongs to one thread.
    not_send: PhantomData<*const ()>,
}

/// A waker that a source of cancellation was given. The source keeps a clone until it is cancelled, so its
/// addresses are no other waker's before that; and what was cancelled says so for good.
#[derive(Clone, Copy)]
struct Registration {
    data: *const (),
    vtable: &'static RawWakerVTable,
    key: usize,
}

impl Registration {
    /// Whether it is of this waker.
    fn is_of(&self, waker: &Waker) -> bool {
        ptr::eq(self.data, waker.data()) && ptr::eq(self.vtable, waker.vtable())
    }
}

/// Where a chain begins: that of one stack.
pub(crate) type Innermost = Cell<*const Layer<'static>>;

/// Calls `f` with the beginning of the chain in force here.
#[inline]
fn with_innermost<R>(f: impl FnOnce(&Innermost) -> R) -> R {
    with_ambient(|ambient| f(ambient.layers()))
}

impl<'a> Layer<'a> {
    /// A layer that adds nothing yet and inherits everything outside it.
    #[inline]
    pub fn new() -> Layer<'a> {
        Layer {
            parent: Cell::new(ptr::null()),
            outer: Cell::new(ptr::null()),
            told: Cell::new(0),
            deadline: None,
            source: None,
            task: None,
            is_of_task: false,
            isolated: false,
            delivered: Cell::new(false),
            entered: Cell::new(false),
            registered: Cell::new(None),
            not_send: PhantomData,
        }
    }

    /// Ends whatever runs in the layer at its first wait after `at`.
    #[inline]
    pub fn deadline(mut self, at: Option<Instant>) -> Layer<'a> {
        self.deadline = at;
        self
    }

    /// Ends whatever runs in the layer at its first wait after `source` says so.
    #[inline]
    pub fn source(mut self, source: &'a dyn CancelSource) -> Layer<'a> {
        self.source = Some(source);
        self
    }

    /// Makes the layer that of a task: it is shown in dumps, and nothing outside it applies inside,
    /// because a task that happens to run on the stack of another is not part of it.
    #[inline]
    pub fn task(mut self, task: &'a dyn LayerTask) -> Layer<'a> {
        self.task = Some(task);
        self.is_of_task = true;
        self.isolated = true;
        self
    }

    /// Tells a task of the waits in the layer, and changes nothing else: for code that is not the task's
    /// own and without which the task cannot end, such as what is called with its outcome.
    #[inline]
    pub fn holds_up(mut self, task: &'a dyn LayerTask) -> Layer<'a> {
        self.task = Some(task);
        self.is_of_task = false;
        self
    }

    /// Keeps everything outside the layer from what runs in it: no cancellation and no deadline from
    /// there is delivered inside, it waits for the first wait afterwards. For a wait that must not
    /// end early, and that somebody else is sure to end.
    pub fn isolated(mut self) -> Layer<'a> {
        self.isolated = true;
        self
    }

    /// Runs `f` inside this layer.
    ///
    /// # Panics
    /// If the layer is entered already: it cannot be inside itself.
    #[inline]
    pub fn enter<R>(&self, f: impl FnOnce() -> R) -> R {
        struct Leave<'l, 'a>(&'l Layer<'a>, *const Layer<'static>);
        impl Drop for Leave<'_, '_> {
            fn drop(&mut self) {
                with_innermost(|innermost| innermost.set(self.1));
                self.0.entered.set(false);
                if let Some(registration) = self.0.registered.take() {
                    self.0.unregister(registration);
                }
            }
        }
        assert!(!self.entered.replace(true), "a layer was entered again inside itself");
        let outer = with_innermost(Cell::get);
        self.parent.set(if self.isolated { ptr::null() } else { outer });
        self.outer.set(outer);
        let _leave = Leave(self, outer);
        with_innermost(|innermost| innermost.set(ptr::from_ref(self).cast()));
        f()
    }

    /// Has `waker` woken by the layer's source for as long as the layer is open. `false` if the source has
    /// another one, perhaps of a wait further out, in whose poll or park this one is.
    fn register(&self, source: &dyn CancelSource, waker: &Waker) -> bool {
        if let Some(registered) = self.registered.get() {
            return registered.is_of(waker);
        }
        let key = source.register(waker);
        self.registered.set(Some(Registration { data: waker.data(), vtable: waker.vtable(), key }));
        true
    }

    #[cold]
    fn unregister(&self, registration: Registration) {
        if let Some(source) = self.source {
            source.unregister(registration.key);
        }
    }

    /// Its source, if that was not heard yet.
    fn undelivered(&self) -> Option<&'a dyn CancelSource> {
        self.source.filter(|_| !self.delivered.get())
    }

    pub(crate) fn key(&self) -> usize {
        ptr::from_ref(self).addr()
    }

    fn due(&self) -> Option<Cause> {
        if self.delivered.get() {
            return None;
        }
        if self.source.is_some_and(|source| source.is_cancelled()) {
            return Some(Cause::Cancelled);
        }
        match self.deadline {
            Some(at) if at <= Instant::now() => Some(Cause::DeadlinePassed),
            _ => None,
        }
    }
}

impl Default for Layer<'_> {
    fn default() -> Self {
        Layer::new()
    }
}

/// Ends the running task here if it was cancelled or its deadline passed; otherwise returns at
/// once. Loops that compute without waiting call it now and then.
///
/// Outside a task, a [`timeout`](crate::timeout()) and a
/// [`with_cancel_token`](crate::with_cancel_token) it does nothing. It unwinds with a private
/// payload; destructors run and the panic hook stays silent. A cancellation is delivered once.
///
/// ```
/// # use std::time::Duration;
/// let ended = manyhands_wait::timeout(Duration::from_millis(5), || {
///     loop {
///         manyhands_wait::check_cancelled(); // the only way out of this loop
///     }
/// });
/// assert!(ended.is_err());
/// ```
#[inline]
pub fn check_cancelled() {
    if !with_innermost(Cell::get).is_null() {
        deliver();
    }
}

fn deliver() {
    if std::thread::panicking() {
        return;
    }
    // The outermost wins: an inner timeout has nothing to tell if everything around it ends.
    let mut due = None;
    for_each_layer(|layer| {
        if let Some(cause) = layer.due() {
            due = Some((layer.key(), cause));
        }
    });
    if let Some((key, cause)) = due {
        for_each_layer(|layer| {
            if layer.key() == key {
                layer.delivered.set(true);
            }
        });
        Interrupt::raise(key, cause);
    }
}

/// Whether the running task was cancelled or its deadline passed, without ending it. True also
/// after the cancellation was delivered, while destructors run.
pub fn is_cancelled() -> bool {
    let mut cancelled = false;
    for_each_layer(|layer| cancelled |= layer.delivered.get() || layer.due().is_some());
    cancelled
}

/// Whether this code runs in a destructor while a cancellation or a deadline that has passed unwinds
/// the stack. `std::thread::panicking` is true then, and for panics too.
pub fn is_unwinding_interrupt() -> bool {
    let mut delivered = false;
    if std::thread::panicking() {
        for_each_layer(|layer| delivered |= layer.delivered.get());
    }
    delivered
}

/// Whether something around this code could end it early: a deadline, or somebody who cancels.
///
/// ```
/// use manyhands_wait::{CancelToken, is_interruptible, with_cancel_token};
///
/// assert!(!is_interruptible());
/// assert_eq!(with_cancel_token(&CancelToken::new(), is_interruptible), Ok(true));
/// ```
pub fn is_interruptible() -> bool {
    let mut interruptible = false;
    for_each_layer(|layer| {
        let has_end = layer.source.is_some() || layer.deadline.is_some();
        interruptible |= has_end && !layer.delivered.get();
    });
    interruptible
}

/// The earliest deadline in force here, if any.
pub fn current_deadline() -> Option<Instant> {
    let mut earliest: Option<Instant> = None;
    for_each_layer(|layer| {
        if let Some(at) = layer.deadline.filter(|_| !layer.delivered.get()) {
            earliest = Some(earliest.map_or(at, |before| before.min(at)));
        }
    });
    earliest
}

/// The task that runs here, if any.
pub fn current_task() -> Option<TaskLabel> {
    let mut label = None;
    for_each_layer(|layer| {
        if label.is_none() && layer.is_of_task {
            label = layer.task.map(LayerTask::label);
        }
    });
    label
}

/// Has `waker` woken when somebody cancels the code around this call, at once if that has happened
/// and was not delivered yet; until the guard is dropped.
///
/// For owners of other tasks: one that runs such a task on its own stack, instead of waiting for
/// it, would otherwise not learn of its cancellation before that task has ended.
pub fn wake_on_cancel(waker: &Waker) -> WakeOnCancel {
    WakeOnCancel { _registered: Registered::with_all(waker) }
}

/// The guard of [`wake_on_cancel`].
#[must_use = "dropped, it takes the waker back"]
pub struct WakeOnCancel {
    _registered: Registered,
}

/// Where a waker was registered: with the source of this layer, under this key.
type Key = (*const Layer<'static>, usize);

/// Has `waker` woken by every source of cancellation around a wait, until the guard is dropped at least. The
/// first one stays with them until their layers are left, for the next waits: most are by the same waker,
/// and being woken between two of them does no harm.
#[must_use = "dropped, it takes the waker back"]
pub(crate) fn make_cancellable(waker: &Waker) -> Registered {
    let mut registered = Registered::NONE;
    for_each_layer(|layer| {
        if let Some(source) = layer.undelivered()
            && !layer.register(source, waker)
        {
            registered.add(layer, source.register(waker));
        }
    });
    registered
}

/// Those who can cancel a wait, as others ask them who look at it.
pub(crate) struct Sources {
    first: Option<*const dyn CancelSource>,
    more: Vec<*const dyn CancelSource>,
}

impl Sources {
    /// Those around a wait here that would end it. While the thread unwinds nobody does.
    pub(crate) fn here() -> Sources {
        let mut sources = Sources { first: None, more: Vec::new() };
        if std::thread::panicking() {
            return sources;
        }
        for_each_layer(|layer| {
            if let Some(source) = layer.undelivered() {
                // SAFETY: only the lifetime changes, and a pointer has none.
                let source = unsafe {
                    std::mem::transmute::<&dyn CancelSource, &'static dyn CancelSource>(source)
                };
                match sources.first {
                    None => sources.first = Some(source),
                    Some(_) => sources.more.push(source),
                }
            }
        });
        sources
    }

    /// Whether one of them has cancelled it.
    ///
    /// # Safety
    /// The layers that were open where they were noted must be open still.
    pub(crate) unsafe fn have_cancelled(&self) -> bool {
        // SAFETY: a layer has borrowed its source; by contract it is open.
        self.first.iter().chain(&self.more).any(|source| unsafe { (**source).is_cancelled() })
    }
}

/// Registrations of one waker with sources of cancellation around it; undone on drop.
pub(crate) struct Registered {
    /// Nearly always there is at most one, and that needs no allocation.
    first: Option<Key>,
    more: Vec<Key>,
}

impl Registered {
    const NONE: Registered = Registered { first: None, more: Vec::new() };

    fn with_all(waker: &Waker) -> Registered {
        let mut registered = Registered::NONE;
        for_each_layer(|layer| {
            if let Some(source) = layer.undelivered() {
                registered.add(layer, source.register(waker));
            }
        });
        registered
    }

    fn add(&mut self, layer: &Layer<'_>, key: usize) {
        let key = (ptr::from_ref(layer).cast(), key);
        match self.first {
            None => self.first = Some(key),
            Some(_) => self.more.push(key),
        }
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        let Some(first) = self.first else { return };
        // Only layers still open are visited: those of a wait are open for as long as it lasts.
        for_each_layer(|layer| {
            let here: *const Layer<'static> = ptr::from_ref(layer).cast();
            for (of, key) in std::iter::once(&first).chain(&self.more) {
                if ptr::eq(*of, here)
                    && let Some(source) = layer.source
                {
                    source.unregister(*key);
                }
            }
        });
    }
}

/// Tells the tasks on a stack that they wait as `waiter`, in the wait `key`; not those that wait
/// further out already.
pub(crate) fn tell_tasks(ambient: &Ambient, waiter: Agent, key: usize) {
    for_each_on_stack(ambient, |layer, task| {
        let is_new = layer.told.get() == 0;
        if is_new {
            layer.told.set(key);
            task.set_waiting(Some(waiter));
        }
        is_new
    });
}

/// Tells those whom [`tell_tasks`] has told of the wait `key` that it is over.
pub(crate) fn untell_tasks(ambient: &Ambient, key: usize) {
    for_each_on_stack(ambient, |layer, task| {
        let is_mine = layer.told.get() == key;
        if is_mine {
            layer.told.set(0);
            task.set_waiting(None);
        }
        is_mine
    });
}

/// Visits the tasks of the layers on a stack, those that do not apply here too, from the inside out for
/// as long as `visit` says so.
fn for_each_on_stack(ambient: &Ambient, mut visit: impl FnMut(&Layer<'_>, &dyn LayerTask) -> bool) {
    let mut next = ambient.layers().get();
    // SAFETY: as in `for_each_layer`; `outer` leads to layers that are left later still.
    while let Some(layer) = unsafe { next.as_ref() } {
        if let Some(task) = layer.task
            && !visit(layer, task)
        {
            return;
        }
        next = layer.outer.get();
    }
}

/// Visits the open layers of this thread from the innermost outwards.
fn for_each_layer(mut visit: impl FnMut(&Layer<'_>)) {
    let mut next = with_innermost(Cell::get);
    // SAFETY: `enter` puts a layer's address here and in the chain, and takes it out before it
    // returns or unwinds, while it holds the layer borrowed; so every pointer in the chain is to a
    // live layer of this thread. `visit` gets it for the length of the call only.
    while let Some(layer) = unsafe { next.as_ref() } {
        visit(layer);
        next = layer.parent.get();
    }
}
