//! What all sockets share: an operation is tried, and waited for where the caller stands.

use std::cell::Cell;
use std::io;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use manyhands_io::{Direction, OwnsDescriptor, Tried, Watched};
use manyhands_wait::{Reason, Wait, check_cancelled, has_scoped_parker};

use crate::hub::Hub;

/// A socket of the standard library in non-blocking mode, known to the reactors where it is waited
/// for.
///
/// The kernel is asked first and the reactor only after it said that the operation would block, or
/// when the reactor knows that. Nothing is registered before the first wait. A wait uses the reactor
/// of the place where the *caller* stands, so a socket may be handed anywhere, and outlives the
/// thread that made it.
pub(super) struct Socket<S: OwnsDescriptor> {
    watched: Watched<S>,
    read_timeout: Limit,
    write_timeout: Limit,
}

impl<S: OwnsDescriptor> Socket<S> {
    /// Of a socket that is in non-blocking mode.
    pub(super) const fn new(io: S) -> Socket<S> {
        Socket {
            watched: Watched::new(io),
            read_timeout: Limit::none(),
            write_timeout: Limit::none(),
        }
    }

    pub(super) const fn io(&self) -> &S {
        self.watched.get_ref()
    }

    pub(super) fn into_io(self) -> S {
        self.watched.into_inner()
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
        let mut op = |io: &S| {
            op(io).map(|value| {
                let drained = is_drained(&value);
                Tried { value, drained }
            })
        };
        match self.watched.attempt(direction, &mut op) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            done => return done,
        }
        let until = limit.and_then(|limit| Instant::now().checked_add(limit));
        // Pinned here, so that it is not moved on the way.
        let ready = pin!(self.watched.after_attempt(direction, op));
        let outcome = if has_scoped_parker() {
            // A scheduler parks the caller and turns the reactor: nothing has to be made ready for
            // the wait.
            Wait::new(reason).ended_from_outside().until(until).run(ready)
        } else {
            manyhands_io::prepare()?;
            manyhands_io::wait_for(reason, until, ready)
        };
        outcome.unwrap_or_else(|_| Err(timed_out(reason)))
    }

    /// [`run`](Self::run) as a future, without a limit, for whoever waits for other things too.
    pub(super) async fn run_async<R>(
        &self,
        direction: Direction,
        mut op: impl FnMut(&S) -> io::Result<R>,
    ) -> io::Result<R> {
        let op = |io: &S| op(io).map(|value| Tried { value, drained: false });
        self.watched.when_ready(direction, op).await
    }

    #[cfg(test)]
    pub(super) fn registrations(&self) -> usize {
        self.watched.registrations()
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
