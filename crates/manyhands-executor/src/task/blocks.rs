//! Memory for the cells of tasks: blocks that a thread uses again for the next task, because tasks
//! that are started and awaited one after the other would otherwise spend a fifth of their time in
//! the allocator.
//!
//! A block comes from the global allocator and goes back to it by itself, so it may be freed by any
//! thread. Each thread keeps what is freed there, up to a limit, and gives it back when it ends.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::cell::Cell;
use std::ptr::{self, NonNull};

/// Sizes are rounded up to a multiple of this.
const GRANULE: usize = 32;
/// Every block is aligned to this; what needs more goes to the allocator.
const ALIGN: usize = 16;
/// Up to so many granules are kept.
const CLASSES: usize = 12;
/// So many bytes of one size are kept at most.
const KEPT_BYTES_MAX: usize = 32 * 1024;

/// A block that nobody uses, in the list of its size.
struct Free {
    next: *mut Free,
}

/// The blocks of one size.
struct Shelf {
    first: Cell<*mut Free>,
    bytes: Cell<usize>,
}

/// What a thread keeps, by the number of granules, from one on.
struct Kept([Shelf; CLASSES]);

thread_local! {
    static KEPT: Kept = const {
        Kept([const { Shelf { first: Cell::new(ptr::null_mut()), bytes: Cell::new(0) } }; CLASSES])
    };
}

/// The class of what has this layout, and the layout of its blocks; `None` if they are not kept.
#[inline(always)]
fn class_of(layout: Layout) -> Option<(usize, Layout)> {
    let granules = layout.size().div_ceil(GRANULE);
    if layout.align() > ALIGN || !(1..=CLASSES).contains(&granules) {
        return None;
    }
    let block = Layout::from_size_align(granules * GRANULE, ALIGN).ok()?;
    Some((granules - 1, block))
}

/// Memory for a value of this layout, which must not be of size zero.
#[inline]
pub(super) fn take(layout: Layout) -> NonNull<u8> {
    let Some((class, block)) = class_of(layout) else { return allocate(layout) };
    // While the thread ends, it keeps nothing.
    let kept = KEPT.try_with(|kept| {
        let shelf = &kept.0[class];
        let first = NonNull::new(shelf.first.get())?;
        // SAFETY: what is in the list is free, and `give` has written its link.
        shelf.first.set(unsafe { first.as_ref() }.next);
        shelf.bytes.set(shelf.bytes.get() - block.size());
        Some(first.cast())
    });
    match kept {
        Ok(Some(kept)) => kept,
        _ => allocate(block),
    }
}

/// Takes back what [`take`] gave.
///
/// # Safety
/// `memory` must come from `take` with the same layout, on any thread, and nobody may use it any
/// more.
#[inline]
pub(super) unsafe fn give(memory: NonNull<u8>, layout: Layout) {
    let Some((class, block)) = class_of(layout) else {
        // SAFETY: by contract; `take` has allocated it with this layout.
        return unsafe { dealloc(memory.as_ptr(), layout) };
    };
    let kept = KEPT.try_with(|kept| {
        let shelf = &kept.0[class];
        let bytes = shelf.bytes.get() + block.size();
        let has_room = bytes <= KEPT_BYTES_MAX;
        if has_room {
            let free = memory.cast::<Free>();
            // SAFETY: nobody uses the block, and it is larger than a link and aligned for one.
            unsafe { free.write(Free { next: shelf.first.get() }) };
            shelf.first.set(free.as_ptr());
            shelf.bytes.set(bytes);
        }
        has_room
    });
    if kept != Ok(true) {
        // SAFETY: by contract; it was allocated with the layout of its class.
        unsafe { dealloc(memory.as_ptr(), block) };
    }
}

#[cold]
fn allocate(layout: Layout) -> NonNull<u8> {
    debug_assert!(layout.size() > 0, "a cell has a header");
    // SAFETY: the size is not zero: cells have a header, and blocks have a granule at least.
    let memory = unsafe { alloc(layout) };
    NonNull::new(memory).unwrap_or_else(|| handle_alloc_error(layout))
}

impl Drop for Kept {
    fn drop(&mut self) {
        for (class, shelf) in self.0.iter().enumerate() {
            let size = (class + 1) * GRANULE;
            let Ok(block) = Layout::from_size_align(size, ALIGN) else { continue };
            let mut next = shelf.first.replace(ptr::null_mut());
            while let Some(free) = NonNull::new(next) {
                // SAFETY: what is in the list is free and has a link.
                next = unsafe { free.as_ref() }.next;
                // SAFETY: allocated with the layout of its class, and no longer in the list.
                unsafe { dealloc(free.as_ptr().cast(), block) };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::alloc::Layout;
    use std::ptr::NonNull;

    use super::{ALIGN, CLASSES, GRANULE, KEPT, KEPT_BYTES_MAX, give, take};

    fn kept_bytes(class: usize) -> usize {
        KEPT.with(|kept| kept.0[class].bytes.get())
    }

    #[test]
    fn a_block_is_used_again_for_what_fits_into_it() {
        let (small, smaller) = (Layout::new::<[u64; 8]>(), Layout::new::<[u64; 7]>());
        let first = take(small);
        // SAFETY: just taken with this layout.
        unsafe { give(first, small) };
        let second = take(smaller);
        assert_eq!(first, second);
        assert_ne!(take_and_give(Layout::new::<[u64; 9]>()), second, "it is in use");
        // SAFETY: as above.
        unsafe { give(second, smaller) };
    }

    fn take_and_give(layout: Layout) -> NonNull<u8> {
        let block = take(layout);
        // SAFETY: just taken with this layout.
        unsafe { give(block, layout) };
        block
    }

    #[test]
    fn what_is_kept_has_an_end() {
        let layout = Layout::new::<[u8; 64]>();
        let most = KEPT_BYTES_MAX / 64;
        let blocks: Vec<_> = (0..most + 10).map(|_| take(layout)).collect();
        for block in blocks {
            // SAFETY: just taken with this layout.
            unsafe { give(block, layout) };
        }
        assert_eq!(kept_bytes(64 / GRANULE - 1), KEPT_BYTES_MAX);
    }

    #[test]
    fn the_large_and_the_specially_aligned_are_not_kept() {
        let large = Layout::from_size_align(CLASSES * GRANULE + 1, ALIGN).unwrap();
        let aligned = Layout::from_size_align(64, 4 * ALIGN).unwrap();
        for layout in [large, aligned] {
            assert_eq!(take_and_give(layout).addr().get() % layout.align(), 0);
        }
        assert!((0..CLASSES).all(|class| kept_bytes(class) == 0));
    }

    #[test]
    fn a_block_may_be_given_back_by_another_thread() {
        let layout = Layout::new::<[u64; 4]>();
        let address = take(layout).as_ptr().expose_provenance();
        let other = std::thread::spawn(move || {
            let block = NonNull::new(std::ptr::with_exposed_provenance_mut(address)).unwrap();
            // SAFETY: taken with this layout, and nobody else uses it.
            unsafe { give(block, layout) };
            let again = take(layout) == block;
            // SAFETY: as above.
            unsafe { give(block, layout) };
            again
        });
        assert!(other.join().unwrap());
    }
}
