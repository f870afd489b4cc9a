//! Has the processor fetch memory that is needed soon.
//!
//! Where many coroutines sleep and start, what a start touches is in no cache: the body, and a stack
//! on a page of its own, whose address the processor has to look up in memory first. Fetched while
//! others start, it is there in time. So it is with what those need who go on after a wait.

/// The size of a cache line.
const LINE: usize = 64;

/// Begins to fetch `bytes` from `address` on. Any address will do: there are no faults.
#[inline(always)]
pub(super) fn prefetch(address: usize, bytes: usize) {
    for line in 0..bytes.div_ceil(LINE) {
        prefetch_line(address.wrapping_add(line * LINE));
    }
}

/// Begins to fetch the `count` cache lines below `address`, the nearest first.
#[inline(always)]
pub(super) fn prefetch_below(address: usize, count: usize) {
    for line in 1..=count {
        prefetch_line(address.wrapping_sub(line * LINE));
    }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn prefetch_line(address: usize) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: a hint to the processor, which reads nothing that the program could see.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::without_provenance(address)) };
}

/// On other processors a start takes as long as it takes.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn prefetch_line(_address: usize) {}
