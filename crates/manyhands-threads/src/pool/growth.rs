//! A job that blocks for long may say so; the pool then uses another thread in its place.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::shared::Shared;

thread_local! {
    static WORKS_FOR: RefCell<Option<Arc<Shared>>> = const { RefCell::new(None) };
}

/// Runs `f`, which blocks without computing (a lock of a C library, a long read). In a job of a
/// [`ThreadPool`](crate::ThreadPool) the pool may start one more thread until `f` has ended, so
/// that as many go on computing as before; the surplus thread ends when it has no job. Anywhere
/// else it just calls `f`.
///
/// Waits of manyhands need no such declaration to be correct, only to keep cores busy.
#[doc(alias = "ManagedBlocker")]
pub fn blocking<R>(f: impl FnOnce() -> R) -> R {
    struct Unblock(Arc<Shared>);
    impl Drop for Unblock {
        fn drop(&mut self) {
            let shared = &self.0;
            shared.blocked.fetch_sub(1, Ordering::SeqCst);
            if shared.has_surplus() {
                shared.sleep.wake_one(); // to end, if it has nothing to do
            }
        }
    }
    let pool = WORKS_FOR.with(|pool| pool.borrow().clone());
    let _unblock = pool.map(|shared| {
        shared.blocked.fetch_add(1, Ordering::SeqCst);
        if shared.queue.has_jobs() {
            shared.see_to_the_queue();
        }
        Unblock(shared)
    });
    f()
}

/// Runs the life of a worker.
pub(super) fn work_for(shared: &Arc<Shared>, life: impl FnOnce()) {
    WORKS_FOR.with(|pool| pool.replace(Some(Arc::clone(shared))));
    shared.home.work(life);
    WORKS_FOR.with(|pool| pool.replace(None));
}
