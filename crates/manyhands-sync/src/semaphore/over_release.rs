//! The error of giving back more permits than are owed.

use std::fmt;

/// More permits were given back to a semaphore than it can take; none of them was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverRelease {
    pub(super) permits: usize,
    pub(super) most: usize,
    pub(super) bound: Option<usize>,
    pub(super) which: String,
}

impl OverRelease {
    /// How many would have been taken back.
    pub fn most(&self) -> usize {
        self.most
    }
}

impl fmt::Display for OverRelease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let OverRelease { permits, most, which, .. } = self;
        write!(f, "{which}: {permits} permits were released, ")?;
        match self.bound {
            Some(bound) => write!(
                f,
                "but of its {bound} only {most} had been forgotten; permits of guards come back by \
                 themselves, and only `Semaphore::unbounded` takes additional ones"
            ),
            None => write!(f, "but it can count only {most} more"),
        }
    }
}

impl std::error::Error for OverRelease {}
