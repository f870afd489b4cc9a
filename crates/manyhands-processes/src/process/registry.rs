//! The processes that this one has started and that are alive.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::Signal;

use crate::start::PidFd;

/// What is known of one process.
#[derive(Debug)]
pub(super) struct Child {
    pub(super) name: Arc<str>,
    pub(super) daemon: bool,
    pub(super) process: PidFd,
    /// Whether it is a daemon that was terminated because the program ends.
    ends_with_program: AtomicBool,
}

impl Child {
    pub(super) fn new(name: Arc<str>, daemon: bool, process: PidFd) -> Child {
        Child { name, daemon, process, ends_with_program: AtomicBool::new(false) }
    }

    /// Whether it is a daemon that was terminated because the program ends: nobody's failure.
    pub(super) fn ends_with_program(&self) -> bool {
        self.ends_with_program.load(Ordering::Relaxed)
    }

    pub(super) fn is_alive(&self) -> bool {
        self.process.try_wait().is_none()
    }
}

/// A process that was alive when [`active_children`] was asked.
#[derive(Clone)]
pub struct ActiveChild {
    child: Arc<Child>,
}

impl ActiveChild {
    /// The process's name.
    pub fn name(&self) -> &str {
        &self.child.name
    }

    /// The process's number.
    pub fn pid(&self) -> u32 {
        self.child.process.pid()
    }

    /// Whether the process is terminated when the program ends.
    pub fn is_daemon(&self) -> bool {
        self.child.daemon
    }

    /// Whether the process is still alive.
    pub fn is_alive(&self) -> bool {
        self.child.is_alive()
    }

    /// Sends SIGTERM; does nothing if the process has ended.
    ///
    /// # Errors
    /// What the operating system says, for instance that the process has changed its user.
    pub fn terminate(&self) -> io::Result<()> {
        self.child.process.signal(Signal::TERM)
    }

    /// Sends SIGKILL; does nothing if the process has ended.
    ///
    /// # Errors
    /// What the operating system says, for instance that the process has changed its user.
    pub fn kill(&self) -> io::Result<()> {
        self.child.process.signal(Signal::KILL)
    }
}

impl fmt::Debug for ActiveChild {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ActiveChild")
            .field("name", &self.name())
            .field("pid", &self.pid())
            .field("daemon", &self.is_daemon())
            .finish()
    }
}

/// The processes that were started here with [`Process`](crate::Process) and are alive, in the
/// order in which they were started. Workers of pools are not among them.
#[doc(alias = "multiprocessing.active_children")]
pub fn active_children() -> Vec<ActiveChild> {
    let children = children().clone();
    children
        .into_iter()
        .filter(|child| child.is_alive())
        .map(|child| ActiveChild { child })
        .collect()
}

/// Lists a process.
pub(super) fn add(child: Arc<Child>) {
    children().push(child);
}

/// Takes a process off the list, when everything about its end is done.
pub(super) fn remove(child: &Arc<Child>) {
    children().retain(|other| !Arc::ptr_eq(other, child));
    ENDED.notify_all();
}

/// Sends SIGTERM to all daemons.
pub(super) fn terminate_daemons() {
    for child in children().iter().filter(|child| child.daemon) {
        child.ends_with_program.store(true, Ordering::Relaxed);
        // One that is not ours to signal any more ends with this process all the same.
        let _refused = child.process.signal(Signal::TERM);
    }
}

/// Waits until every process that is not a daemon has ended. While it has to wait, `waiting_for` is
/// told the name of one of them and says for how long to wait before it is asked again.
pub(super) fn join_all(waiting_for: &mut dyn FnMut(&str) -> Duration) {
    let mut children = children();
    loop {
        let Some(child) = children.iter().find(|child| !child.daemon) else { return };
        let pause = waiting_for(&format!("process '{}' ({})", child.name, child.process.pid()));
        children = ENDED
            .wait_timeout(children, pause)
            .map_or_else(|poisoned| poisoned.into_inner().0, |(children, _)| children);
    }
}

/// Notified whenever a process is taken off the list.
static ENDED: Condvar = Condvar::new();

fn children() -> MutexGuard<'static, Vec<Arc<Child>>> {
    static CHILDREN: Mutex<Vec<Arc<Child>>> = Mutex::new(Vec::new());
    CHILDREN.lock().unwrap_or_else(PoisonError::into_inner)
}
