//! The stacks of the process: those that no thread keeps for itself, and the slabs that new ones
//! are cut from.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::error::StackError;
use super::guard::GuardMethod;
use super::size::StackSize;
use super::slab::{self, Base, Slab};

/// How many stacks go between a thread and the pool at a time.
pub(super) const BATCH: usize = 64;

/// How many stacks are cut at a time; the guard of each costs a system call.
const CUT_BATCH: usize = 16;

/// The sizes of slabs: the first of a size of stacks is small, each further one twice as large.
const SLAB_BYTES_MIN: usize = 16 * 1024 * 1024;
const SLAB_BYTES_MAX: usize = 1024 * 1024 * 1024;

pub(super) const IDLE_MAX_DEFAULT: usize = 4096;

/// The pool of the process.
pub(super) static POOL: Pool = Pool::new(GuardMethod::Markers);

/// What [`statistics`](super::statistics) tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// Mappings that stacks were cut from.
    pub slabs: usize,
    /// Stacks that somebody has: coroutines with work, and those without that hubs keep for the next.
    pub in_use: usize,
    /// Idle stacks that threads keep for themselves, with their memory.
    pub idle_hot: usize,
    /// Idle stacks in the pool of the process that keep their memory.
    pub idle_warm: usize,
    /// Idle stacks whose memory went back to the system.
    pub idle_trimmed: usize,
    /// Address space of all slabs with guards, in bytes; memory is only what was touched.
    pub bytes_reserved: usize,
    /// How the guard of the newest stack was made.
    pub guard_method: GuardMethod,
}

/// A pool of stacks. There is one, [`POOL`]; tests make others to force a method of guarding.
pub(super) struct Pool {
    inner: Mutex<Inner>,
}

struct Inner {
    shelves: Vec<Shelf>,
    /// One counter for each thread that keeps stacks.
    hot: Vec<Weak<AtomicUsize>>,
    slabs: usize,
    bytes_reserved: usize,
    idle_max: usize,
    method: GuardMethod,
}

/// The stacks of one size.
struct Shelf {
    size: StackSize,
    warm: Vec<Base>,
    trimmed: Vec<Base>,
    /// What further ones are cut from.
    slab: Slab,
    slab_bytes_next: usize,
    /// All that were ever cut.
    cut: usize,
}

impl Pool {
    pub(super) const fn new(method: GuardMethod) -> Pool {
        Pool {
            inner: Mutex::new(Inner {
                shelves: Vec::new(),
                hot: Vec::new(),
                slabs: 0,
                bytes_reserved: 0,
                idle_max: IDLE_MAX_DEFAULT,
                method,
            }),
        }
    }

    /// Appends between 1 and `at_most` stacks to `into`: warm ones, else trimmed ones, else new.
    pub(super) fn take(
        &self,
        size: StackSize,
        at_most: usize,
        into: &mut Vec<Base>,
    ) -> Result<(), StackError> {
        let pitch = slab::pitch(size).ok_or_else(|| StackError::too_large(size))?;
        let mut inner = self.lock();
        let inner = &mut *inner;
        let shelf = Shelf::of(&mut inner.shelves, size);
        for idle in [&mut shelf.warm, &mut shelf.trimmed] {
            if !idle.is_empty() {
                into.extend(idle.drain(idle.len().saturating_sub(at_most)..));
                return Ok(());
            }
        }
        let before = into.len();
        let cut = inner.cut(size, pitch, at_most.min(CUT_BATCH), into);
        match cut {
            Err(error) if into.len() == before => Err(StackError::new(size, inner.method, error)),
            _ => Ok(()),
        }
    }

    /// Takes idle stacks back. If too many keep their memory then, the oldest give it back.
    pub(super) fn give(&self, size: StackSize, bases: impl IntoIterator<Item = Base>) {
        let mut inner = self.lock();
        Shelf::of(&mut inner.shelves, size).warm.extend(bases);
        let warm: usize = inner.shelves.iter().map(|shelf| shelf.warm.len()).sum();
        let surplus = warm.saturating_sub(inner.idle_max);
        if surplus > 0 {
            let shelf = Shelf::of(&mut inner.shelves, size);
            let surplus = surplus.min(shelf.warm.len());
            let oldest = shelf.warm.drain(..surplus).collect();
            drop(inner);
            self.discard(size, oldest);
        }
    }

    /// Has all idle stacks of the pool give their memory back. Returns how many did.
    pub(super) fn trim(&self) -> usize {
        let warm: Vec<(StackSize, Vec<Base>)> = {
            let mut inner = self.lock();
            let shelves = inner.shelves.iter_mut();
            shelves.map(|shelf| (shelf.size, std::mem::take(&mut shelf.warm))).collect()
        };
        let count = warm.iter().map(|(_, bases)| bases.len()).sum();
        for (size, bases) in warm {
            self.discard(size, bases);
        }
        count
    }

    pub(super) fn set_idle_max(&self, stacks: usize) {
        self.lock().idle_max = stacks;
    }

    /// Counts what `kept` says as kept by a thread, for as long as it exists.
    pub(super) fn register(&self, kept: &Arc<AtomicUsize>) {
        let mut inner = self.lock();
        inner.hot.retain(|counter| counter.strong_count() > 0);
        inner.hot.push(Arc::downgrade(kept));
    }

    pub(super) fn statistics(&self) -> Statistics {
        let inner = self.lock();
        let sum = |of: fn(&Shelf) -> usize| inner.shelves.iter().map(of).sum::<usize>();
        let kept = |counter: &Weak<AtomicUsize>| {
            counter.upgrade().map_or(0, |count| count.load(Ordering::Relaxed))
        };
        let idle_hot = inner.hot.iter().map(kept).sum();
        let (idle_warm, idle_trimmed) = (sum(|s| s.warm.len()), sum(|s| s.trimmed.len()));
        Statistics {
            slabs: inner.slabs,
            in_use: sum(|s| s.cut).saturating_sub(idle_hot + idle_warm + idle_trimmed),
            idle_hot,
            idle_warm,
            idle_trimmed,
            bytes_reserved: inner.bytes_reserved,
            guard_method: inner.method,
        }
    }

    /// Gives the memory of `bases`, which are nobody's, to the system; without the lock, since it
    /// takes microseconds for each.
    #[cold]
    fn discard(&self, size: StackSize, mut bases: Vec<Base>) {
        let Some(pitch) = slab::pitch(size) else { return };
        // SAFETY: these were taken out of the lists of idle stacks and are in none now; they were
        // cut with this size, by which the lists are kept.
        unsafe { slab::discard(&mut bases, pitch) };
        Shelf::of(&mut self.lock().shelves, size).trimmed.extend(bases);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic in here (no memory for a list) leaves lists that are whole.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Cuts `count` new stacks, fewer if the slab ends.
    fn cut(
        &mut self,
        size: StackSize,
        pitch: usize,
        count: usize,
        into: &mut Vec<Base>,
    ) -> io::Result<()> {
        let shelf = Shelf::of(&mut self.shelves, size);
        if shelf.slab.left(pitch) == 0 {
            let mut stacks = (shelf.slab_bytes_next / pitch).max(1);
            // Where address space is scarce, a smaller slab may still fit.
            shelf.slab = loop {
                match Slab::map(stacks, pitch) {
                    Ok(slab) => break slab,
                    Err(error) if stacks == 1 => return Err(error),
                    Err(_) => stacks /= 2,
                }
            };
            shelf.slab_bytes_next = (shelf.slab_bytes_next * 2).min(SLAB_BYTES_MAX);
            self.slabs += 1;
            self.bytes_reserved += stacks * pitch;
        }
        for _ in 0..count.min(shelf.slab.left(pitch)) {
            into.push(shelf.slab.cut(pitch, &mut self.method)?);
            shelf.cut += 1;
        }
        Ok(())
    }
}

impl Shelf {
    fn of(shelves: &mut Vec<Shelf>, size: StackSize) -> &mut Shelf {
        let at = shelves.iter().position(|shelf| shelf.size == size).unwrap_or_else(|| {
            shelves.push(Shelf {
                size,
                warm: Vec::new(),
                trimmed: Vec::new(),
                slab: Slab::default(),
                slab_bytes_next: SLAB_BYTES_MIN,
                cut: 0,
            });
            shelves.len() - 1
        });
        &mut shelves[at]
    }
}
