//! The one shared runtime, and what the wait-for graph knows of runtimes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use manyhands_wait::SerialExecutor;
use tokio::runtime::{Builder, Handle, Id, Runtime, RuntimeFlavor};

/// The handle of the shared multi-thread runtime; makes the runtime first if need be.
///
/// # Errors
/// The operating system's, in words, if the runtime could not be made. It is not tried again.
pub fn shared_handle() -> Result<Handle, String> {
    static SHARED: OnceLock<Result<Runtime, String>> = OnceLock::new();
    let runtime = SHARED.get_or_init(|| {
        Builder::new_multi_thread()
            .thread_name("manyhands-async")
            .enable_all()
            .build()
            .map_err(|error| format!("the shared async runtime was not made: {error}"))
    });
    runtime.as_ref().map(|runtime| runtime.handle().clone()).map_err(Clone::clone)
}

/// The runtime in the wait-for graph, if it polls one task at a time: the same for all pools on it.
///
/// One with a single worker is not such a runtime: `block_in_place` in one of its tasks has another
/// thread poll the others, and tokio does not say whether that is so at the moment.
pub(crate) fn serial_of(handle: &Handle) -> Option<Arc<SerialExecutor>> {
    static KNOWN: Mutex<Option<HashMap<Id, Weak<SerialExecutor>>>> = Mutex::new(None);
    if handle.runtime_flavor() != RuntimeFlavor::CurrentThread {
        return None;
    }
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let known = known.get_or_insert_default();
    known.retain(|_, serial| serial.strong_count() > 0);
    if let Some(serial) = known.get(&handle.id()).and_then(Weak::upgrade) {
        return Some(serial);
    }
    let serial = Arc::new(SerialExecutor::new(format!("current-thread {}", handle.id())));
    known.insert(handle.id(), Arc::downgrade(&serial));
    Some(serial)
}
