//! The processes of one run: one program, or the programs of a pipeline.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::child::Child;
use crate::exit_status::ExitStatus;
use crate::warden::{Kind, Roster};

/// Processes that are ended together: all of them, and all in their group, when this is dropped
/// while one of them is alive.
#[derive(Debug)]
pub(super) struct Family {
    children: Vec<Child>,
    /// Whether they share a group of their own, which the first one leads.
    has_group: bool,
    is_detached: AtomicBool,
    /// What stands on the roster of programs that end with this process.
    entries: Vec<(Kind, i32)>,
    roster: Option<Arc<Roster>>,
}

impl Family {
    pub(super) fn new(has_group: bool, roster: Option<Arc<Roster>>) -> Family {
        let is_detached = AtomicBool::new(false);
        Family { children: Vec::new(), has_group, is_detached, entries: Vec::new(), roster }
    }

    /// Adds a process, with what was entered for it.
    pub(super) fn push(&mut self, child: Child, entry: Option<Kind>) {
        self.entries.extend(entry.map(|kind| (kind, child.pid())));
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
        self.leave_roster();
        Ok(())
    }

    /// How the first one ended, if it has.
    ///
    /// # Errors
    /// If somebody else has reaped it, so that nobody can know.
    pub(super) fn try_wait(&self) -> io::Result<Option<ExitStatus>> {
        if !self.lives() {
            self.leave_roster();
        }
        self.children.first().map_or(Ok(None), Child::try_wait)
    }

    /// How each of them ended; `None` for one that has not.
    pub(super) fn statuses(&self) -> Vec<Option<ExitStatus>> {
        self.children.iter().map(|child| child.try_wait().ok().flatten()).collect()
    }

    /// Lets them go on when this is dropped.
    pub(super) fn detach(&self) {
        self.is_detached.store(true, Ordering::Relaxed);
        self.leave_roster();
    }

    /// Whether one of them is alive.
    fn lives(&self) -> bool {
        self.children.iter().any(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// From now on nothing of it ends with this process. What programs that have ended by themselves
    /// have left behind is not ours to end.
    fn leave_roster(&self) {
        for (kind, number) in &self.entries {
            self.roster.iter().for_each(|roster| roster.leave(*kind, *number));
        }
    }

    /// Kills all of them, and all in their group, if one of them is alive.
    pub(super) fn kill_if_alive(&self) {
        if !self.is_detached.load(Ordering::Relaxed) && self.lives() {
            // Refused only for a program that has become somebody else's (setuid): nothing can be
            // done about that.
            let _killed = self.signal(libc::SIGKILL);
        }
    }
}

impl Drop for Family {
    fn drop(&mut self) {
        self.kill_if_alive();
        // Before they are reaped, and their numbers are others'.
        self.leave_roster();
    }
}
