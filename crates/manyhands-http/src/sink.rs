//! Where a body goes: into memory, or to a writer.

use std::io::{self, Write};

use bytes::{Bytes, BytesMut};

use crate::response::Head;

/// Takes one body, from the start again if an attempt failed in the middle of it.
pub(crate) trait Sink: Send {
    /// The most bytes it takes, if the request says nothing else.
    fn limit(&self, default: u64) -> u64;

    /// A body begins; what came of another before it is void.
    fn begin(&mut self, head: &Head) -> io::Result<()>;

    /// The next piece of the body.
    fn write(&mut self, piece: Bytes) -> io::Result<()>;

    /// The body is complete.
    fn end(&mut self) -> io::Result<()>;
}

/// Collects a body in memory; one that comes in a single piece without copying it.
#[derive(Default)]
pub(crate) struct Memory {
    first: Bytes,
    all: BytesMut,
}

impl Memory {
    pub(crate) fn into_bytes(self) -> Bytes {
        if self.all.is_empty() { self.first } else { self.all.freeze() }
    }
}

impl Sink for Memory {
    fn limit(&self, default: u64) -> u64 {
        default
    }

    fn begin(&mut self, _head: &Head) -> io::Result<()> {
        *self = Memory::default();
        Ok(())
    }

    fn write(&mut self, piece: Bytes) -> io::Result<()> {
        if self.first.is_empty() {
            self.first = piece;
            return Ok(());
        }
        if self.all.is_empty() {
            self.all.extend_from_slice(&self.first);
        }
        self.all.extend_from_slice(&piece);
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Hands a body on to what `open` returns for it; throws it away if that is nothing.
pub(crate) struct Writer<F, W> {
    open: F,
    writer: Option<W>,
}

impl<F, W> Writer<F, W> {
    pub(crate) fn new(open: F) -> Writer<F, W> {
        Writer { open, writer: None }
    }

    pub(crate) fn into_writer(self) -> Option<W> {
        self.writer
    }
}

impl<F, W> Sink for Writer<F, W>
where
    F: FnMut(&Head) -> io::Result<Option<W>> + Send,
    W: Write + Send,
{
    fn limit(&self, _default: u64) -> u64 {
        u64::MAX
    }

    fn begin(&mut self, head: &Head) -> io::Result<()> {
        // The old one goes first: it may hold what the new one needs.
        self.writer = None;
        self.writer = (self.open)(head)?;
        Ok(())
    }

    fn write(&mut self, piece: Bytes) -> io::Result<()> {
        self.writer.as_mut().map_or(Ok(()), |writer| writer.write_all(&piece))
    }

    fn end(&mut self) -> io::Result<()> {
        self.writer.as_mut().map_or(Ok(()), Write::flush)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_keeps_one_piece_as_it_is_and_joins_several() {
        let mut memory = Memory::default();
        let piece = Bytes::from_static(b"abc");
        memory.write(piece.clone()).unwrap();
        let whole = memory.into_bytes();
        assert_eq!(whole.as_ptr(), piece.as_ptr());

        let mut memory = Memory::default();
        for piece in [b"ab", b"cd", b"ef"] {
            memory.write(Bytes::from_static(piece)).unwrap();
        }
        assert_eq!(memory.into_bytes(), "abcdef");
    }
}
