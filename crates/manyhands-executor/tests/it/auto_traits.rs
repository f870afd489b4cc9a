//! Which types may be sent to and shared with other threads. What must not compile is in
//! `tests/does_not_compile.md`.

use std::cell::Cell;

use manyhands_executor::{
    AsCompleted, Dispatched, Entry, Executor, Group, Job, Map, Rejected, RetryPolicy, Scope,
    ScopedTask, Sequential, Task, TaskError, TaskHandle, TaskOptions, Waited,
};

const fn sent<T: Send>() {}
const fn shared<T: Sync>() {}

const _: () = {
    sent::<Task<u32>>();
    shared::<Task<u32>>();
    // What is only `Send` can be sent through a task, which is then not shared itself.
    sent::<Task<Cell<u32>>>();
    sent::<TaskHandle>();
    shared::<TaskHandle>();
    sent::<TaskError>();
    shared::<TaskError>();
    sent::<TaskOptions>();
    shared::<TaskOptions>();
    sent::<RetryPolicy>();
    sent::<Job>();
    sent::<Rejected>();
    sent::<Dispatched>();
    sent::<Entry>();
    shared::<Entry>();
    sent::<AsCompleted<Task<u32>>>();
    sent::<Waited<Task<u32>>>();
    sent::<Sequential>();
    shared::<Sequential>();
    sent::<Box<dyn Executor>>();
    shared::<Box<dyn Executor>>();
    sent::<Group<'static, Sequential>>();
    shared::<Group<'static, Sequential>>();
    shared::<Scope<'static, 'static, Sequential>>();
    sent::<ScopedTask<'static, u32>>();
};

/// A map holds the caller's iterator, so it is what that is; here it need not be `Send`.
#[test]
fn a_map_of_any_iterator_works() {
    let inputs = std::rc::Rc::new(vec![1_u32, 2]);
    let executor = Sequential::new();
    let map: Map<'_, _, u32> =
        manyhands_executor::ExecutorExt::map(&executor, |n| n + 1, inputs.iter().copied());
    assert_eq!(map.collect::<Result<Vec<_>, _>>().unwrap(), [2, 3]);
}

#[test]
fn futures_of_tasks_need_no_pinning() {
    const fn unpinned<T: Unpin>() {}
    unpinned::<Task<std::marker::PhantomPinned>>();
}
