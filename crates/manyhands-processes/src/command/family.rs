//! The processes of one run: one program, or the programs of a pipeline.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use super::child::Child;
use super::exit_status::ExitStatus;

/// Processes that are ended together: all of them, and all in their group, when this is dropped
/// while one of them is alive.
#[derive(Debug)]
pub(super) struct Family {
    children: Vec<Child>,
    /// Whether they share a group of their own, which the first one leads.
    has_group: bool,
    is_detached: AtomicBool,
}

impl Family {
    pub(super) fn new(has_group: bool) -> Family {
        Family { children: Vec::new(), has_group, is_detached: AtomicBool::new(false) }
    }

    pub(super) fn push(&mut self, child: Child) {
        self.children.push(child);
    }

    pub(super) fn children(&self) -> &[Child] {
        &self.children
    }

    /// The number of the group that they share.
    pub(super) fn group(&self) -> Option<i32> {
        let first = self.children.first()?;
        self.has_group.then(|| first.pid())
    }

    /// Sends a signal to the group, or to each of them.
    pub(super) fn signal(&self, signal: i32) -> io::Result<()> {
        let targets = if self.has_group { self.children.get(..1) } else { None };
        for child in targets.unwrap_or(&self.children) {
            child.signal_all(signal)?;
        }
        Ok(())
    }

    /// Waits until all of them have ended.
    ///
    /// # Errors
    /// If one of them cannot be waited for. One that somebody else has reaped is over, but how it
    /// ended is not known.
    pub(super) async fn wait(&self) -> io::Result<()> {
        for child in &self.children {
            match child.wait().await {
                Err(error) if error.raw_os_error() != Some(libc::ECHILD) => return Err(error),
                Ok(_) | Err(_) => {}
            }
        }
        Ok(())
    }

    /// How each of them ended; `None` for one that has not.
    pub(super) fn statuses(&self) -> Vec<Option<ExitStatus>> {
        self.children.iter().map(|child| child.try_wait().ok().flatten()).collect()
    }

    /// Lets them go on when this is dropped.
    pub(super) fn detach(&self) {
        self.is_detached.store(true, Ordering::Relaxed);
    }

    /// Kills all of them, and all in their group, if one of them is alive.
    pub(super) fn kill_if_alive(&self) {
        let lives = |child: &Child| matches!(child.try_wait(), Ok(None));
        if !self.is_detached.load(Ordering::Relaxed) && self.children.iter().any(lives) {
            // Refused only for a program that has become somebody else's (setuid): nothing can be
            // done about that.
            let _killed = self.signal(libc::SIGKILL);
        }
    }
}

impl Drop for Family {
    fn drop(&mut self) {
        self.kill_if_alive();
    }
}
