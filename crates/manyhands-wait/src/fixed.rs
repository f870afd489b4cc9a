//! A value on the heap to which others point while its owner moves.

use std::ops::Deref;
use std::ptr::NonNull;

/// Owns a value that others may reach by [`pointer`](Self::pointer) for as long as it lives. A `Box` will not
/// do: whoever moves one claims to be alone with what is in it.
pub(crate) struct Fixed<T>(NonNull<T>);

// SAFETY: it gives shared access from wherever it is, and drops the value where it is dropped.
unsafe impl<T: Send + Sync> Send for Fixed<T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for Fixed<T> {}

impl<T> Fixed<T> {
    pub(crate) fn new(value: T) -> Fixed<T> {
        Fixed(NonNull::from(Box::leak(Box::new(value))))
    }

    pub(crate) fn pointer(&self) -> *const T {
        self.0.as_ptr()
    }
}

impl<T> Deref for Fixed<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: it is dropped with `self` alone, and nobody has it exclusively before.
        unsafe { self.0.as_ref() }
    }
}

impl<T> Drop for Fixed<T> {
    fn drop(&mut self) {
        // SAFETY: it is from a `Box` that was leaked, and those who have pointed to it do so no more.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}
