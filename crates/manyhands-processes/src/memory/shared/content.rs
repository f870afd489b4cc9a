//! What can be shared, and how a process that receives it holds it.

use std::fmt;
use std::marker::PhantomData;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use bytemuck::Pod;
use manyhands_executor::Portable;

use crate::memory::MemoryError;
use crate::memory::attachments::{self, Attachments};

/// What [`Shared`](crate::Shared) can hold: types of serde (`Portable` and `Sync`), slices of plain
/// elements, text.
///
/// The trait is implemented for all of them, and cannot be for others.
pub trait Shareable: Send + Sync + 'static {
    /// How a process holds it.
    #[doc(hidden)]
    type Held: Send + Sync + 'static;

    /// Understands what lies in shared memory.
    #[doc(hidden)]
    fn open(source: Source) -> Result<Self::Held, MemoryError>;

    /// The value.
    #[doc(hidden)]
    fn get(held: &Self::Held) -> &Self;
}

/// What lies in shared memory that was received.
#[doc(hidden)]
pub struct Source {
    pub(super) parts: Vec<bytes::Bytes>,
    pub(super) nested: Vec<Arc<OwnedFd>>,
}

impl Source {
    /// The bytes of a value that has one part.
    fn into_only(mut self) -> Result<bytes::Bytes, MemoryError> {
        match (self.parts.pop(), &self.parts[..]) {
            (Some(part), []) => Ok(part),
            _ => Err(MemoryError::refused("it has not one part")),
        }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("parts", &self.parts.len()).finish_non_exhaustive()
    }
}

impl<T: Portable + Sync> Shareable for T {
    type Held = T;

    fn open(source: Source) -> Result<T, MemoryError> {
        let mut parts = source.parts.into_iter();
        let encoded = parts.next().ok_or_else(|| MemoryError::refused("it is empty"))?;
        let attachments = Attachments { fds: source.nested, payloads: parts.collect() };
        attachments::provide(attachments, || postcard::from_bytes(&encoded)).map_err(|error| {
            let why = attachments::take_failure().unwrap_or_else(|| error.to_string());
            MemoryError::codec(format!("its {} bytes were not understood: {why}", encoded.len()))
        })
    }

    fn get(held: &T) -> &T {
        held
    }
}

impl<T: Pod + Send + Sync> Shareable for [T] {
    type Held = Elements<T>;

    fn open(source: Source) -> Result<Elements<T>, MemoryError> {
        const { assert!(size_of::<T>() > 0, "elements without a size need not be shared") };
        let bytes = source.into_only()?;
        // No bytes have no place, and so no alignment.
        let fits = bytes.is_empty() || bytemuck::try_cast_slice::<u8, T>(&bytes).is_ok();
        if !fits {
            let (length, size) = (bytes.len(), size_of::<T>());
            return Err(MemoryError::refused(format!(
                "{length} bytes are no elements of {size} bytes each"
            )));
        }
        Ok(Elements { bytes, of: PhantomData })
    }

    fn get(held: &Elements<T>) -> &[T] {
        if held.bytes.is_empty() { &[] } else { bytemuck::cast_slice(&held.bytes) }
    }
}

impl Shareable for str {
    type Held = Text;

    fn open(source: Source) -> Result<Text, MemoryError> {
        let bytes = source.into_only()?;
        match std::str::from_utf8(&bytes) {
            Ok(_) => Ok(Text(bytes)),
            Err(error) => Err(MemoryError::refused(format!("it is no text: {error}"))),
        }
    }

    fn get(held: &Text) -> &str {
        // SAFETY: `open` has found the bytes to be text, and they cannot change: `Bytes` give no
        // way to, and memory of others that they lie in is sealed against writing.
        unsafe { std::str::from_utf8_unchecked(&held.0) }
    }
}

/// Plain elements in place.
#[doc(hidden)]
pub struct Elements<T> {
    bytes: bytes::Bytes,
    of: PhantomData<fn() -> T>,
}

impl<T> fmt::Debug for Elements<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Elements").field("bytes", &self.bytes.len()).finish()
    }
}

/// Text in place.
#[doc(hidden)]
#[derive(Debug)]
pub struct Text(bytes::Bytes);
