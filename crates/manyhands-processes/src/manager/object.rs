//! Objects at their owner: a state behind a lock, and the table of all of them.

use std::any::{Any, type_name};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};

use manyhands_wait::Resource;

use super::answer::{Answers, Asker, PeerId, Slot, Ticket};
use super::error::{ManagerError, ManagerErrorKind};

/// What an object is. Functions run on it one at a time; those that cannot answer at once leave their
/// asker in it.
pub(crate) trait State: Send + 'static {
    /// Nobody waits for the answer to this request any more: forget who waits, take back what was
    /// given.
    fn withdraw(&mut self, _: Ticket, _: &mut Answers) {}

    /// What this request waits for, as the wait-for graph of this process knows it.
    fn edge(&self, _: Ticket) -> Option<Arc<dyn Resource>> {
        None
    }

    /// What was given for this request has arrived.
    fn accept(&mut self, _: Ticket) {}

    /// A process has ended: forget who waits there, take back what it holds.
    fn peer_gone(&mut self, _: PeerId, _: &mut Answers) {}
}

/// A value of the user's, on which functions run that answer at once.
pub(crate) struct Plain<T>(pub(crate) T);

impl<T: Send + 'static> State for Plain<T> {}

/// An object; its state is gone once it was removed.
pub(crate) struct Object<S> {
    id: u64,
    this: Weak<Object<S>>,
    state: Mutex<Option<S>>,
}

impl<S: State> Object<S> {
    /// Makes an object that can be found by its number until it is closed.
    pub(crate) fn register(state: S) -> Arc<Object<S>> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let object = Arc::new_cyclic(|this| Object {
            id,
            this: Weak::clone(this),
            state: Mutex::new(Some(state)),
        });
        let any: Arc<dyn AnyObject> = Arc::<Object<S>>::clone(&object);
        table().write().unwrap_or_else(PoisonError::into_inner).insert(id, any);
        object
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// Runs `f` on the state.
    ///
    /// # Errors
    /// If the object is gone, or if this is already inside of one.
    pub(crate) fn with<R>(&self, f: impl FnOnce(&mut S) -> R) -> Result<R, ManagerError> {
        let _inside = Inside::enter()?;
        self.lock().as_mut().map(f).ok_or_else(ManagerError::closed)
    }

    /// Runs a function that answers `asker` now or later.
    pub(crate) fn run<R>(
        &self,
        asker: Asker<R>,
        answers: &mut Answers,
        f: impl FnOnce(&mut S, Asker<R>, &mut Answers),
    ) {
        let inside = match Inside::enter() {
            Ok(inside) => inside,
            Err(error) => return asker.fail(error, answers),
        };
        match self.lock().as_mut() {
            Some(state) => f(state, asker, answers),
            None => asker.fail(ManagerError::closed(), answers),
        }
        drop(inside);
    }

    /// Runs a function for somebody in this process, who waits at the slot.
    pub(crate) fn run_here<R>(
        &self,
        f: impl FnOnce(&mut S, Asker<R>, &mut Answers),
    ) -> (Ticket, Arc<Slot<R>>) {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let request = NEXT.fetch_add(1, Ordering::Relaxed);
        let ticket = Ticket { peer: PeerId::HERE, request };
        let slot = Slot::new();
        let mut answers = Answers::default();
        self.run(Asker::here(ticket, Arc::clone(&slot)), &mut answers, f);
        answers.deliver();
        (ticket, slot)
    }

    fn take_state(&self) {
        // Dropped after the lock is released: those who wait in it are told then.
        let state = self.lock().take();
        drop(state);
    }

    fn lock(&self) -> MutexGuard<'_, Option<S>> {
        // A panic of a function leaves the state as the function left it, and is told its caller.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An object of any type, for those who know only its number.
pub(crate) trait AnyObject: Any + Send + Sync {
    fn as_any(&self) -> &dyn Any;
    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
    fn type_name(&self) -> &'static str;
    fn withdraw(&self, ticket: Ticket, answers: &mut Answers);
    fn accept(&self, ticket: Ticket);
    fn peer_gone(&self, peer: PeerId, answers: &mut Answers);
    /// Whoever waits is told, and later calls fail.
    fn close(&self);
}

impl<S: State> AnyObject for Object<S> {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }

    fn type_name(&self) -> &'static str {
        type_name::<S>()
    }

    fn withdraw(&self, ticket: Ticket, answers: &mut Answers) {
        if let Some(state) = self.lock().as_mut() {
            state.withdraw(ticket, answers);
        }
    }

    fn accept(&self, ticket: Ticket) {
        if let Some(state) = self.lock().as_mut() {
            state.accept(ticket);
        }
    }

    fn peer_gone(&self, peer: PeerId, answers: &mut Answers) {
        if let Some(state) = self.lock().as_mut() {
            state.peer_gone(peer, answers);
        }
    }

    fn close(&self) {
        remove(self.id);
        if is_inside() {
            // The state that is in use by this thread may be this one.
            if let Some(object) = self.this.upgrade() {
                after_function(move || object.take_state());
            }
        } else {
            self.take_state();
        }
    }
}

type Table = RwLock<HashMap<u64, Arc<dyn AnyObject>>>;

fn table() -> &'static Table {
    static TABLE: std::sync::OnceLock<Table> = std::sync::OnceLock::new();
    TABLE.get_or_init(Table::default)
}

/// The object with this number.
pub(crate) fn find(id: u64) -> Option<Arc<dyn AnyObject>> {
    table().read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
}

/// The object with this number, if it is of this type.
pub(crate) fn find_typed<S: State>(id: u64) -> Option<Arc<Object<S>>> {
    find(id)?.into_any().downcast().ok()
}

/// All objects of this type, in no order.
pub(crate) fn all_typed<S: State>() -> Vec<Arc<Object<S>>> {
    let objects: Vec<_> =
        table().read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
    objects.into_iter().filter_map(|object| object.into_any().downcast().ok()).collect()
}

fn remove(id: u64) {
    let removed = table().write().unwrap_or_else(PoisonError::into_inner).remove(&id);
    drop(removed);
}

/// A process has ended: every object forgets it.
pub(crate) fn peer_gone(peer: PeerId) {
    let objects: Vec<_> =
        table().read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
    let mut answers = Answers::default();
    for object in objects {
        object.peer_gone(peer, &mut answers);
        answers.deliver();
    }
}

/// The number of this process: others of the same machine have others, also later ones.
pub(crate) fn this_process() -> u64 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    static NUMBER: std::sync::OnceLock<u64> = std::sync::OnceLock::new();
    *NUMBER.get_or_init(|| {
        // Its keys come from the operating system's source of randomness.
        let mut hasher = RandomState::new().build_hasher();
        hasher.write_u32(std::process::id());
        hasher.finish()
    })
}

/// This thread is inside of an object. There it must not enter another, for which it could wait in a
/// circle.
struct Inside(());

thread_local! {
    static INSIDE: Cell<bool> = const { Cell::new(false) };
    static AFTERWARDS: RefCell<Vec<Box<dyn FnOnce()>>> = const { RefCell::new(Vec::new()) };
}

/// Whether this thread is inside of a function that runs on an object.
pub(crate) fn is_inside() -> bool {
    INSIDE.get()
}

/// Does something when the function has ended that this thread is inside of: what gives back or ends
/// objects, and can neither fail nor wait for the object that the thread has locked.
pub(crate) fn after_function(f: impl FnOnce() + 'static) {
    AFTERWARDS.with_borrow_mut(|all| all.push(Box::new(f)));
}

impl Inside {
    fn enter() -> Result<Inside, ManagerError> {
        if INSIDE.replace(true) {
            return Err(ManagerError::new(
                ManagerErrorKind::Nested,
                "a function that runs on a managed object used a managed object; take what it needs \
                 before, as its argument",
            ));
        }
        Ok(Inside(()))
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        INSIDE.set(false);
        // Not borrowed meanwhile: what is done may end objects whose values do such things too.
        while let Some(f) = AFTERWARDS.with_borrow_mut(Vec::pop) {
            f();
        }
    }
}
