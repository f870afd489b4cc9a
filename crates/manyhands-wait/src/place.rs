//! Where something happened: in the source of this program, or in that of another process.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

/// Where a wait was called, or something was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// In this process.
    Here(&'static Location<'static>),
    /// Somewhere else, in the words of whoever has told of it.
    Elsewhere(Arc<str>),
}

impl Place {
    /// Where in the source it is, if it is in this process.
    pub fn location(&self) -> Option<&'static Location<'static>> {
        match self {
            Place::Here(location) => Some(location),
            Place::Elsewhere(_) => None,
        }
    }
}

impl From<&'static Location<'static>> for Place {
    fn from(location: &'static Location<'static>) -> Place {
        Place::Here(location)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Here(location) => location.fmt(f),
            Place::Elsewhere(words) => f.write_str(words),
        }
    }
}
