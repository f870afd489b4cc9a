//! What streams have in common, whatever they run over: reading, writing, limits, conversions.

use std::io::{IoSlice, IoSliceMut};

/// Whether a stream that gave or took `done` of `wanted` bytes has no more to give or room to take.
pub(super) fn is_short(done: usize, wanted: usize) -> bool {
    0 < done && done < wanted
}

/// How many bytes the buffers hold together.
pub(super) fn room(buffers: &[IoSliceMut<'_>]) -> usize {
    buffers.iter().map(|buffer| buffer.len()).sum()
}

/// How many bytes there are together.
pub(super) fn length(buffers: &[IoSlice<'_>]) -> usize {
    buffers.iter().map(|buffer| buffer.len()).sum()
}

/// Implements a stream `$stream` over std's `$std`. `$short_means_drained` says whether a read that
/// brings less than was asked for shows that there is nothing more to read.
macro_rules! stream {
    ($stream:ident, $std:ty, $what:literal, short_means_drained: $short_means_drained:literal) => {
        static READ: Reason = Reason::new(concat!("data to read from ", $what));
        static PEEK: Reason = Reason::new(concat!("data to peek at in ", $what));
        static WRITE: Reason = Reason::new(concat!("room to write to ", $what));

        impl $stream {
            /// A stream over a descriptor that is in non-blocking mode.
            pub(super) fn over(io: $std) -> $stream {
                $stream::from_socket(Socket::new(io))
            }

            pub(super) fn from_socket(socket: Socket<$std>) -> $stream {
                $stream { socket: Arc::new(socket) }
            }

            /// Takes over a stream of the standard library, with its time limits, and puts its
            /// descriptor in non-blocking mode.
            ///
            /// # Errors
            /// If the descriptor is no open socket.
            pub fn from_std(stream: $std) -> io::Result<$stream> {
                let (read, write) = (stream.read_timeout()?, stream.write_timeout()?);
                stream.set_nonblocking(true)?;
                let stream = $stream::over(stream);
                stream.set_read_timeout(read)?;
                stream.set_write_timeout(write)?;
                Ok(stream)
            }

            /// The stream as one of the standard library, in blocking mode and with the same time
            /// limits.
            ///
            /// # Errors
            /// [`io::ErrorKind::ResourceBusy`] if there are clones or halves of the stream, which
            /// would block their threads from then on; this one is dropped then.
            pub fn into_std(self) -> io::Result<$std> {
                let (read, write) = (self.read_timeout()?, self.write_timeout()?);
                let socket = Arc::into_inner(self.socket).ok_or_else(|| {
                    io::Error::new(
                        io::ErrorKind::ResourceBusy,
                        concat!("other clones or halves of ", $what, " are in use"),
                    )
                })?;
                let stream = socket.into_io();
                stream.set_nonblocking(false)?;
                stream.set_read_timeout(read)?;
                stream.set_write_timeout(write)?;
                Ok(stream)
            }

            /// Another handle of the same stream: bytes, time limits and shutdowns are shared, as
            /// with the standard library. It takes no second descriptor and does not fail; the
            /// connection is closed when the last handle is dropped.
            ///
            /// # Errors
            /// None; it returns a result to be a drop-in for the standard library's.
            pub fn try_clone(&self) -> io::Result<$stream> {
                Ok($stream { socket: Arc::clone(&self.socket) })
            }

            /// The two directions as values of their own, for instance for two coroutines.
            /// Dropping the [`WriteHalf`] shuts down writing, so that the peer reads an end.
            pub fn split(self) -> (ReadHalf<$stream>, WriteHalf<$stream>) {
                let clone = $stream { socket: Arc::clone(&self.socket) };
                (ReadHalf::of(clone), WriteHalf::of(self))
            }

            /// Limits how long a read waits for data; `None`, the default, is no limit. The limit
            /// is for a single read, and is shared by all handles of the stream. A read that waited
            /// so long fails with [`io::ErrorKind::TimedOut`]; the stream stays usable.
            ///
            /// # Errors
            /// [`io::ErrorKind::InvalidInput`] for a limit of zero.
            #[doc(alias = "settimeout")]
            pub fn set_read_timeout(&self, limit: Option<Duration>) -> io::Result<()> {
                self.socket.limit(Direction::Read).set(limit)
            }

            /// Limits how long a write waits for room, like
            /// [`set_read_timeout`](Self::set_read_timeout) for reads.
            ///
            /// # Errors
            /// [`io::ErrorKind::InvalidInput`] for a limit of zero.
            pub fn set_write_timeout(&self, limit: Option<Duration>) -> io::Result<()> {
                self.socket.limit(Direction::Write).set(limit)
            }

            /// How long a read waits at most.
            ///
            /// # Errors
            /// None; it returns a result to be a drop-in for the standard library's.
            pub fn read_timeout(&self) -> io::Result<Option<Duration>> {
                Ok(self.socket.limit(Direction::Read).get())
            }

            /// How long a write waits at most.
            ///
            /// # Errors
            /// None; it returns a result to be a drop-in for the standard library's.
            pub fn write_timeout(&self) -> io::Result<Option<Duration>> {
                Ok(self.socket.limit(Direction::Write).get())
            }

            /// Ends one direction or both, for all handles: reads return 0, writes fail, and those
            /// who wait for them are woken.
            ///
            /// # Errors
            /// If the stream is not connected (any more).
            pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
                self.socket.io().shutdown(how)
            }

            /// Takes the error that is pending on the socket, if any.
            ///
            /// # Errors
            /// If the system cannot say.
            pub fn take_error(&self) -> io::Result<Option<io::Error>> {
                self.socket.io().take_error()
            }

            /// Reads without taking: the next read brings the same bytes again.
            ///
            /// # Errors
            /// Those of the socket; [`io::ErrorKind::TimedOut`].
            #[track_caller]
            pub fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
                if buffer.is_empty() {
                    return Ok(0);
                }
                self.socket.run(Direction::Read, &PEEK, |io| peek(io, buffer))
            }

            /// Reads up to `wanted` bytes with `read`.
            #[track_caller]
            fn receive(
                &self,
                wanted: usize,
                read: impl FnMut(&$std) -> io::Result<usize>,
            ) -> io::Result<usize> {
                let drained = |&read: &usize| $short_means_drained && is_short(read, wanted);
                self.transfer(Direction::Read, &READ, wanted, read, drained)
            }

            /// Writes up to `wanted` bytes with `write`.
            #[track_caller]
            fn send(
                &self,
                wanted: usize,
                write: impl FnMut(&$std) -> io::Result<usize>,
            ) -> io::Result<usize> {
                let drained = |&written: &usize| is_short(written, wanted);
                self.transfer(Direction::Write, &WRITE, wanted, write, drained)
            }

            /// Nothing at all is there at once, and takes no look at the socket.
            #[track_caller]
            fn transfer(
                &self,
                direction: Direction,
                reason: &'static Reason,
                wanted: usize,
                op: impl FnMut(&$std) -> io::Result<usize>,
                is_drained: impl Fn(&usize) -> bool,
            ) -> io::Result<usize> {
                if wanted == 0 {
                    return Ok(0);
                }
                let limit = self.socket.limit(direction).get();
                self.socket.run_within(limit, direction, reason, op, is_drained)
            }
        }

        impl Read for &$stream {
            #[track_caller]
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                self.receive(buffer.len(), |mut io| io.read(buffer))
            }

            #[track_caller]
            fn read_vectored(&mut self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
                self.receive(room(buffers), |mut io| io.read_vectored(buffers))
            }
        }

        impl Write for &$stream {
            #[track_caller]
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.send(bytes.len(), |mut io| io.write(bytes))
            }

            #[track_caller]
            fn write_vectored(&mut self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
                self.send(length(buffers), |mut io| io.write_vectored(buffers))
            }

            /// Does nothing: what was written is on its way.
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }

        impl Read for $stream {
            #[track_caller]
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                (&*self).read(buffer)
            }

            #[track_caller]
            fn read_vectored(&mut self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
                (&*self).read_vectored(buffers)
            }
        }

        impl Write for $stream {
            #[track_caller]
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                (&*self).write(bytes)
            }

            #[track_caller]
            fn write_vectored(&mut self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
                (&*self).write_vectored(buffers)
            }

            /// Does nothing: what was written is on its way.
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }

        impl TryFrom<$std> for $stream {
            type Error = io::Error;

            fn try_from(stream: $std) -> io::Result<$stream> {
                $stream::from_std(stream)
            }
        }

        impl TryFrom<$stream> for $std {
            type Error = io::Error;

            fn try_from(stream: $stream) -> io::Result<$std> {
                stream.into_std()
            }
        }

        impl AsFd for $stream {
            /// For asking and setting options; the descriptor must stay in non-blocking mode.
            fn as_fd(&self) -> BorrowedFd<'_> {
                self.socket.io().as_fd()
            }
        }

        impl AsRawFd for $stream {
            fn as_raw_fd(&self) -> RawFd {
                self.socket.io().as_raw_fd()
            }
        }

        impl fmt::Debug for $stream {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.socket.io().fmt(f)
            }
        }

        impl Duplex for $stream {
            fn end_of_writing(&self) -> io::Result<()> {
                self.shutdown(Shutdown::Write)
            }
        }

        impl halves::Sealed for $stream {}
    };
}

pub(super) use stream;
