//! Memory that nobody can change any more: byte strings for any number of processes, each of which
//! reads them where they are.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use super::mapping::View;
use super::{MemoryError, memfd};

/// Each byte string begins at a multiple of this, in bytes; the first at the beginning of a page.
const ALIGNMENT: usize = 64;

/// Makes frozen memory of these parts.
pub(crate) fn freeze(name: &str, parts: &[&[u8]]) -> Result<OwnedFd, MemoryError> {
    let layout = layout(parts.iter().map(|part| part.len() as u64))
        .ok_or_else(|| MemoryError::too_large("more bytes than there can be are to be shared"))?;
    let length = layout.last().map_or(0, |(start, length)| start + length);
    let fd = memfd::create(name, length.max(1))?;
    for (part, (start, _)) in parts.iter().zip(&layout) {
        memfd::write_at(&fd, *start as u64, &[part])?;
    }
    memfd::seal(&fd, memfd::FROZEN)?;
    Ok(fd)
}

/// The parts of frozen memory, in place. They keep the memory for as long as one of them is there.
///
/// # Errors
/// If the memory could still be changed, or is shorter than the lengths say.
pub(crate) fn open(fd: impl AsFd, lengths: &[u64]) -> Result<Vec<bytes::Bytes>, MemoryError> {
    let actual = memfd::check(fd.as_fd(), memfd::FROZEN)?;
    let end = |layout: &[(usize, usize)]| layout.last().map_or(0, |(start, length)| start + length);
    let layout = layout(lengths.iter().copied())
        .filter(|layout| end(layout) <= actual)
        .ok_or_else(|| {
            MemoryError::refused(format!(
                "shared memory of {actual} bytes is shorter than its sender says"
            ))
        })?;
    let length = end(&layout);
    if length == 0 {
        return Ok(vec![bytes::Bytes::new(); layout.len()]);
    }
    memfd::check_present(&fd, length)?;
    // SAFETY: the seals, which nobody can take off, keep every process from writing there, and from
    // making it shorter than `actual`.
    let view = Arc::new(unsafe { View::map(fd, length) }?);
    let part =
        |(start, length)| bytes::Bytes::from_owner(Part { view: Arc::clone(&view), start, length });
    Ok(layout.into_iter().map(part).collect())
}

/// Where each part begins, and how long it is. `None` if that is longer than anything can be.
fn layout(lengths: impl Iterator<Item = u64>) -> Option<Vec<(usize, usize)>> {
    let mut end = 0_usize;
    let mut parts = Vec::new();
    for length in lengths {
        let start = end.checked_next_multiple_of(ALIGNMENT)?;
        let length = usize::try_from(length).ok()?;
        end = start.checked_add(length)?;
        parts.push((start, length));
    }
    Some(parts)
}

struct Part {
    view: Arc<View>,
    start: usize,
    length: usize,
}

impl AsRef<[u8]> for Part {
    fn as_ref(&self) -> &[u8] {
        // The layout was found to be within what is mapped.
        self.view.bytes(self.start, self.length).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_frozen_is_read_in_place() {
        let fd = freeze("test", &[b"many", b"", b"hands"]).unwrap();
        let parts = open(&fd, &[4, 0, 5]).unwrap();
        assert_eq!(parts, ["many", "", "hands"]);
        assert_eq!(parts[2].as_ptr().addr() % ALIGNMENT, 0);
        drop(fd);
        let second = parts[2].clone();
        drop(parts);
        assert_eq!(second, "hands");
    }

    #[test]
    fn nothing_is_something_too() {
        let fd = freeze("test", &[]).unwrap();
        assert!(open(&fd, &[]).unwrap().is_empty());
        let fd = freeze("test", &[b""]).unwrap();
        assert_eq!(open(&fd, &[0]).unwrap(), [""]);
    }

    #[test]
    fn lengths_that_lie_are_refused() {
        let fd = freeze("test", &[&[1; 100]]).unwrap();
        for lengths in [&[101][..], &[100, 1], &[u64::MAX], &[u64::MAX, u64::MAX], &[1; 3]] {
            assert!(open(&fd, lengths).unwrap_err().is_refused(), "{lengths:?}");
        }
        assert_eq!(open(&fd, &[1, 36]).unwrap(), [&[1][..], &[1; 36]]);
    }

    #[test]
    fn memory_that_is_promised_and_not_there_is_refused() {
        let sparse = memfd::create("test", memfd::limit()).unwrap();
        memfd::write_at(&sparse, 0, &[&[1; 4096]]).unwrap();
        memfd::seal(&sparse, memfd::FROZEN).unwrap();
        assert!(open(&sparse, &[4096]).is_ok());
        let error = open(&sparse, &[4097]).unwrap_err();
        assert!(error.is_refused() && error.to_string().contains("only 4096"), "{error}");
    }

    #[test]
    fn memory_that_could_be_changed_is_refused() {
        let fixed = memfd::create_fixed("test", 100).unwrap();
        assert!(open(&fixed, &[100]).unwrap_err().is_refused());
    }
}
