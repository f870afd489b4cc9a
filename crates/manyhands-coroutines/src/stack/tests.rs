//! The pool, with both methods of guarding.

use std::io;

use super::guard::GuardMethod;
use super::pool::Pool;
use super::size::{StackSize, page_bytes};
use super::slab::{Base, GUARD_BYTES};

const BOTH: [GuardMethod; 2] = [GuardMethod::Markers, GuardMethod::Protection];

fn take(pool: &Pool, size: StackSize, count: usize) -> Vec<Base> {
    let mut bases = Vec::new();
    while bases.len() < count {
        pool.take(size, count - bases.len(), &mut bases).unwrap();
    }
    bases
}

/// Whether the byte at `address` can be read; found out by the kernel, without a fault.
fn readable(address: usize) -> bool {
    let (reader, writer) = io::pipe().unwrap();
    use std::os::fd::AsRawFd;
    let from = std::ptr::without_provenance(address);
    // SAFETY: the kernel reads the byte, and answers EFAULT where it cannot.
    let written = unsafe { libc::write(writer.as_raw_fd(), from, 1) };
    let error = io::Error::last_os_error();
    drop(reader);
    match written {
        1 => true,
        _ => {
            assert_eq!(error.raw_os_error(), Some(libc::EFAULT));
            false
        }
    }
}

fn write_byte(address: usize, byte: u8) {
    // SAFETY: the tests pass addresses inside stacks that they have taken.
    unsafe { std::ptr::with_exposed_provenance_mut::<u8>(address).write_volatile(byte) };
}

fn read_byte(address: usize) -> u8 {
    // SAFETY: as above.
    unsafe { std::ptr::with_exposed_provenance::<u8>(address).read_volatile() }
}

#[test]
fn every_stack_has_a_guard_below_and_is_usable_to_its_last_byte() {
    let size = StackSize::from_bytes(100_000);
    for method in BOTH {
        let pool = Pool::new(method);
        for base in take(&pool, size, 40) {
            let (top, low) = (base.get(), base.get() - size.bytes());
            write_byte(top - 1, 1);
            write_byte(low, 2);
            for guard in [low - 1, low - page_bytes(), low - GUARD_BYTES] {
                assert!(!readable(guard), "{method:?}: the guard can be read");
            }
        }
        assert!(pool.statistics().in_use >= 40);
    }
}

#[test]
fn the_forced_method_is_the_one_in_use() {
    let pool = Pool::new(GuardMethod::Protection);
    take(&pool, StackSize::DEFAULT, 1);
    assert_eq!(pool.statistics().guard_method, GuardMethod::Protection);
}

#[test]
fn what_is_given_back_is_taken_again_before_anything_new() {
    let pool = Pool::new(GuardMethod::Markers);
    let bases = take(&pool, StackSize::DEFAULT, 100);
    let before = pool.statistics();
    pool.give(StackSize::DEFAULT, bases.iter().copied());
    let idle = pool.statistics();
    assert_eq!(idle.idle_warm, before.idle_warm + 100);
    let mut again = take(&pool, StackSize::DEFAULT, 100);
    let mut bases = bases;
    again.sort_unstable();
    bases.sort_unstable();
    assert_eq!(again, bases);
    assert_eq!(pool.statistics(), before);
}

#[test]
fn stacks_are_handed_out_once() {
    let pool = Pool::new(GuardMethod::Markers);
    let mut bases = take(&pool, StackSize::DEFAULT, 500);
    bases.extend(take(&pool, StackSize::MIN, 500));
    bases.sort_unstable();
    for pair in bases.windows(2) {
        assert!(pair[0].get() + StackSize::MIN.bytes() + GUARD_BYTES <= pair[1].get());
    }
}

#[test]
fn idle_stacks_beyond_the_limit_lose_their_memory_and_keep_their_guards() {
    for method in BOTH {
        let pool = Pool::new(method);
        pool.set_idle_max(10);
        let bases = take(&pool, StackSize::DEFAULT, 50);
        for base in &bases {
            write_byte(base.get() - 1, 7);
        }
        pool.give(StackSize::DEFAULT, bases.iter().copied());
        let idle = pool.statistics();
        assert_eq!((idle.idle_warm, idle.idle_trimmed, idle.in_use), (10, 40, 0));
        let kept = bases.iter().filter(|base| read_byte(base.get() - 1) == 7).count();
        assert_eq!(kept, 10);
        for base in &bases {
            assert!(!readable(base.get() - StackSize::DEFAULT.bytes() - 1));
        }
        assert_eq!(pool.trim(), 10);
        assert!(bases.iter().all(|base| read_byte(base.get() - 1) == 0));
        assert_eq!(pool.statistics().idle_trimmed, 50);
    }
}

#[test]
fn warm_stacks_are_preferred_to_trimmed_ones() {
    let pool = Pool::new(GuardMethod::Markers);
    let bases = take(&pool, StackSize::DEFAULT, 2);
    pool.give(StackSize::DEFAULT, [bases[0]]);
    pool.trim();
    pool.give(StackSize::DEFAULT, [bases[1]]);
    assert_eq!(take(&pool, StackSize::DEFAULT, 1), [bases[1]]);
    assert_eq!(take(&pool, StackSize::DEFAULT, 1), [bases[0]]);
}

#[test]
fn slabs_grow_and_few_of_them_suffice() {
    let pool = Pool::new(GuardMethod::Markers);
    take(&pool, StackSize::DEFAULT, 2000);
    let statistics = pool.statistics();
    assert!(statistics.slabs <= 7, "{statistics:?}");
    assert!(statistics.bytes_reserved >= 2000 * (StackSize::DEFAULT.bytes() + GUARD_BYTES));
}

#[test]
fn the_error_names_the_limit_of_mappings() {
    // In a process of its own: there is no mapping left for anybody else.
    let name = "stack::tests::the_error_names_the_limit_of_mappings";
    if !crate::child::is_asked_for(name) {
        let output = crate::child::run(name);
        assert!(output.status.success(), "{output:?}");
        return;
    }
    let max = std::fs::read_to_string("/proc/sys/vm/max_map_count").unwrap();
    let Some(max) = max.trim().parse().ok().filter(|max: &usize| *max <= 1 << 20) else {
        eprintln!("vm.max_map_count is too high to be reached in a test");
        return;
    };
    let pool = Pool::new(GuardMethod::Protection);
    let mut bases = Vec::with_capacity(max);
    let error = loop {
        if let Err(error) = pool.take(StackSize::MIN, 64, &mut bases) {
            break error;
        }
    };
    assert_eq!(error.kind(), super::StackErrorKind::Mappings, "{error}");
    let text = error.to_string();
    assert!(text.contains("vm.max_map_count") && text.contains("two"), "{text}");
    // What there is still works.
    pool.give(StackSize::MIN, bases.drain(..));
    take(&pool, StackSize::MIN, 1);
}
