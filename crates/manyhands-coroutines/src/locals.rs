//! Values of one coroutine each: its own ([`LocalKey`]), and those it has from whoever spawned it
//! ([`InheritedKey`]).

pub(crate) mod inherited;
mod key;

use std::any::{Any, TypeId};
use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;

pub use inherited::InheritedKey;
pub use key::LocalKey;

use manyhands_executor::contain_panic;

use crate::hub::Hub;
use inherited::Values;

/// So often the values are dropped that were made by destructors of others. What comes after that
/// is leaked: destructors that make each other's values again would never end.
const ROUNDS: usize = 5;

/// The address of a key, and the type of its value: two constants may share one address.
type Place = (usize, TypeId);

/// What a coroutine, or a thread, keeps under its keys.
#[derive(Default)]
pub(crate) struct Locals {
    own: Option<HashMap<Place, Rc<dyn Any>>>,
    inherited: Option<Values>,
}

impl Locals {
    pub(crate) const fn new() -> Locals {
        Locals { own: None, inherited: None }
    }

    #[inline]
    pub(crate) fn is_used(&self) -> bool {
        self.own.is_some() || self.inherited.is_some()
    }

    /// Drops everything, also what destructors put here meanwhile. Their panics were reported by the
    /// panic hook and go no further.
    pub(crate) fn clear(locals: &RefCell<Locals>) {
        for _ in 0..ROUNDS {
            // Taken out first: a destructor may come back here.
            let values = locals.borrow_mut().own.take();
            let Some(values) = values else { break };
            for value in values.into_values() {
                contain_panic(|| drop(value));
            }
        }
        let Locals { own, inherited } = locals.take();
        std::mem::forget(own);
        contain_panic(|| drop(inherited));
    }
}

thread_local! {
    static OF_THREAD: OfThread = const { OfThread(RefCell::new(Locals::new())) };
}

/// The values of a thread itself, for code outside coroutines.
struct OfThread(RefCell<Locals>);

impl Drop for OfThread {
    fn drop(&mut self) {
        Locals::clear(&self.0);
    }
}

/// The thread is ending, and its values are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccessError;

impl fmt::Display for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the thread is ending, and the values that were local to it are gone")
    }
}

impl std::error::Error for AccessError {}

/// Calls `f` with the values of the coroutine that runs here, else of the thread. `f` must run
/// nothing foreign: that could come back here.
fn with_current<R>(f: impl FnOnce(&RefCell<Locals>) -> R) -> Result<R, AccessError> {
    // SAFETY: used in a coroutine only for as long as its hub is there.
    match unsafe { Hub::own() }.and_then(Hub::current) {
        Some(body) => Ok(f(&body.locals)),
        None => OF_THREAD.try_with(|of_thread| f(&of_thread.0)).map_err(|_| AccessError),
    }
}
