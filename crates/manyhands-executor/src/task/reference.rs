//! References to the allocation behind a task: a job, its task, handles.
//!
//! They count as `Arc` does, with three differences. Job and task are made as a pair, so the count
//! begins at two. Nobody holds the allocation weakly, so there is one count. And it lies in the
//! header, which is where every cell begins: a reference finds it without asking the cell's type,
//! and an [owned](Header::own_alone) task counts without atomic read-modify-writes.

use std::alloc::Layout;
use std::marker::PhantomData;
use std::ops::Deref;
use std::ptr::{self, NonNull};

use crate::task::blocks;
use crate::task::cell::{JobCell, TaskCell};
use crate::task::header::Header;
use crate::task::outcome::Shared;

/// A counted reference to a cell.
pub(crate) struct CellRef<C: JobCell + ?Sized> {
    cell: NonNull<C>,
    owned: PhantomData<C>,
}

// SAFETY: as with `Arc`: a reference on another thread gives shared access there, and the last one
// drops the cell where it is. Cells are `Send` and `Sync`, a demand of `JobCell`; what their task's
// type forbids beyond that, `Task` itself says.
unsafe impl<C: JobCell + ?Sized> Send for CellRef<C> {}
// SAFETY: as above.
unsafe impl<C: JobCell + ?Sized> Sync for CellRef<C> {}

/// The cell stays where it is, wherever its references go.
impl<C: JobCell + ?Sized> Unpin for CellRef<C> {}

impl<C: JobCell + 'static> CellRef<C> {
    /// The two references that a new cell has, as its header counts from the beginning.
    ///
    /// The cell is made when its memory is there, so that it is written once: made before and then
    /// copied, it cost a tenth more to start a coroutine, because the processor has to wait for
    /// small stores before it can load them as larger words.
    #[inline(always)]
    pub(crate) fn pair(make: impl FnOnce() -> C) -> (CellRef<C>, CellRef<C>) {
        let cell = blocks::take(Layout::new::<C>()).cast::<C>();
        // SAFETY: memory of this layout, which is nobody else's.
        unsafe { cell.write(make()) };
        (CellRef::from_raw(cell), CellRef::from_raw(cell))
    }

    /// The executor's side.
    #[inline]
    pub(crate) fn into_job(self) -> CellRef<dyn JobCell> {
        let cell: NonNull<dyn JobCell> = self.into_raw();
        CellRef::from_raw(cell)
    }

    /// The holder's side.
    #[inline]
    pub(crate) fn into_task<R>(self) -> CellRef<dyn TaskCell<R>>
    where
        C: TaskCell<R>,
    {
        let cell: NonNull<dyn TaskCell<R>> = self.into_raw();
        CellRef::from_raw(cell)
    }
}

impl<R> CellRef<dyn TaskCell<R>> {
    /// Forgets the type of the outcome.
    pub(crate) fn into_job(self) -> CellRef<dyn JobCell> {
        let cell: NonNull<dyn JobCell> = self.into_raw();
        CellRef::from_raw(cell)
    }
}

impl CellRef<dyn JobCell> {
    /// One more reference to a cell. Whoever has lent it has one.
    pub(crate) fn to(cell: &(dyn JobCell + 'static)) -> CellRef<dyn JobCell> {
        cell.header().add_reference();
        // Cells are made by `pair` and nowhere else, so this one is counted.
        CellRef::from_raw(NonNull::from(cell))
    }
}

impl<C: JobCell + ?Sized> CellRef<C> {
    fn into_raw(self) -> NonNull<C> {
        let cell = self.cell;
        std::mem::forget(self);
        cell
    }

    fn from_raw(cell: NonNull<C>) -> CellRef<C> {
        CellRef { cell, owned: PhantomData }
    }
}

impl<C: JobCell + ?Sized> Deref for CellRef<C> {
    type Target = C;

    #[inline]
    fn deref(&self) -> &C {
        // SAFETY: counted, so the cell is there for as long as this reference is.
        unsafe { self.cell.as_ref() }
    }
}

impl<C: JobCell + ?Sized> Clone for CellRef<C> {
    fn clone(&self) -> CellRef<C> {
        self.header().add_reference();
        CellRef::from_raw(self.cell)
    }
}

impl<C: JobCell + ?Sized> Drop for CellRef<C> {
    #[inline]
    fn drop(&mut self) {
        if self.header().remove_reference() {
            /// Frees the memory also if a destructor panics.
            struct Free(NonNull<u8>, Layout);
            impl Drop for Free {
                #[inline]
                fn drop(&mut self) {
                    // SAFETY: `pair` has taken it with the layout of the cell, which is gone.
                    unsafe { blocks::give(self.0, self.1) };
                }
            }
            let _free = Free(self.cell.cast(), Layout::for_value(&**self));
            // SAFETY: this was the last reference, so nobody uses the cell, nor will.
            unsafe { self.cell.drop_in_place() };
        }
    }
}

/// The header of a cell of any type.
pub(crate) trait Headed {
    fn header(&self) -> &Header;
}

impl<C: JobCell + ?Sized> Headed for C {
    #[inline(always)]
    fn header(&self) -> &Header {
        // SAFETY: a `JobCell` promises to begin with its header.
        unsafe { &*ptr::from_ref(self).cast::<Header>() }
    }
}

/// The typed half of a cell whose type is not known beyond that.
impl<R> dyn TaskCell<R> + '_ {
    #[inline(always)]
    pub(crate) fn shared(&self) -> &Shared<R> {
        // SAFETY: a `TaskCell<R>` promises to begin with its `Shared<R>`.
        unsafe { &*ptr::from_ref(self).cast::<Shared<R>>() }
    }
}
