//! A descriptor that can be waited for from any place.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use crate::registration::Registrations;

/// What an operation on a descriptor waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// That something can be read (or accepted, or that a process has ended).
    Read,
    /// That something can be written (or that a connection stands).
    Write,
}

/// What a successful operation brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tried<R> {
    /// Its value.
    pub value: R,
    /// Whether it took (or filled) all there was, so that the next one would block. The reactor is
    /// told, and the next operation waits without asking the kernel first. `false` is always right.
    pub drained: bool,
}

/// What owns one descriptor for as long as it lives.
///
/// # Safety
/// `as_fd` gives the same descriptor at every call, and nothing but dropping the value closes it.
pub unsafe trait OwnsDescriptor: AsFd {}

macro_rules! owns {
    ($($owner:ty),+ $(,)?) => {$(
        // SAFETY: a type of the standard library that holds one `OwnedFd` and never replaces it.
        unsafe impl OwnsDescriptor for $owner {}
    )+};
}

owns!(
    OwnedFd,
    std::fs::File,
    std::io::PipeReader,
    std::io::PipeWriter,
    std::net::TcpListener,
    std::net::TcpStream,
    std::net::UdpSocket,
    std::os::unix::net::UnixDatagram,
    std::os::unix::net::UnixListener,
    std::os::unix::net::UnixStream,
);

/// A descriptor in non-blocking mode, known to the reactors of the places where it is waited for.
///
/// The kernel is asked first and a reactor only after it said that the operation would block, or
/// when the reactor knows that. Nothing is registered before the first wait. A wait uses the reactor
/// of the place where it happens, so what is watched may be handed to any thread or coroutine, and
/// outlives the thread that made it. A descriptor that stays in one place is registered once.
///
/// ```
/// use std::io::{self, Read, Write};
/// use std::os::unix::net::UnixStream;
/// use manyhands_io::{Direction, Tried, Watched};
///
/// let (ours, mut theirs) = UnixStream::pair()?;
/// ours.set_nonblocking(true)?;
/// let ours = Watched::new(ours);
/// let writer = std::thread::spawn(move || theirs.write_all(b"hello"));
/// let mut buffer = [0; 5];
/// let length = manyhands_io::wait(ours.when_ready(Direction::Read, |mut stream: &UnixStream| {
///     let length = stream.read(&mut buffer)?;
///     Ok(Tried { value: length, drained: false })
/// }))?;
/// assert_eq!(&buffer[..length], b"hello");
/// writer.join().unwrap()?;
/// # Ok::<(), io::Error>(())
/// ```
pub struct Watched<S: OwnsDescriptor> {
    /// Dropped before the descriptor: it leaves the reactors before it is closed.
    registrations: Registrations,
    io: S,
}

impl<S: OwnsDescriptor> Watched<S> {
    /// Of a descriptor that is in non-blocking mode, or on which the operations that will be tried
    /// do not block. (On one that blocks, operations block the thread.)
    pub const fn new(io: S) -> Watched<S> {
        Watched { registrations: Registrations::none(), io }
    }

    /// The descriptor's owner.
    pub const fn get_ref(&self) -> &S {
        &self.io
    }

    /// Takes the descriptor out of all reactors.
    pub fn into_inner(self) -> S {
        self.io
    }

    /// Tries `op` without waiting. Signals that interrupt it do not count.
    ///
    /// What the reactor knows may be old if nobody turned it: [`io::ErrorKind::WouldBlock`] means
    /// that it is time to wait.
    ///
    /// # Errors
    /// Those of `op`; [`io::ErrorKind::WouldBlock`].
    pub fn attempt<R>(
        &self,
        direction: Direction,
        mut op: impl FnMut(&S) -> io::Result<Tried<R>>,
    ) -> io::Result<R> {
        self.registrations.attempt(direction, || uninterrupted(|| op(&self.io)))
    }

    /// Does `op` as soon as it does not block: waits with the reactor of the place where the future
    /// is polled first. Tries before it waits.
    ///
    /// The future must be polled where tokio's I/O is ambient: inside [`wait`](crate::wait()) or in
    /// a task of a runtime. Dropping it before `op` was successful loses nothing.
    ///
    /// # Errors
    /// Those of `op`, but [`io::ErrorKind::WouldBlock`]; those of the reactor, if it refuses the
    /// descriptor (a regular file, which is always ready).
    pub async fn when_ready<R>(
        &self,
        direction: Direction,
        mut op: impl FnMut(&S) -> io::Result<Tried<R>>,
    ) -> io::Result<R> {
        match self.attempt(direction, &mut op) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            done => return done,
        }
        self.after_attempt(direction, op).await
    }

    /// Like [`when_ready`](Self::when_ready) where [`attempt`](Self::attempt) has just said that the
    /// operation would block: waits without trying it once more.
    ///
    /// # Errors
    /// Like [`when_ready`](Self::when_ready).
    pub async fn after_attempt<R>(
        &self,
        direction: Direction,
        mut op: impl FnMut(&S) -> io::Result<Tried<R>>,
    ) -> io::Result<R> {
        // SAFETY: the descriptor is that of `self.io`, which by the contract of `OwnsDescriptor` is
        // the same at every call and is closed only when `self.io` is dropped; that is after
        // `self.registrations` (the order of the fields; `into_inner` keeps it open). The entry
        // returned here lives in this future, which borrows `self`.
        let registration = unsafe { self.registrations.here(self.io.as_fd().as_raw_fd()) }?;
        registration.when_ready(direction, || uninterrupted(|| op(&self.io))).await
    }

    /// In how many reactors the descriptor is registered.
    pub fn registrations(&self) -> usize {
        self.registrations.count()
    }
}

impl<S: OwnsDescriptor> fmt::Debug for Watched<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched").field("descriptor", &self.io.as_fd().as_raw_fd()).finish()
    }
}

/// Calls `op` until no signal came in between.
fn uninterrupted<R>(mut op: impl FnMut() -> io::Result<R>) -> io::Result<R> {
    loop {
        match op() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}
