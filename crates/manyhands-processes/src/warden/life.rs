//! What a warden does: it waits for the end of the process whose programs it watches over, kills what
//! is on the roster, and ends.

use std::ffi::c_int;
use std::fs;
use std::os::fd::OwnedFd;

use super::roster::{self, Kind};
use crate::start::{Origin, wait_for_end_of};

/// A terminal sends some of these to everybody in front, and a shutdown to everybody at all. A warden
/// ends when its parent has, and not before.
const IGNORED: [c_int; 4] = [libc::SIGHUP, libc::SIGINT, libc::SIGQUIT, libc::SIGTERM];

/// It could not do its duty.
const FAILED: i32 = 115;

/// The whole life of a warden.
pub(crate) fn live(origin: Origin) -> ! {
    for signal in IGNORED {
        // SAFETY: nothing of this process is called by it.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
    // A file system that the program was started on can be unmounted meanwhile.
    let _stays = std::env::set_current_dir("/");
    let Origin { fds, control: _stays_open, .. } = origin;
    let code = match <[OwnedFd; 2]>::try_from(fds) {
        Ok([parent, roster]) => watch(&parent, &roster),
        Err(_) => FAILED,
    };
    // SAFETY: ends the process. Nothing of the program's own is run here.
    unsafe { libc::_exit(code) }
}

fn watch(parent: &OwnedFd, roster: &OwnedFd) -> i32 {
    wait_for_end_of(parent);
    let Ok(entries) = roster::entries(roster) else { return FAILED };
    // Orphans of one parent have a new one in common.
    let foster = rustix::process::getppid().map_or(0, |pid| pid.as_raw_nonzero().get());
    for (kind, number) in entries {
        if is_meant(kind, parent_of(number), foster) {
            let target = if kind == Kind::Group { -number } else { number };
            // Refused for one that has become another user's, and in vain for one that has ended.
            // SAFETY: a system call without pointers.
            unsafe { libc::kill(target, libc::SIGKILL) };
        }
    }
    0
}

/// Whether a number still stands for the program that was entered, whose process has this parent.
///
/// A program that has ended since, unnoticed, was reaped when its parent ended, and its number may
/// have been given away. The number of a group is not as long as anybody is in it, so where its
/// leader is gone, the group is that of the program or there is none.
fn is_meant(kind: Kind, parent: Option<i32>, foster: i32) -> bool {
    match parent {
        Some(parent) => parent == foster,
        None => kind == Kind::Group,
    }
}

/// The parent of the process with this number, if there is one.
fn parent_of(number: i32) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{number}/stat")).ok()?;
    // The name stands in parentheses, and may contain some.
    let (_, fields) = stat.rsplit_once(") ")?;
    fields.split(' ').nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_are_spared() {
        let (foster, other) = (1, 4711);
        for kind in [Kind::Group, Kind::Process] {
            assert!(is_meant(kind, Some(foster), foster));
            assert!(!is_meant(kind, Some(other), foster), "somebody else's child has the number");
        }
        assert!(is_meant(Kind::Group, None, foster), "its leader has ended, others have not");
        assert!(!is_meant(Kind::Process, None, foster));
    }

    #[test]
    fn the_parent_of_a_process_is_known() {
        let this = std::process::id().cast_signed();
        assert_eq!(parent_of(this), Some(std::os::unix::process::parent_id().cast_signed()));
        assert_eq!(parent_of(i32::MAX), None);
    }
}
