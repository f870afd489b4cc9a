//! Programs end with the process that runs them, whatever ends that: a small process survives it for
//! as long as it takes to kill them.
//!
//! Why it is a process, and what it does not reach, is in `command/README.md`.

mod life;
mod roster;

use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, PoisonError};

use crate::start::{
    Environment, Launch, PidFd, Role, Starting, Stderr, is_taken_over_before_main, launch,
};

pub(crate) use life::live;
pub(crate) use roster::{Kind, Roster};

/// When so many in a row have ended before they reported, there is no other attempt.
const FAILURES_MAX: u32 = 3;

/// What it is called in lists of processes.
const NAME: &str = "program-warden";

/// The warden of this process.
struct Warden {
    /// The process whose programs it watches over. A copy of that, made by `fork`, is another.
    of: u32,
    roster: Arc<Roster>,
    stage: Stage,
    /// How many in a row have ended before they reported.
    failures: u32,
}

enum Stage {
    /// It has not reported. It does its duty as soon as it can, also if its parent is gone by then.
    Starting(Starting),
    Watching(PidFd),
    /// It has ended, and may have a successor.
    Ended,
    /// One after the other has ended before it reported.
    Impossible,
}

static WARDEN: Mutex<Option<Warden>> = Mutex::new(None);

/// The roster of programs that end with this process. `None` where nobody can be had to see to that;
/// then they may outlive it.
pub(crate) fn roster() -> Option<Arc<Roster>> {
    let mut current = WARDEN.lock().unwrap_or_else(PoisonError::into_inner);
    let this = std::process::id();
    if current.as_ref().is_some_and(|warden| warden.of != this) {
        // Dropped, it would be killed; and it is there for the process that this one is a copy of.
        std::mem::forget(current.take());
    }
    if current.as_mut().is_none_or(Warden::has_ended) {
        // A successor takes over what is on the roster.
        *current = appoint(this, current.take());
    }
    let warden = current.as_ref()?;
    let is_there = matches!(warden.stage, Stage::Starting(_) | Stage::Watching(_));
    is_there.then(|| Arc::clone(&warden.roster))
}

impl Warden {
    /// Whether it is no more, and another one may do better: usually somebody has killed it.
    fn has_ended(&mut self) -> bool {
        if let Stage::Starting(starting) = &mut self.stage {
            match starting.try_finish() {
                Ok(None) => {}
                Ok(Some(started)) => {
                    self.failures = 0;
                    self.stage = Stage::Watching(started.process);
                }
                Err(why) => {
                    self.failures += 1;
                    self.stage = Stage::Ended;
                    if self.failures == FAILURES_MAX {
                        eprintln!("manyhands: programs may outlive this process: {why}");
                        self.stage = Stage::Impossible;
                    }
                }
            }
        }
        match &self.stage {
            Stage::Starting(_) | Stage::Impossible => false,
            Stage::Watching(process) => process.try_wait().is_some(),
            Stage::Ended => true,
        }
    }
}

/// Starts a warden. `None` where there can be none, or none at the moment.
fn appoint(of: u32, before: Option<Warden>) -> Option<Warden> {
    if !is_taken_over_before_main() {
        return None;
    }
    let (roster, failures) = match before {
        Some(before) => (before.roster, before.failures),
        None => (Arc::new(Roster::create().ok()?), 0),
    };
    let starting = launch(&Launch {
        role: Role::Warden,
        name: NAME,
        env: &Environment::default(),
        clean_env: false,
        memory_limit: None,
        fds: &[roster.fd().as_fd()],
        stderr: Stderr::Null,
        payload: &[],
    });
    let stage = starting.map_or(Stage::Ended, Stage::Starting);
    Some(Warden { of, roster, stage, failures })
}
