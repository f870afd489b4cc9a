//! A holder that has ended without letting go: what it held stays held for ever.
//!
//! No proof: somebody may still know a way to release it. So it is a report, and the wait goes on.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use crate::agent::Agent;
use crate::place::Place;
use crate::publication::Publication;
use crate::report::{Report, tell_or_print};

/// A wait for something whose holder has ended without releasing it: its guard was leaked, by
/// `mem::forget` or in a cycle of `Arc`s.
///
/// Found when the wait begins, if it has no end in time. Reported once for each thing and holder.
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

/// What was reported already.
static REPORTED: Mutex<Option<HashSet<(Agent, String)>>> = Mutex::new(None);

/// Reports that `holder`, which has ended, holds what this wait is for; unless that was reported.
#[cold]
pub(crate) fn report_ended_holder(publication: &Publication, waiter: Agent, holder: Agent) {
    let Some((waits_for, holders)) = publication.edge_in_words() else { return };
    // By the time the words were found it may have been released after all.
    let Some(found) = holders.into_iter().find(|it| it.agent == holder) else { return };
    let is_new = {
        let mut reported = REPORTED.lock().unwrap_or_else(PoisonError::into_inner);
        reported.get_or_insert_default().insert((holder, waits_for.clone()))
    };
    if is_new {
        tell_or_print(&Report::HolderEnded(HolderEnded {
            waiter: waiter.to_string(),
            waits_for,
            waits_at: publication.at.clone(),
            holder,
            holder_name: found.who,
            taken_at: found.taken_at,
        }));
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
