//! The names of contexts that have ended last: for reports about what they have left behind.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::agent::Agent;
use crate::context::ContextKind;

/// How many are remembered.
const KEPT: usize = 256;

struct Departed {
    agent: Agent,
    kind: ContextKind,
    name: Arc<str>,
}

static DEPARTED: Mutex<VecDeque<Departed>> = Mutex::new(VecDeque::new());

/// Keeps the name of a context that ends, in place of that of the one that has ended longest ago.
pub(crate) fn remember(agent: Agent, kind: ContextKind, name: Arc<str>) {
    let mut departed = lock();
    let oldest = (departed.len() == KEPT).then(|| departed.pop_front()).flatten();
    departed.push_back(Departed { agent, kind, name });
    drop(departed);
    drop(oldest);
}

/// What a context was that has ended, if that is still known.
pub(crate) fn recall(agent: Agent) -> Option<(ContextKind, Arc<str>)> {
    let departed = lock();
    let found = departed.iter().rev().find(|it| it.agent == agent)?;
    Some((found.kind, Arc::clone(&found.name)))
}

fn lock() -> MutexGuard<'static, VecDeque<Departed>> {
    DEPARTED.lock().unwrap_or_else(PoisonError::into_inner)
}
