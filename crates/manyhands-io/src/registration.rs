//! With which reactors a descriptor is registered, and trying an operation on one of them.

use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::{Arc, PoisonError, RwLock};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::runtime::{Handle, Id};

use crate::watched::{Direction, Tried};

impl Direction {
    const fn interest(self) -> Interest {
        match self {
            Direction::Read => Interest::READABLE,
            Direction::Write => Interest::WRITABLE,
        }
    }
}

/// The number of a descriptor, without a share in it.
struct Descriptor(RawFd);

impl AsRawFd for Descriptor {
    fn as_raw_fd(&self) -> RawFd {
        self.0
    }
}

/// A descriptor's entry in one reactor.
pub(crate) struct Registration {
    runtime: Id,
    fd: AsyncFd<Descriptor>,
}

impl Registration {
    /// Tries `op`, unless this reactor knows that it would block. What the reactor knows may be
    /// old, if nobody turns it: [`io::ErrorKind::WouldBlock`] means that it is time to wait.
    fn attempt<R>(
        &self,
        direction: Direction,
        op: impl FnOnce() -> io::Result<Tried<R>>,
    ) -> io::Result<R> {
        let mut value = None;
        let tried = self.fd.try_io(direction.interest(), |_| {
            let tried = op()?;
            value = Some(tried.value);
            // The reactor is told that nothing is left: the next try waits without asking the
            // kernel first.
            if tried.drained { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
        });
        match (value, tried) {
            (Some(value), _) => Ok(value),
            (None, Err(error)) => Err(error),
            (None, Ok(())) => unreachable!("an operation that succeeds has a value"),
        }
    }

    /// Tries `op` whenever this reactor says that it may succeed, until it does not block.
    pub(crate) async fn when_ready<R>(
        &self,
        direction: Direction,
        mut op: impl FnMut() -> io::Result<Tried<R>>,
    ) -> io::Result<R> {
        // Errors of a socket (a datagram that came back) end a wait too.
        let interest = direction.interest().add(Interest::ERROR);
        loop {
            let mut ready = self.fd.ready(interest).await?;
            match op() {
                Ok(tried) => {
                    if tried.drained {
                        ready.clear_ready();
                    }
                    return Ok(tried.value);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => ready.clear_ready(),
                Err(error) => return Err(error),
            }
        }
    }
}

/// All entries of one descriptor. One that stays in one place has one; it gets others when it is used
/// from elsewhere, one per place at most.
pub(crate) struct Registrations(RwLock<Entries>);

struct Entries {
    /// Nearly always the only one, and then there is no list to follow to it.
    newest: Option<Arc<Registration>>,
    /// The others.
    older: Vec<Arc<Registration>>,
}

impl Entries {
    fn all(&self) -> impl Iterator<Item = &Arc<Registration>> {
        self.newest.iter().chain(&self.older)
    }

    fn of(&self, runtime: Id) -> Option<Arc<Registration>> {
        self.all().find(|known| known.runtime == runtime).map(Arc::clone)
    }
}

/// How many entries stay when nobody waits on them: with the new one enough for a reader in one
/// place and a writer in another.
const IDLE_KEPT: usize = 1;

impl Registrations {
    pub(crate) const fn none() -> Registrations {
        Registrations(RwLock::new(Entries { newest: None, older: Vec::new() }))
    }

    /// Tries `op` without waiting.
    pub(crate) fn attempt<R>(
        &self,
        direction: Direction,
        op: impl FnOnce() -> io::Result<Tried<R>>,
    ) -> io::Result<R> {
        let entries = self.0.read().unwrap_or_else(PoisonError::into_inner);
        match &entries.newest {
            Some(registration) => registration.attempt(direction, op),
            None => op().map(|tried| tried.value),
        }
    }

    /// The entry of the reactor in whose context the caller is, made if there is none.
    ///
    /// # Safety
    /// `fd` is open, is the same in every call, and stays open until `self` and everything that was
    /// returned is dropped or forgotten.
    pub(crate) unsafe fn here(&self, fd: RawFd) -> io::Result<Arc<Registration>> {
        let runtime = Handle::try_current().map_err(io::Error::other)?.id();
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner).of(runtime);
        if let Some(known) = known {
            return Ok(known);
        }
        let mut entries = self.0.write().unwrap_or_else(PoisonError::into_inner);
        // Another worker of the same runtime may have been faster.
        if let Some(known) = entries.of(runtime) {
            return Ok(known);
        }
        // SAFETY: `Descriptor` always says `fd`, and the caller keeps that open for as long as the
        // registration lives, which is only in `self` and in what is returned here.
        let fd = unsafe { AsyncFd::register(Descriptor(fd)) }?;
        let registration = Arc::new(Registration { runtime, fd });
        let mut idle = entries.all().filter(|known| is_idle(known)).count();
        let mut stays = |known: &Arc<Registration>| {
            let goes = idle > IDLE_KEPT && is_idle(known);
            idle -= usize::from(goes);
            !goes
        };
        entries.older.retain(&mut stays);
        let before = entries.newest.take().filter(stays);
        entries.older.extend(before);
        entries.newest = Some(Arc::clone(&registration));
        Ok(registration)
    }

    /// How many reactors know the descriptor.
    pub(crate) fn count(&self) -> usize {
        self.0.read().unwrap_or_else(PoisonError::into_inner).all().count()
    }
}

/// Whether nobody waits on it. Those who do hold it, and take hold of it only under the lock.
fn is_idle(registration: &Arc<Registration>) -> bool {
    Arc::strong_count(registration) == 1
}
