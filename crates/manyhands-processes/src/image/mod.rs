//! This very binary: its identity, and functions in it as offsets that another process of it
//! understands.
//!
//! The kernel puts the binary at another address in each process, so what travels is the distance
//! from where it begins. It means something only in a process of the very same binary, which is what
//! [`Identity`] is compared for when a process starts.

mod entry;
mod identity;
mod segments;

pub(crate) use entry::EntryOffsets;
pub(crate) use identity::Identity;
pub(crate) use segments::Executable;

use std::fmt;

/// Why an address has no offset, or an offset no address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ImageError(String);

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ImageError {}
