//! Values of which every coroutine has its own.

use std::any::TypeId;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::ptr;
use std::rc::Rc;

use super::{AccessError, Place, with_current};

/// Declares statics of which every coroutine has its own value, made when it first looks at it.
///
/// Outside of coroutines every thread has its own, as with `thread_local!`. That one is no
/// replacement in coroutines: all those of a thread share its values.
///
/// The values are dropped in their coroutine when its task ends, before the outcome can be seen. The
/// destructors may wait, and so may the initialisers. See [`LocalKey`].
///
/// ```
/// use std::cell::Cell;
/// use manyhands_coroutines::{join_all, local, spawn_local, yield_now};
///
/// local! {
///     /// How many steps this coroutine has made.
///     static STEPS: Cell<u32> = Cell::new(0);
/// }
///
/// let walk = |steps: u32| move || {
///     for _ in 0..steps {
///         STEPS.set(STEPS.get() + 1);
///         yield_now();
///     }
///     STEPS.get()
/// };
/// let walked = join_all([spawn_local(walk(2)), spawn_local(walk(3))]);
/// assert_eq!(walked.into_iter().map(Result::unwrap).collect::<Vec<_>>(), [2, 3]);
/// assert_eq!(STEPS.get(), 0); // that of the thread
/// ```
#[doc(alias = "gevent.local")]
#[doc(alias = "threading.local")]
#[macro_export]
macro_rules! local {
    ($($(#[$attribute:meta])* $visibility:vis static $name:ident: $type:ty = $value:expr;)+) => {$(
        $(#[$attribute])*
        $visibility static $name: $crate::LocalKey<$type> =
            $crate::LocalKey::<$type>::new(|| $value);
    )+};
}

/// A static made by [`local!`](crate::local).
///
/// Inside a destructor of another value it can still be used; what is made there is dropped, too.
pub struct LocalKey<T: 'static> {
    make: fn() -> T,
}

impl<T: 'static> LocalKey<T> {
    /// For [`local!`](crate::local). A key is known by its address, so it must be a static.
    #[doc(hidden)]
    pub const fn new(make: fn() -> T) -> LocalKey<T> {
        LocalKey { make }
    }

    /// Calls `f` with the value of this coroutine or thread; makes it first if it has none.
    ///
    /// `f` may wait: nobody else gets at the value meanwhile, unless it is an `Rc` or the like.
    ///
    /// # Panics
    /// At the very end of a thread, where [`try_with`](Self::try_with) returns an error.
    pub fn with<R>(&'static self, f: impl FnOnce(&T) -> R) -> R {
        self.try_with(f).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Like [`with`](Self::with), also for destructors of a thread's values.
    ///
    /// # Errors
    /// [`AccessError`] outside of coroutines, when the values of the thread were dropped already.
    pub fn try_with<R>(&'static self, f: impl FnOnce(&T) -> R) -> Result<R, AccessError> {
        let value = match self.look()? {
            Some(value) => value,
            None => self.keep(Rc::new((self.make)()))?,
        };
        Ok(f(&value))
    }

    fn look(&'static self) -> Result<Option<Rc<T>>, AccessError> {
        with_current(|locals| {
            let locals = locals.borrow();
            let value = locals.own.as_ref()?.get(&self.place())?;
            Rc::clone(value).downcast().ok()
        })
    }

    /// Keeps this value, unless its initialiser has led to one already: then that.
    fn keep(&'static self, value: Rc<T>) -> Result<Rc<T>, AccessError> {
        let before = self.look()?;
        if let Some(before) = before {
            return Ok(before);
        }
        with_current(|locals| {
            let mut locals = locals.borrow_mut();
            let _none =
                locals.own.get_or_insert_default().insert(self.place(), Rc::<T>::clone(&value));
        })?;
        Ok(value)
    }

    fn place(&'static self) -> Place {
        (ptr::from_ref(self).addr(), TypeId::of::<T>())
    }
}

impl<T: 'static> LocalKey<Cell<T>> {
    /// A copy of the value.
    pub fn get(&'static self) -> T
    where
        T: Copy,
    {
        self.with(Cell::get)
    }

    /// Puts another value in its place.
    pub fn set(&'static self, value: T) {
        self.with(|cell| cell.set(value));
    }

    /// Puts another value in its place and returns the one that was there.
    pub fn replace(&'static self, value: T) -> T {
        self.with(|cell| cell.replace(value))
    }
}

impl<T: 'static> LocalKey<RefCell<T>> {
    /// Calls `f` with the content.
    ///
    /// # Panics
    /// If it is mutably borrowed.
    pub fn with_borrow<R>(&'static self, f: impl FnOnce(&T) -> R) -> R {
        self.with(|cell| f(&cell.borrow()))
    }

    /// Calls `f` with the content, to be changed.
    ///
    /// # Panics
    /// If it is borrowed.
    pub fn with_borrow_mut<R>(&'static self, f: impl FnOnce(&mut T) -> R) -> R {
        self.with(|cell| f(&mut cell.borrow_mut()))
    }
}

impl<T: 'static> fmt::Debug for LocalKey<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalKey").finish_non_exhaustive()
    }
}
