//! A holder that has ended without letting go: what it held stays held for ever.
//!
//! No proof: somebody may still know a way to release it. So it is a report, and the wait goes on.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering, fence};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::agent::Agent;
use crate::place::Place;
use crate::publication::Publication;
use crate::report::{Report, is_deadlock_detection_on, tell_or_print};
use crate::table;

/// A wait for something whose holder has ended without releasing it: its guard was leaked, by
/// `mem::forget` or in a cycle of `Arc`s.
///
/// Found when the wait begins, or when the holder ends while others wait already; told of waits without
/// an end in time. Reported once for each thing and holder, as far as the last 1,024 reports are
/// remembered.
#[derive(Debug, Clone)]
pub struct HolderEnded {
    waiter: String,
    waits_for: String,
    waits_at: Place,
    holder: Agent,
    holder_name: String,
    taken_at: Option<Place>,
}

impl HolderEnded {
    /// What is waited for, such as `mutex 'fork'`.
    pub fn waits_for(&self) -> &str {
        &self.waits_for
    }

    /// Where it is waited for.
    pub fn waits_at(&self) -> &Place {
        &self.waits_at
    }

    /// Who held it and has ended.
    pub fn holder(&self) -> Agent {
        self.holder
    }

    /// Where that one has taken it, if it is known.
    pub fn taken_at(&self) -> Option<&Place> {
        self.taken_at.as_ref()
    }
}

/// What was reported last.
static REPORTED: Mutex<VecDeque<(Agent, String)>> = Mutex::new(VecDeque::new());
/// How much of that is remembered.
const REMEMBERED: usize = 1024;

/// In which process a thread is about to look; 0 if in none. One that was made by `fork` meanwhile has not
/// got that thread.
static IS_ABOUT_TO_LOOK: AtomicU32 = AtomicU32::new(0);
/// How long it takes until somebody looks: those that end within that time cost one look.
const SOON: Duration = Duration::from_millis(20);

impl HolderEnded {
    /// Of a wait for something that `holder` holds, which has ended; `None` if it is released by now.
    #[cold]
    fn of(publication: &Publication, waiter: Agent, holder: Agent) -> Option<HolderEnded> {
        let (waits_for, holders) = publication.edge_in_words()?;
        let found = holders.into_iter().find(|it| it.agent == holder)?;
        Some(HolderEnded {
            waiter: waiter.to_string(),
            waits_for,
            waits_at: publication.at.clone(),
            holder,
            holder_name: found.who,
            taken_at: found.taken_at,
        })
    }

    /// Reports it, unless that was done.
    fn report(self) {
        let mut reported = REPORTED.lock().unwrap_or_else(PoisonError::into_inner);
        if reported.iter().any(|(holder, what)| (*holder, what) == (self.holder, &self.waits_for)) {
            return;
        }
        if reported.len() == REMEMBERED {
            reported.pop_front();
        }
        reported.push_back((self.holder, self.waits_for.clone()));
        drop(reported);
        tell_or_print(&Report::HolderEnded(self));
    }
}

/// Reports that `holder`, which has ended, holds what this wait is for; unless that was reported.
#[cold]
pub(crate) fn report_ended_holder(publication: &Publication, waiter: Agent, holder: Agent) {
    if let Some(found) = HolderEnded::of(publication, waiter, holder) {
        found.report();
    }
}

/// Has somebody look soon whether anybody waits for what a context holds that has ended now.
///
/// On a thread of its own, for whoever ends cannot run what listens to reports any more.
#[cold]
pub(crate) fn look_soon() {
    let here = std::process::id();
    if cfg!(manyhands_loom) || IS_ABOUT_TO_LOOK.swap(here, Ordering::SeqCst) == here {
        return;
    }
    let look = || {
        // Whoever has left it to this one to look has ended before.
        IS_ABOUT_TO_LOOK.swap(0, Ordering::SeqCst);
        look_at_all_waits();
    };
    let started = thread::Builder::new().name("manyhands-leaks".into()).spawn(move || {
        thread::sleep(SOON);
        look();
    });
    if started.is_err() {
        look();
    }
}

/// Looks at all waits that are without an end in time, and reports those for something that was not
/// released by who held it.
fn look_at_all_waits() {
    if !is_deadlock_detection_on() {
        return;
    }
    // Orders the ends that led here against what is looked at now: whoever shows its wait later than that
    // sees them.
    fence(Ordering::SeqCst);
    for slot in table::all() {
        let found = slot.read(|publication, _| {
            let waiter = publication.waiter.filter(|_| publication.is_provable())?;
            HolderEnded::of(publication, waiter, publication.blockers().gone()?)
        });
        if let Some(found) = found.flatten() {
            found.report();
        }
    }
}

impl fmt::Display for HolderEnded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let HolderEnded { waiter, waits_for, waits_at, holder_name, .. } = self;
        write!(
            f,
            "a holder has ended without letting go\n  {waiter} waits for {waits_for} at {waits_at}, \
             which is still held by {holder_name}"
        )?;
        match &self.taken_at {
            Some(place) => write!(f, " since {place}"),
            None => Ok(()),
        }
    }
}
