//! One value per runtime, and when it is dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use manyhands_io::{PerRuntime, enter, wait};
use tokio::runtime::{Builder, Handle};

/// Counts its own end.
#[derive(Clone)]
struct Pool(Arc<Counted>);

struct Counted(Arc<AtomicU32>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn every_thread_has_its_own_until_it_ends() {
    let pools = Arc::new(PerRuntime::new());
    let ended = Arc::new(AtomicU32::new(0));
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let (pools, ended) = (Arc::clone(&pools), Arc::clone(&ended));
            std::thread::spawn(move || {
                let make = || Pool(Arc::new(Counted(Arc::clone(&ended))));
                let first = wait(async { pools.get_or_init(make) }).unwrap();
                let again = enter(|| pools.get_or_init(make)).unwrap();
                assert!(Arc::ptr_eq(&first.0, &again.0));
                assert_eq!(ended.load(Ordering::SeqCst), 0, "dropped while in use");
                // Held by every thread until all have one.
                first
            })
        })
        .collect();
    let held: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
    assert!(pools.is_empty(), "a thread's end takes its value out");
    drop(held);
    assert_eq!(ended.load(Ordering::SeqCst), 4);
}

#[test]
fn an_async_runtime_has_one_until_it_ends() {
    let pools = Arc::new(PerRuntime::new());
    let ended = Arc::new(AtomicU32::new(0));
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let (pools, ended) = (Arc::clone(&pools), Arc::clone(&ended));
            runtime.spawn(async move {
                pools.get_or_init(|| Pool(Arc::new(Counted(ended)))).map(|_| ()).unwrap();
            })
        })
        .collect();
    tasks.into_iter().for_each(|task| runtime.block_on(task).unwrap());
    assert_eq!(pools.len(), 1);
    let handle = runtime.handle().clone();
    drop(runtime);
    assert!(pools.is_empty());

    // Asked for in the context of a runtime that is no more, it is made and not kept.
    let _context = handle.enter();
    assert!(pools.get_or_init(|| Pool(Arc::new(Counted(Arc::clone(&ended))))).is_some());
    assert!(pools.is_empty());
}

#[test]
fn dropping_the_owner_drops_the_values() {
    let ended = Arc::new(AtomicU32::new(0));
    let pools = PerRuntime::new();
    wait(async { pools.get_or_init(|| Pool(Arc::new(Counted(Arc::clone(&ended))))).map(drop) })
        .unwrap();
    assert_eq!(ended.load(Ordering::SeqCst), 0);
    let alive = || enter(|| Handle::current().metrics().num_alive_tasks());
    assert_eq!(alive(), 1);
    drop(pools);
    assert_eq!(ended.load(Ordering::SeqCst), 1);
    // The witness goes when the reactor turns.
    while alive() > 0 {
        wait(tokio::task::yield_now());
    }
}

#[test]
fn outside_any_runtime_there_is_none() {
    assert_eq!(PerRuntime::new().get_or_init(|| 1), None);
}
