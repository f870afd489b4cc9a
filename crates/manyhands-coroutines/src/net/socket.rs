//! What all sockets share: an operation is tried, and waited for where the caller stands.

use std::cell::Cell;
use std::io;
use std::os::fd::AsRawFd;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use manyhands_wait::{Reason, check_cancelled};

use super::registration::{Direction, Registrations, Tried};
use crate::hub::Hub;

/// A socket of the standard library in non-blocking mode, known to the reactors where it is waited
/// for.
///
/// The kernel is asked first and the reactor only after it said that the operation would block, or
/// when the reactor knows that. Nothing is registered before the first wait. A wait uses the reactor
/// of the place where the *caller* stands, so a socket may be handed anywhere, and outlives the
/// thread that made it.
pub(super) struct Socket<S> {
    /// Dropped before the socket: a descriptor leaves the reactors before it is closed.
    registrations: Registrations,
    io: S,
    read_timeout: Limit,
    write_timeout: Limit,
}

impl<S: AsRawFd> Socket<S> {
    /// Of a socket that is in non-blocking mode.
    pub(super) const fn new(io: S) -> Socket<S> {
        Socket {
            registrations: Registrations::none(),
            io,
            read_timeout: Limit::none(),
            write_timeout: Limit::none(),
        }
    }

    pub(super) const fn io(&self) -> &S {
        &self.io
    }

    pub(super) fn into_io(self) -> S {
        self.io
    }

    pub(super) const fn limit(&self, direction: Direction) -> &Limit {
        match direction {
            Direction::Read => &self.read_timeout,
            Direction::Write => &self.write_timeout,
        }
    }

    /// Does `op` as soon as it does not block, within the socket's own time limit.
    ///
    /// # Errors
    /// Those of `op`; [`io::ErrorKind::TimedOut`].
    #[track_caller]
    pub(super) fn run<R>(
        &self,
        direction: Direction,
        reason: &'static Reason,
        op: impl FnMut(&S) -> io::Result<R>,
    ) -> io::Result<R> {
        let limit = self.limit(direction).get();
        self.run_within(limit, direction, reason, op, |_| false)
    }

    /// Like [`run`](Self::run), with another limit. `is_drained` says of a result that the next
    /// operation would block.
    #[track_caller]
    pub(super) fn run_within<R>(
        &self,
        limit: Option<Duration>,
        direction: Direction,
        reason: &'static Reason,
        mut op: impl FnMut(&S) -> io::Result<R>,
        is_drained: impl Fn(&R) -> bool,
    ) -> io::Result<R> {
        check_cancelled();
        // Before the operation: a yield may end by unwinding, and nothing may be lost then.
        take_turns();
        let mut op = || uninterrupted(|| op(&self.io), &is_drained);
        match self.registrations.attempt(direction, &mut op) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            done => return done,
        }
        manyhands_io::prepare()?;
        let until = limit.and_then(|limit| Instant::now().checked_add(limit));
        // Pinned here, so that it is not moved on the way.
        let ready = pin!(self.when_ready(direction, op));
        manyhands_io::wait_for(reason, until, ready).unwrap_or_else(|_| Err(timed_out(reason)))
    }

    /// [`run`](Self::run) as a future, without a limit, for whoever waits for other things too.
    pub(super) async fn run_async<R>(
        &self,
        direction: Direction,
        mut op: impl FnMut(&S) -> io::Result<R>,
    ) -> io::Result<R> {
        let mut op = || uninterrupted(|| op(&self.io), &|_| false);
        match self.registrations.attempt(direction, &mut op) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            done => return done,
        }
        self.when_ready(direction, op).await
    }

    /// Waits with the reactor of the place where this is polled first.
    async fn when_ready<R>(
        &self,
        direction: Direction,
        op: impl FnMut() -> io::Result<Tried<R>>,
    ) -> io::Result<R> {
        // SAFETY: the descriptor is that of `self.io`, which nobody can replace and which is closed
        // after `self.registrations` is dropped (the order of the fields; `into_io` keeps it open).
        // The entry returned here lives in this future, which borrows `self`.
        let registration = unsafe { self.registrations.here(self.io.as_raw_fd()) }?;
        registration.when_ready(direction, op).await
    }

    #[cfg(test)]
    pub(super) fn registrations(&self) -> usize {
        self.registrations.count()
    }
}

/// Calls `op` until no signal came in between.
fn uninterrupted<R>(
    mut op: impl FnMut() -> io::Result<R>,
    is_drained: &impl Fn(&R) -> bool,
) -> io::Result<Tried<R>> {
    loop {
        match op() {
            Ok(value) => {
                let drained = is_drained(&value);
                return Ok(Tried { value, drained });
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn timed_out(reason: &'static Reason) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, format!("timed out: {reason}"))
}

/// A socket with a lot to read never blocks. So that the other coroutines of its hub get their turn
/// all the same, now and then an operation that did not wait lets them go first.
pub(crate) fn take_turns() {
    const OPERATIONS_PER_TURN: u32 = 128;
    thread_local! {
        static DONE: Cell<u32> = const { Cell::new(0) };
    }
    // At the end of a thread there is nobody left to be fair to.
    let is_due = DONE.try_with(|done| {
        let next = done.get().wrapping_add(1);
        done.set(next);
        next.is_multiple_of(OPERATIONS_PER_TURN)
    });
    if is_due.unwrap_or(false) && !std::thread::panicking() {
        Hub::with_own(Hub::yield_if_allowed);
    }
}

/// A time limit that can be changed while others use the socket.
pub(super) struct Limit(AtomicU64);

impl Limit {
    const fn none() -> Limit {
        Limit(AtomicU64::new(0))
    }

    pub(super) fn get(&self) -> Option<Duration> {
        match self.0.load(Ordering::Relaxed) {
            0 => None,
            nanoseconds => Some(Duration::from_nanos(nanoseconds)),
        }
    }

    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] for a limit of zero, as in the standard library.
    pub(super) fn set(&self, limit: Option<Duration>) -> io::Result<()> {
        if limit == Some(Duration::ZERO) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "a time limit must be longer than zero; `None` means no limit",
            ));
        }
        // 584 years are as good as no limit.
        let nanoseconds =
            limit.map_or(0, |limit| u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX));
        self.0.store(nanoseconds, Ordering::Relaxed);
        Ok(())
    }
}
