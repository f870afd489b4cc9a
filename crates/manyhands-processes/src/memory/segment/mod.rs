//! Segments: shared memory for large payloads that is used again and again.
//!
//! The pages of new memory cost more than the copying into it, so a segment that the receiver has
//! done with takes the next payload. An [`Outbox`] holds the segments of one sender for one peer, an
//! [`Inbox`] what the peer was given; a [`Parcel`] says what is where, and travels with the message.
//! The states of a segment are described in `../README.md`.

mod buffers;
mod inbox;
mod outbox;

pub(crate) use buffers::Buffers;
pub(crate) use inbox::{Claim, Inbox};
pub(crate) use outbox::{Outbox, Reservation};

use serde::{Deserialize, Serialize};

use super::memfd;

/// The state of a segment, in the first word of its first page, if it may be written by its sender;
/// any other value is the number of the lease for which the receiver reads it.
const FREE: u64 = 0;
/// The state of a segment that its sender has given up: the receiver may forget it.
const RETIRED: u64 = u64::MAX;

/// Each part of a parcel begins at a multiple of this, in bytes: good enough for any plain type.
const ALIGNMENT: usize = 64;

/// Several byte strings that lie in a segment, for the peer that has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Parcel {
    segment: u32,
    lease: u64,
    lengths: Vec<u64>,
}

impl Parcel {
    /// The number of the segment, to be sent with its descriptor.
    pub(crate) fn segment(&self) -> u32 {
        self.segment
    }

    /// How many byte strings there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.lengths.len()
    }
}

/// Where in a segment the parts of a parcel are.
#[derive(Debug)]
struct Layout {
    /// Where each begins, and how long it is.
    parts: Vec<(usize, usize)>,
    /// Where the last one ends.
    end: usize,
}

impl Layout {
    /// `None` if it is longer than anything can be.
    fn of(lengths: impl IntoIterator<Item = u64>) -> Option<Layout> {
        let mut end = memfd::page();
        let mut parts = Vec::new();
        for length in lengths {
            let start = end.checked_next_multiple_of(ALIGNMENT)?;
            let length = usize::try_from(length).ok()?;
            end = start.checked_add(length)?;
            parts.push((start, length));
        }
        Some(Layout { parts, end })
    }
}

#[cfg(test)]
mod tests;
