//! What is done about a proven deadlock: it is broken by what is waited for, or by ending one wait.

use std::time::Duration;

use super::explore::{Knot, Member, explore};
use crate::agent::Agent;
use crate::context::ContextKind;
use crate::deadlock::{Deadlock, Holder, Participant};
use crate::place::Place;
use crate::primitive::{Mutex, global, lock};
use crate::publication::Publication;
use crate::relief::Stuck;
use crate::report::{Report, tell};

/// Why a task waits that is not seen to wait for anything but its executor.
const TURN: &str = "turn of a task";

/// How often a knot that comes apart while it is looked at is looked for anew.
const ROUNDS: u32 = 16;

/// What a look along the graph has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The wait may end, or another detector sees to it; or a victim was chosen.
    Settled,
    /// Those it waits for were busy with waiting and going on while they were looked at, or were relieved.
    LookAgain,
}

global! {
    /// One detector at a time settles what it has proven, so that a knot has one victim. Nobody has it
    /// who only looks.
    static SETTLING: Mutex<()> = Mutex::new(());
}

/// Looks whether `start`, which shows a wait, can ever go on, and breaks the deadlock if it cannot: the
/// wait of one participant, usually its own, is condemned.
pub(crate) fn detect(start: Agent) -> Outcome {
    for _ in 0..ROUNDS {
        let Some(knot) = explore(start) else { return Outcome::Settled };
        match if knot.is_proven() { settle(&knot) } else { Settled::Gone } {
            Settled::Told => return Outcome::Settled,
            // What was done may not be all that is missing.
            Settled::Relieved => return Outcome::LookAgain,
            Settled::Gone => (),
        }
        crate::primitive::yield_now();
    }
    Outcome::LookAgain
}

/// What became of a knot.
enum Settled {
    /// A victim was told; or nobody can be, and it was reported.
    Told,
    /// What is waited for breaks it by itself.
    Relieved,
    /// It is no more.
    Gone,
}

fn settle(knot: &Knot) -> Settled {
    let settling = lock(&SETTLING);
    // A detector before us may have broken it: what it has condemned counts as going on.
    if !knot.is_proven() {
        return Settled::Gone;
    }
    let members = knot.members().iter().map(|member| member.agent).collect();
    let stuck = Stuck::new(&members);
    let relieve = |publication: &Publication| publication.resource()?.relieve(&stuck);
    if let Some(relief) = knot.members().iter().find_map(|member| member.with_wait(relieve)?) {
        drop(settling);
        relief.carry_out();
        return Settled::Relieved;
    }
    let may_be_victim =
        |member: &&Member| member.with_wait(Publication::may_be_victim).unwrap_or(false);
    let participants = knot.members().iter().filter_map(participant).collect();
    let Some(victim) = knot.members().iter().find(may_be_victim) else {
        // All of them unwind already. Nothing can be ended, but it does not happen silently.
        drop(settling);
        let deadlock = Deadlock::new(None, participants);
        if !tell(&Report::Deadlock(deadlock.clone())) {
            eprintln!("manyhands: {deadlock}");
        }
        return Settled::Told;
    };
    let deadlock = Deadlock::new(Some(victim.agent), participants);
    let Some(waker) = victim.with_wait(|publication| publication.condemn(deadlock.clone())) else {
        return Settled::Gone;
    };
    drop(settling);
    tell(&Report::Deadlock(deadlock));
    // A detector that has condemned itself is awake.
    if let Some(waker) = waker.filter(|_| victim.agent != knot.members()[0].agent) {
        waker.wake();
    }
    Settled::Told
}

/// A member in words; `None` if it goes on after all, because somebody has cancelled it.
fn participant(member: &Member) -> Option<Participant> {
    let described = member.agent.slot().and_then(|slot| slot.describe(member.agent));
    let (kind, name) = described.unwrap_or((ContextKind::Thread, "(ended)".into()));
    if let Some(executor) = member.waits_for_turn_of() {
        return Some(Participant {
            agent: member.agent,
            kind,
            name,
            task: None,
            reason: TURN,
            waits_for: "its turn to be polled".to_owned(),
            waits_at: Place::Elsewhere("an `.await`".into()),
            waits_since: Duration::ZERO,
            held_by: vec![Holder { agent: executor, who: executor.to_string(), taken_at: None }],
        });
    }
    member.with_wait(|publication| {
        let (waits_for, held_by) = publication.edge_in_words().unwrap_or_default();
        Participant {
            agent: member.agent,
            kind,
            name,
            task: publication.in_task.clone(),
            reason: publication.reason.text(),
            waits_for,
            waits_at: publication.at.clone(),
            waits_since: publication.since.age(),
            held_by,
        }
    })
}
