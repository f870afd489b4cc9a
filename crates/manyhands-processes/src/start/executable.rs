//! Which file is executed for a worker: this very binary.

use std::ffi::{CStr, CString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// The binary of the process that executes it, even if the file was replaced or removed since.
const THIS_BINARY: &CStr = c"/proc/self/exe";

static CHOSEN: Mutex<Option<CString>> = Mutex::new(None);

/// Has workers started from this file instead of `/proc/self/exe`.
///
/// It must be the same binary; another one is refused when it starts. For places where
/// `/proc` is missing, or where the program is run by a loader or an emulator that `/proc/self/exe`
/// leads to instead.
///
/// # Errors
/// If the path contains a NUL byte.
#[doc(alias = "multiprocessing.set_executable")]
pub fn set_executable(path: impl AsRef<Path>) -> io::Result<()> {
    let path = CString::new(path.as_ref().as_os_str().as_bytes())?;
    *CHOSEN.lock().unwrap_or_else(PoisonError::into_inner) = Some(path);
    Ok(())
}

pub(super) fn path() -> CString {
    let chosen = CHOSEN.lock().unwrap_or_else(PoisonError::into_inner);
    chosen.clone().unwrap_or_else(|| THIS_BINARY.to_owned())
}
