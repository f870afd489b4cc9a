//! What contexts wait for that anybody may bring about at any time: an event, a notification.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use manyhands_wait::{Agent, Blockers, Resource};

/// Which primitive it is, in dumps and reports. A wait for it may always end, through somebody who is
/// not known: it is listed and never called a deadlock.
#[derive(Clone)]
pub(crate) struct Signal {
    kind: &'static str,
    name: Option<Arc<str>>,
    made_at: &'static Location<'static>,
}

impl Signal {
    pub(crate) const fn new(kind: &'static str, made_at: &'static Location<'static>) -> Signal {
        Signal { kind, name: None, made_at }
    }

    pub(crate) fn named(self, name: Arc<str>) -> Signal {
        Signal { name: Some(name), ..self }
    }

    pub(crate) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{} '{name}'", self.kind),
            None => write!(f, "{} made at {}", self.kind, self.made_at),
        }
    }
}

impl Resource for Signal {
    fn blockers(&self, _waiter: Agent, blockers: &mut Blockers) {
        blockers.may_end();
    }

    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
