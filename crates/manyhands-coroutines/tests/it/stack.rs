//! Stacks from outside: many of them, limits, reuse.

use std::num::NonZeroUsize;

use corosensei::stack::Stack as _;
use corosensei::{Coroutine, CoroutineResult};
use manyhands_coroutines::stack::{
    self, GuardMethod, Stack, StackError, StackErrorKind, StackSize,
};

fn mappings() -> usize {
    std::fs::read_to_string("/proc/self/maps").unwrap().lines().count()
}

#[test]
fn two_hundred_thousand_guarded_stacks_take_few_mappings() {
    drop(Stack::new(StackSize::DEFAULT).unwrap());
    if stack::statistics().guard_method != GuardMethod::Markers {
        eprintln!(
            "this kernel has no MADV_GUARD_INSTALL; two mappings a stack are the best it does"
        );
        return;
    }
    const COUNT: usize = 200_000;
    let before = mappings();
    let stacks: Vec<Stack> = (0..COUNT).map(|_| Stack::new(StackSize::DEFAULT).unwrap()).collect();
    let more = mappings().saturating_sub(before);
    // Other tests may run in the same process, hence the margin.
    assert!(more < 400, "{more} mappings for {COUNT} stacks");
    let statistics = stack::statistics();
    assert!(statistics.in_use >= COUNT, "{statistics:?}");
    assert!(statistics.slabs < 200, "{statistics:?}");
    drop(stacks);
    let statistics = stack::statistics();
    assert!(statistics.idle_trimmed > COUNT / 2, "{statistics:?}");
}

#[test]
fn corosensei_runs_on_them() {
    let stack = Stack::new(StackSize::MIN).unwrap();
    let mut coroutine = Coroutine::<u32, u32, &str, Stack>::with_stack(stack, |yielder, first| {
        let second = yielder.suspend(first + 1);
        yielder.suspend(second + 1);
        "done"
    });
    assert_eq!(coroutine.resume(1), CoroutineResult::Yield(2));
    assert_eq!(coroutine.resume(10), CoroutineResult::Yield(11));
    assert_eq!(coroutine.resume(0), CoroutineResult::Return("done"));
}

#[test]
fn a_panic_with_the_standard_hook_fits_on_the_smallest_stack() {
    let stack = Stack::new(StackSize::MIN).unwrap();
    let mut coroutine = Coroutine::<(), (), bool, Stack>::with_stack(stack, |_, ()| {
        std::panic::catch_unwind(|| panic!("as a test asked for")).is_err()
    });
    assert_eq!(coroutine.resume(()), CoroutineResult::Return(true));
}

#[test]
fn the_stack_used_last_is_used_first() {
    let first = Stack::new(StackSize::DEFAULT).unwrap();
    let second = Stack::new(StackSize::DEFAULT).unwrap();
    let (bases, guard) = ([first.base(), second.base()], first.guard());
    assert_eq!(guard.end + first.size().bytes(), first.base().get());
    assert_eq!(NonZeroUsize::new(guard.start), Some(first.limit()));
    drop(first);
    drop(second);
    assert_eq!(Stack::new(StackSize::DEFAULT).unwrap().base(), bases[1]);
}

#[test]
fn the_stacks_of_a_thread_outlive_it() {
    let size = StackSize::from_bytes(320 * 1024);
    let on_thread = std::thread::spawn(move || {
        let stacks: Vec<_> = (0..10).map(|_| Stack::new(size).unwrap()).collect();
        let mut bases: Vec<_> = stacks.iter().map(|stack| stack.base()).collect();
        bases.sort_unstable();
        bases
    });
    let theirs = on_thread.join().unwrap();
    let stacks: Vec<_> = (0..64).map(|_| Stack::new(size).unwrap()).collect();
    assert!(stacks.iter().any(|stack| theirs.contains(&stack.base())));
}

#[test]
fn a_stack_may_end_on_another_thread() {
    let stack = Stack::new(StackSize::DEFAULT).unwrap();
    std::thread::spawn(move || drop(stack)).join().unwrap();
}

#[test]
fn trimming_counts_what_it_gives_back() {
    let size = StackSize::from_bytes(384 * 1024);
    drop((0..8).map(|_| Stack::new(size).unwrap()).collect::<Vec<_>>());
    assert!(stack::trim() >= 8);
    assert!(stack::statistics().idle_trimmed >= 8);
}

#[test]
fn what_no_address_space_holds_is_refused_with_the_reason() {
    let too_large = |bytes| Stack::new(StackSize::from_bytes(bytes)).unwrap_err();
    let error = too_large(usize::MAX);
    assert_eq!(error.kind(), StackErrorKind::TooLarge);
    assert!(error.to_string().contains("ask for a smaller one"), "{error}");
    let error = too_large(1 << 60);
    assert_eq!(error.kind(), StackErrorKind::Memory);
    assert!(error.to_string().contains("out of memory"), "{error}");
}

#[test]
fn the_error_names_the_limit_of_address_space() {
    // In a process of its own: the limit would hit the other tests too.
    let name = "stack::the_error_names_the_limit_of_address_space";
    if crate::child::is_asked_for(name) {
        let now = std::fs::read_to_string("/proc/self/statm").unwrap();
        let pages: u64 = now.split_whitespace().next().unwrap().parse().unwrap();
        let bytes = pages * 4096 + (64 << 20);
        let limit = libc::rlimit { rlim_cur: bytes, rlim_max: bytes };
        // SAFETY: `limit` is a whole structure that the kernel reads.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &limit) }, 0);
        let stacks: Result<Vec<Stack>, StackError> =
            (0..10_000).map(|_| Stack::new(StackSize::DEFAULT)).collect();
        let error = stacks.unwrap_err();
        assert_eq!(error.kind(), StackErrorKind::AddressSpace);
        assert!(error.to_string().contains("RLIMIT_AS"), "{error}");
        return;
    }
    let output = crate::child::run(name);
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn a_hub_lets_go_of_what_it_keeps_when_memory_is_asked_back() {
    // In a process of its own: nobody else has stacks.
    let name = "stack::a_hub_lets_go_of_what_it_keeps_when_memory_is_asked_back";
    if !crate::child::is_asked_for(name) {
        let output = crate::child::run(name);
        assert!(output.status.success(), "{output:?}");
        return;
    }
    let wave = || {
        let short = std::time::Duration::from_millis(1);
        let sleep =
            || manyhands_coroutines::spawn_local(move || manyhands_coroutines::sleep(short));
        let tasks: Vec<_> = (0..500).map(|_| sleep()).collect();
        tasks.into_iter().for_each(|task| task.result().unwrap());
    };
    wave();
    assert!(stack::statistics().in_use >= 400, "{:?}", stack::statistics());
    stack::trim();
    manyhands_coroutines::yield_now();
    let after = stack::statistics();
    assert!(after.in_use < 10 && after.idle_trimmed >= 400, "{after:?}");
    wave();
}
