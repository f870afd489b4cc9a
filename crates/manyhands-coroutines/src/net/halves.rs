//! The two directions of a stream as values of their own.

use std::fmt;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};

/// A stream that can be split. The trait is sealed.
pub trait Duplex: Sealed {
    /// Tells the peer that nothing more will be written.
    ///
    /// # Errors
    /// If the stream is not connected (any more).
    fn end_of_writing(&self) -> io::Result<()>;
}

pub trait Sealed {}

/// The reading half of a stream, made by its `split`.
pub struct ReadHalf<S>(S);

impl<S> ReadHalf<S> {
    pub(super) const fn of(stream: S) -> ReadHalf<S> {
        ReadHalf(stream)
    }

    /// The whole stream, for its addresses and options.
    pub const fn stream(&self) -> &S {
        &self.0
    }
}

impl<S> Read for ReadHalf<S>
where
    for<'a> &'a S: Read,
{
    #[track_caller]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&self.0).read(buffer)
    }

    #[track_caller]
    fn read_vectored(&mut self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        (&self.0).read_vectored(buffers)
    }
}

impl<S: fmt::Debug> fmt::Debug for ReadHalf<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReadHalf").field(&self.0).finish()
    }
}

/// The writing half of a stream, made by its `split`. On drop it shuts down writing.
pub struct WriteHalf<S: Duplex>(S);

impl<S: Duplex> WriteHalf<S> {
    pub(super) const fn of(stream: S) -> WriteHalf<S> {
        WriteHalf(stream)
    }

    /// The whole stream, for its addresses and options.
    pub const fn stream(&self) -> &S {
        &self.0
    }
}

impl<S: Duplex> Write for WriteHalf<S>
where
    for<'a> &'a S: Write,
{
    #[track_caller]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&self.0).write(bytes)
    }

    #[track_caller]
    fn write_vectored(&mut self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        (&self.0).write_vectored(buffers)
    }

    /// Does nothing: what was written is on its way.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<S: Duplex> Drop for WriteHalf<S> {
    fn drop(&mut self) {
        // A connection that is gone has nobody who would read the end.
        let _gone = self.0.end_of_writing();
    }
}

impl<S: Duplex + fmt::Debug> fmt::Debug for WriteHalf<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WriteHalf").field(&self.0).finish()
    }
}
