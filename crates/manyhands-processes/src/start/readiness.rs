//! Waiting for a descriptor to become readable, in whichever reactor the caller stands.

use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::Duration;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Ready when there is something to read, or the other side is gone. May come too early.
///
/// A descriptor can be in a reactor once only, and others may wait for this one in the same: so it
/// goes in as a copy. Where there are no descriptors left it looks again every few milliseconds.
pub(crate) async fn readable(fd: BorrowedFd<'_>) {
    const LOOK_AGAIN: Duration = Duration::from_millis(5);
    match registered(fd) {
        Ok(copy) => drop(copy.readable().await),
        Err(_) => tokio::time::sleep(LOOK_AGAIN).await,
    }
}

fn registered(fd: BorrowedFd<'_>) -> std::io::Result<AsyncFd<Copy>> {
    let copy = fd.try_clone_to_owned()?;
    // SAFETY: `Copy` owns the descriptor and always says the same one, which is open for as long as
    // it lives.
    Ok(unsafe { AsyncFd::register_with_interest(Copy(copy), Interest::READABLE) }?)
}

struct Copy(OwnedFd);

impl AsRawFd for Copy {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}
