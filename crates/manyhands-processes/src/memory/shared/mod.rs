//! Data that is made once and read by many processes.

mod content;

use std::fmt;
use std::io::Read;
use std::ops::Deref;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use bytemuck::Pod;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};

pub use content::Shareable;
use content::Source;

use super::attachments::{self, Attachments, NOT_TRAVELLING};
use super::mapping::Draft;
use super::{Bytes, MemoryError, frozen, memfd, registry};

/// A value that is made once, is sent to any number of workers and processes for next to nothing,
/// and is read by all of them.
///
/// The value lies in memory that nobody can change any more. Sending it sends a descriptor, however
/// large it is. What a process that receives it does, depends on the type:
///
/// | type | a process that receives it |
/// |---|---|
/// | `Shared<[T]>` with `T:` [`Pod`], [`SharedBytes`], `Shared<str>` | reads the same memory as all others; no copy is made |
/// | `Shared<T>` with a type of serde | decodes it when it comes first, and keeps it for as long as somebody has it |
///
/// [`Bytes`] of 64 KiB and more inside of a value of serde are read in place, too. Received again,
/// by any task, it is the value that is there already. (Two threads that receive it for the first
/// time at the same moment may both decode it; one of the two stays.)
///
/// Clones are the same value. In the process that has made it nothing is decoded: it reads the
/// value it gave, and executors without other processes pass it on as they pass anything.
///
/// It can be sent as a part of an argument or a result of a task, to a process and through a pipe
/// of this crate. Encoding it for anybody else is an error, because a descriptor does not travel in
/// bytes.
///
/// # Limits
/// It takes a file descriptor in each process that has it. It may be as long as the machine has
/// memory; longer is an error that says so.
///
/// ```
/// use manyhands_processes::Shared;
///
/// let table = Shared::new(vec!["zero".to_owned(), "one".to_owned()])?;
/// assert_eq!(table[1], "one");
///
/// let squares = Shared::<[u64]>::build(1000, |squares| {
///     for (n, square) in squares.iter_mut().enumerate() {
///         *square = (n * n) as u64;
///     }
/// })?;
/// assert_eq!(squares[31], 961);
/// # Ok::<(), manyhands_processes::MemoryError>(())
/// ```
#[doc(alias = "SharedMemory")]
pub struct Shared<T: Shareable + ?Sized>(Arc<Inner<T>>);

/// Bytes that are made once and read by many processes in place.
pub type SharedBytes = Shared<[u8]>;

struct Inner<T: Shareable + ?Sized> {
    fd: Arc<OwnedFd>,
    /// How long the parts of the memory are, in bytes.
    lengths: Vec<u64>,
    /// Descriptors that belong to handles inside of the value.
    nested: Vec<Arc<OwnedFd>>,
    held: T::Held,
}

impl<T: Shareable + ?Sized> Drop for Inner<T> {
    fn drop(&mut self) {
        registry::forget::<Inner<T>>(&self.fd);
    }
}

impl<T: Shareable + Serialize> Shared<T>
where
    T: Shareable<Held = T>,
{
    /// Shares a value: encodes it once, for those who will receive it.
    ///
    /// # Errors
    /// If the value cannot be encoded, or there is no memory or descriptor for it.
    pub fn new(value: T) -> Result<Shared<T>, MemoryError> {
        let (encoded, Attachments { fds, payloads }) =
            attachments::collect(|| postcard::to_stdvec(&value));
        let encoded = encoded.map_err(|error| {
            let why = attachments::take_failure().unwrap_or_else(|| error.to_string());
            let name = std::any::type_name::<T>();
            MemoryError::codec(format!("a value of {name} cannot be shared: {why}"))
        })?;
        let mut parts = vec![&encoded[..]];
        parts.extend(payloads.iter().map(|payload| &payload[..]));
        let fd = Arc::new(frozen::freeze("manyhands-shared", &parts)?);
        let lengths = parts.iter().map(|part| part.len() as u64).collect();
        Shared::made(Inner { fd, lengths, nested: fds, held: value })
    }
}

impl<T: Pod + Send + Sync> Shared<[T]> {
    /// Shares a copy of these elements.
    ///
    /// # Errors
    /// If there is no memory or descriptor for it.
    pub fn copy_from_slice(elements: &[T]) -> Result<Shared<[T]>, MemoryError> {
        let bytes = bytemuck::cast_slice(elements);
        Shared::of_frozen(frozen::freeze("manyhands-shared", &[bytes])?, bytes.len())
    }

    /// Shares `length` elements, which `fill` writes where they will stay; they are zero before.
    ///
    /// # Errors
    /// If there is no memory or descriptor for it.
    pub fn build(length: usize, fill: impl FnOnce(&mut [T])) -> Result<Shared<[T]>, MemoryError> {
        let bytes = length.checked_mul(size_of::<T>()).ok_or_else(|| {
            let element = std::any::type_name::<T>();
            MemoryError::too_large(format!("{length} elements of {element} are more than can be"))
        })?;
        let fd = memfd::create("manyhands-shared", bytes.max(1))?;
        memfd::allocate(&fd, bytes.max(1))?;
        // SAFETY: the memory was made two lines above, and nobody has it before it is sealed.
        let mut draft = unsafe { Draft::map(&fd, bytes.max(1)) }?;
        fill(bytemuck::cast_slice_mut(&mut draft.bytes_mut()[..bytes]));
        drop(draft);
        memfd::seal(&fd, memfd::FROZEN)?;
        Shared::of_frozen(fd, bytes)
    }
}

impl Shared<str> {
    /// Shares a copy of this text.
    ///
    /// # Errors
    /// If there is no memory or descriptor for it.
    pub fn copy_from_str(text: &str) -> Result<Shared<str>, MemoryError> {
        Shared::of_frozen(frozen::freeze("manyhands-shared", &[text.as_bytes()])?, text.len())
    }
}

impl SharedBytes {
    /// Shares everything that can be read from `source`, such as a file.
    ///
    /// # Errors
    /// What `source` says, and if there is no memory or descriptor for it.
    pub fn read_from(mut source: impl Read) -> Result<SharedBytes, MemoryError> {
        const PIECE_BYTES: usize = 1024 * 1024;
        let fd = memfd::create("manyhands-shared", 1)?;
        let mut piece = vec![0; PIECE_BYTES];
        let mut length = 0;
        loop {
            match source.read(&mut piece) {
                Ok(0) => break,
                Ok(read) => {
                    if read > memfd::limit().saturating_sub(length) {
                        let most = memfd::limit();
                        return Err(MemoryError::too_large(format!(
                            "there is more to share than this machine has memory ({most} bytes)"
                        )));
                    }
                    memfd::write_at(&fd, length as u64, &[&piece[..read]])?;
                    length += read;
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => {
                    return Err(MemoryError::system("reading what is to be shared", error));
                }
            }
        }
        memfd::seal(&fd, memfd::FROZEN)?;
        Shared::of_frozen(fd, length)
    }
}

impl<T: Shareable + ?Sized> Shared<T> {
    /// A value of one part.
    fn of_frozen(fd: OwnedFd, length: usize) -> Result<Shared<T>, MemoryError> {
        let lengths = vec![length as u64];
        let parts = frozen::open(&fd, &lengths)?;
        let held = T::open(Source { parts, nested: Vec::new() })?;
        Shared::made(Inner { fd: Arc::new(fd), lengths, nested: Vec::new(), held })
    }

    /// The value in this memory: the one that is known, or else a new one.
    fn receive(
        fd: Arc<OwnedFd>,
        lengths: Vec<u64>,
        nested: Vec<Arc<OwnedFd>>,
    ) -> Result<Shared<T>, MemoryError> {
        memfd::check(fd.as_fd(), memfd::FROZEN)?;
        if let Some(known) = registry::find::<Inner<T>>(&fd)? {
            return Ok(Shared(known));
        }
        let parts = frozen::open(&fd, &lengths)?;
        let held = T::open(Source { parts, nested: nested.clone() })?;
        let inner = Arc::new(Inner { fd: Arc::clone(&fd), lengths, nested, held });
        registry::adopt(&fd, inner).map(Shared)
    }

    /// The value of memory that was made here.
    fn made(inner: Inner<T>) -> Result<Shared<T>, MemoryError> {
        let inner = Arc::new(inner);
        registry::insert(&inner.fd, &inner)?;
        Ok(Shared(inner))
    }
}

impl<T: Shareable + ?Sized> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        T::get(&self.0.held)
    }
}

impl<T: Shareable + ?Sized> AsRef<T> for Shared<T> {
    fn as_ref(&self) -> &T {
        self
    }
}

impl<T: Shareable + ?Sized> Clone for Shared<T> {
    fn clone(&self) -> Shared<T> {
        Shared(Arc::clone(&self.0))
    }
}

impl<T: Shareable + fmt::Debug + ?Sized> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: Shareable + PartialEq + ?Sized> PartialEq for Shared<T> {
    fn eq(&self, other: &Shared<T>) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || **self == **other
    }
}

impl<T: Shareable + Eq + ?Sized> Eq for Shared<T> {}

impl From<SharedBytes> for Bytes {
    /// Without a copy. Sent to another process they are sent as any bytes are.
    fn from(shared: SharedBytes) -> Bytes {
        Bytes::from(bytes::Bytes::from_owner(shared))
    }
}

/// The encoded form: numbers of attached descriptors.
#[derive(Serialize, Deserialize)]
#[serde(rename = "Shared")]
struct Wire {
    fd: u32,
    lengths: Vec<u64>,
    nested: Vec<u32>,
}

impl<T: Shareable + ?Sized> Serialize for Shared<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Inner { fd, lengths, nested, .. } = &*self.0;
        let attached = attachments::attach(fd)
            .zip(nested.iter().map(attachments::attach).collect::<Option<Vec<_>>>());
        let Some((fd, nested)) = attached else {
            let why = format!("{}: {NOT_TRAVELLING}", name::<T>());
            return Err(attachments::failure(why, ser::Error::custom));
        };
        Wire { fd, lengths: lengths.clone(), nested }.serialize(serializer)
    }
}

impl<'de, T: Shareable + ?Sized> Deserialize<'de> for Shared<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Shared<T>, D::Error> {
        let Wire { fd, lengths, nested } = Wire::deserialize(deserializer)?;
        let nested: Option<Vec<_>> = nested.into_iter().map(attachments::descriptor).collect();
        let received = attachments::descriptor(fd)
            .zip(nested)
            .ok_or_else(|| MemoryError::refused("its descriptors did not come with it"))
            .and_then(|(fd, nested)| Shared::receive(fd, lengths, nested));
        received.map_err(|error| {
            let why = format!("{} was not received: {error}", name::<T>());
            attachments::failure(why, de::Error::custom)
        })
    }
}

fn name<T: ?Sized>() -> String {
    format!("Shared<{}>", std::any::type_name::<T>())
}

#[cfg(test)]
mod tests;
