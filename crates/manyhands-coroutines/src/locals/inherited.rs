//! Values that a coroutine passes on to those it spawns.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;
use std::ptr;
use std::sync::Arc;

use super::{Place, with_current};

/// All values of one coroutine. Shared with those it has spawned until one of them sets another.
pub(crate) type Values = Arc<HashMap<Place, Arc<dyn Any + Send + Sync>>>;

/// What a coroutine that is spawned here begins with.
#[inline]
pub(crate) fn of_spawner() -> Option<Values> {
    with_current(|locals| locals.borrow().inherited.clone()).ok().flatten()
}

/// Has the coroutine that has just begun start with these.
pub(crate) fn begin_with(values: Values) {
    let _none = with_current(|locals| locals.borrow_mut().inherited.replace(values));
}

/// Declares statics whose values are passed on: a coroutine begins with those of whoever spawned it.
///
/// They are for what belongs to a whole tree of coroutines: the number of a request, a user, a level
/// of detail for logs. See [`InheritedKey`].
///
/// ```
/// use manyhands_coroutines::{inherited, spawn_local};
///
/// inherited! {
///     /// The request that is being answered.
///     static REQUEST: u64;
/// }
///
/// let handler = spawn_local(|| {
///     REQUEST.set(17);
///     let part = spawn_local(|| REQUEST.get().as_deref().copied());
///     part.result().unwrap()
/// });
/// assert_eq!(handler.result().unwrap(), Some(17));
/// assert!(REQUEST.get().is_none()); // this thread has set none
/// ```
#[doc(alias = "spawn_tree_locals")]
#[doc(alias = "contextvars")]
#[macro_export]
macro_rules! inherited {
    ($($(#[$attribute:meta])* $visibility:vis static $name:ident: $type:ty;)+) => {$(
        $(#[$attribute])*
        $visibility static $name: $crate::InheritedKey<$type> = $crate::InheritedKey::new();
    )+};
}

/// A static made by [`inherited!`](crate::inherited).
///
/// A coroutine of [`spawn_local`](crate::spawn_local) and its like begins with the values that its
/// spawner, coroutine or thread, had at that moment. What either sets afterwards the other does not
/// see; those that it spawns from then on do.
pub struct InheritedKey<T> {
    /// Not of size zero: two statics must have two addresses.
    _address: u8,
    value: PhantomData<fn() -> T>,
}

impl<T: Send + Sync + 'static> InheritedKey<T> {
    /// For [`inherited!`](crate::inherited). A key is known by its address, so it must be a static.
    #[doc(hidden)]
    pub const fn new() -> InheritedKey<T> {
        InheritedKey { _address: 0, value: PhantomData }
    }

    /// The value that this coroutine or thread has set or inherited, if it has.
    pub fn get(&'static self) -> Option<Arc<T>> {
        let values = of_spawner()?;
        let value = Arc::clone(values.get(&self.place())?);
        value.downcast().ok()
    }

    /// Sets the value for this coroutine or thread and for those that it spawns from now on.
    /// Returns the one that was there.
    ///
    /// At the very end of a thread, outside of coroutines, it does nothing.
    pub fn set(&'static self, value: T) -> Option<Arc<T>> {
        self.exchange(Some(Arc::new(value)))
    }

    /// Takes the value away from this coroutine or thread and from those that it spawns from now
    /// on. Returns it.
    pub fn unset(&'static self) -> Option<Arc<T>> {
        self.exchange(None)
    }

    fn exchange(&'static self, value: Option<Arc<T>>) -> Option<Arc<T>> {
        let (place, value) = (self.place(), value.map(|value| value as Arc<dyn Any + Send + Sync>));
        let before = with_current(|locals| {
            let mut locals = locals.borrow_mut();
            let values = Arc::make_mut(locals.inherited.get_or_insert_default());
            match value {
                Some(value) => values.insert(place, value),
                None => values.remove(&place),
            }
        });
        before.ok()??.downcast().ok()
    }

    fn place(&'static self) -> Place {
        (ptr::from_ref(self).addr(), TypeId::of::<T>())
    }
}

impl<T> fmt::Debug for InheritedKey<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InheritedKey").finish_non_exhaustive()
    }
}
