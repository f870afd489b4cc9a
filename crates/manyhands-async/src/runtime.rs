//! The one shared runtime.

use std::sync::OnceLock;

use tokio::runtime::{Builder, Handle, Runtime};

/// The handle of the shared multi-thread runtime; makes the runtime first if need be.
///
/// # Errors
/// The operating system's, in words, if the runtime could not be made. It is not tried again.
pub fn shared_handle() -> Result<Handle, String> {
    shared().cloned().map_err(str::to_owned)
}

/// Likewise, without a clone for each task.
pub(crate) fn shared() -> Result<&'static Handle, &'static str> {
    static SHARED: OnceLock<Result<Runtime, String>> = OnceLock::new();
    let runtime = SHARED.get_or_init(|| {
        Builder::new_multi_thread()
            .thread_name("manyhands-async")
            .enable_all()
            .build()
            .map_err(|error| format!("the shared async runtime was not made: {error}"))
    });
    runtime.as_ref().map(Runtime::handle).map_err(String::as_str)
}
