//! Memory that several processes write at the same time: the handle that atomics and arrays share.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

use super::attachments::{self, NOT_TRAVELLING};
use super::mapping::Mapping;
use super::{MemoryError, memfd, registry};

/// Memory of some length that is fixed, mapped once in each process that has it.
#[derive(Debug)]
pub(super) struct Cells {
    fd: Arc<OwnedFd>,
    mapping: Mapping,
    /// How much of the mapping is used, in bytes.
    length: usize,
}

impl Cells {
    /// Memory of `length` bytes, all zero, that exists in full.
    pub(super) fn create(name: &str, length: usize) -> Result<Arc<Cells>, MemoryError> {
        let fd = memfd::create_fixed(name, length.max(1))?;
        memfd::allocate(&fd, length.max(1))?;
        let mapping = Mapping::map(&fd, length.max(1))?;
        let cells = Arc::new(Cells { fd: Arc::new(fd), mapping, length });
        registry::insert(&cells.fd, &cells)?;
        Ok(cells)
    }

    /// The memory of a descriptor that was received: its length is fixed, and at least `length`.
    fn receive(fd: Arc<OwnedFd>, length: u64) -> Result<Arc<Cells>, MemoryError> {
        let actual = memfd::check(fd.as_fd(), memfd::FIXED)?;
        let length = usize::try_from(length).ok().filter(|length| *length <= actual);
        let length = length.ok_or_else(|| {
            MemoryError::refused(format!("shared memory of {actual} bytes is too short"))
        })?;
        if let Some(known) = registry::find::<Cells>(&fd)?
            && known.length == length
        {
            return Ok(known);
        }
        memfd::check_present(&fd, length)?;
        let mapping = Mapping::map(&fd, length.max(1))?;
        registry::adopt(&fd, Arc::new(Cells { fd: Arc::clone(&fd), mapping, length }))
    }

    pub(super) fn mapping(&self) -> &Mapping {
        &self.mapping
    }

    /// In bytes.
    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// Encodes the handle; `what` is its type, for messages.
    pub(super) fn serialize<S: Serializer>(
        &self,
        what: &str,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let Some(fd) = attachments::attach(&self.fd) else {
            let why = format!("{what}: {NOT_TRAVELLING}");
            return Err(attachments::failure(why, ser::Error::custom));
        };
        Wire { fd, length: self.length as u64 }.serialize(serializer)
    }

    /// Decodes a handle of which `is_right` says whether its length is possible.
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        what: &str,
        is_right: impl FnOnce(usize) -> bool,
        deserializer: D,
    ) -> Result<Arc<Cells>, D::Error> {
        let Wire { fd, length } = Wire::deserialize(deserializer)?;
        attachments::descriptor(fd)
            .ok_or_else(|| MemoryError::refused("its descriptor did not come with it"))
            .and_then(|fd| Cells::receive(fd, length))
            .and_then(|cells| {
                let length = cells.length;
                is_right(length).then_some(cells).ok_or_else(|| {
                    MemoryError::refused(format!("it has {length} bytes, which does not fit"))
                })
            })
            .map_err(|error| {
                let why = format!("{what} was not received: {error}");
                attachments::failure(why, de::Error::custom)
            })
    }
}

impl Drop for Cells {
    fn drop(&mut self) {
        registry::forget::<Cells>(&self.fd);
    }
}

#[derive(Serialize, Deserialize)]
struct Wire {
    fd: u32,
    length: u64,
}
