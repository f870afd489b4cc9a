//! Which locks each context holds.
//!
//! One table for threads, coroutines and async tasks, by their agents: coroutines share a thread, tasks
//! move between threads, and the guard of a task may be dropped anywhere.

use std::collections::BTreeMap;
use std::panic::Location;
use std::sync::{Mutex, MutexGuard, PoisonError};

use manyhands_wait::Agent;

use super::class::ClassId;

/// Parts of the table, so that contexts seldom meet.
const SHARDS: usize = 64;
/// How many contexts a part has before it is looked which of them are of no use any more.
const CONTEXTS_MIN: usize = 32;

/// A lock that somebody holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held {
    pub(super) lock: usize,
    pub(super) class: ClassId,
    pub(super) at: &'static Location<'static>,
}

#[repr(align(64))]
struct Shard(Mutex<Contexts>);

struct Contexts {
    held: BTreeMap<Agent, Vec<Held>>,
    /// How many there may be before those of no use are left out.
    limit: usize,
}

static SHARDS_OF_TABLE: [Shard; SHARDS] =
    [const { Shard(Mutex::new(Contexts { held: BTreeMap::new(), limit: CONTEXTS_MIN })) }; SHARDS];

/// Calls `look` with every lock that `agent` holds.
pub(super) fn for_each(agent: Agent, look: &mut impl FnMut(&Held)) {
    if let Some(held) = shard(agent).held.get(&agent) {
        held.iter().for_each(look);
    }
}

/// `agent` holds one more.
pub(super) fn push(agent: Agent, held: Held) {
    let mut contexts = shard(agent);
    if contexts.held.len() >= contexts.limit {
        contexts.held.retain(|agent, held| !held.is_empty() && agent.is_alive());
        contexts.limit = CONTEXTS_MIN.max(2 * contexts.held.len());
    }
    contexts.held.entry(agent).or_default().push(held);
}

/// `agent` releases it. Nothing happens if it was not seen to take it.
pub(super) fn remove(agent: Agent, lock: usize) {
    if let Some(held) = shard(agent).held.get_mut(&agent)
        && let Some(place) = held.iter().rposition(|held| held.lock == lock)
    {
        held.remove(place);
    }
}

/// Nobody holds anything, as far as is known.
pub(super) fn forget_all() {
    for Shard(contexts) in &SHARDS_OF_TABLE {
        contexts.lock().unwrap_or_else(PoisonError::into_inner).held.clear();
    }
}

fn shard(agent: Agent) -> MutexGuard<'static, Contexts> {
    let Shard(contexts) = &SHARDS_OF_TABLE[agent.to_bits() as usize % SHARDS];
    contexts.lock().unwrap_or_else(PoisonError::into_inner)
}
