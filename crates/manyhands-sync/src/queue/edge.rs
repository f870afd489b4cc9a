//! What a wait at a queue or channel is for, as dumps and reports say it.

use std::fmt;
use std::sync::Arc;

use manyhands_wait::{Agent, Blockers, Resource};

/// What somebody waits for at a queue or channel. Anybody may put and get, so the wait may always
/// end.
pub(crate) struct Edge {
    /// What of it: `an item of`.
    what: &'static str,
    /// `queue` or `channel`.
    kind: &'static str,
    name: Option<Arc<str>>,
}

impl Edge {
    pub(crate) fn new(what: &'static str, kind: &'static str, name: &Option<Arc<str>>) -> Edge {
        Edge { what, kind, name: name.clone() }
    }
}

impl Resource for Edge {
    fn blockers(&self, _waiter: Agent, blockers: &mut Blockers) {
        blockers.may_end();
    }

    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{} {} '{name}'", self.what, self.kind),
            None => write!(f, "{} a {}", self.what, self.kind),
        }
    }
}
