//! How much a worker has written to standard error before the task that runs, so that the last words of
//! one that dies are its own.
//!
//! The pipe says how much is in it, and the parent how much it has taken out; the sum is how much was
//! ever written. While the parent takes something out the two do not fit, and it says so. So a worker
//! that begins a task needs one cheap system call, and no answer.

use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::region::Region;

/// Set in the count of what was taken out while it changes. The count itself is doubled.
const CHANGING: u64 = 1;

/// How often a worker looks for a count that does not change.
const LOOKS: usize = 3;

/// One side's view of the two words.
#[derive(Debug)]
pub(crate) struct Meter {
    region: Arc<Region>,
    /// Written by the parent: how much it has taken out.
    taken: usize,
    /// Written by the worker: how much was written when its task began.
    mark: usize,
}

impl Meter {
    pub(super) fn new(region: Arc<Region>, taken: usize, mark: usize) -> Meter {
        Meter { region, taken, mark }
    }

    /// Parent: takes something out of the pipe; `read` returns how many bytes.
    pub(crate) fn take_out<E>(&self, read: impl FnOnce() -> Result<usize, E>) -> Result<usize, E> {
        let before = self.taken().load(Ordering::Relaxed) & !CHANGING;
        self.taken().swap(before | CHANGING, Ordering::SeqCst);
        let read = read();
        let count = *read.as_ref().unwrap_or(&0) as u64;
        self.taken().store(before.wrapping_add(count * 2), Ordering::SeqCst);
        read
    }

    /// Parent: how much was written before the task that began last; less if the worker could not tell,
    /// and anything if it has lost its mind.
    pub(crate) fn mark(&self) -> u64 {
        self.region.words()[self.mark].load(Ordering::Relaxed)
    }

    /// Worker: a task begins. If it cannot be told what is in the pipe, because the parent is reading, the
    /// mark lies where the parent has begun to.
    pub(crate) fn set_mark(&self, pipe: impl AsFd) {
        let mark = &self.region.words()[self.mark];
        for _ in 0..LOOKS {
            let before = self.taken().load(Ordering::SeqCst);
            let Ok(waiting) = rustix::io::ioctl_fionread(&pipe) else { return };
            if before & CHANGING == 0 && self.taken().load(Ordering::SeqCst) == before {
                let written = (before / 2).wrapping_add(waiting);
                mark.store(written, Ordering::Relaxed);
                return;
            }
        }
        let taken = self.taken().load(Ordering::SeqCst) / 2;
        if taken > mark.load(Ordering::Relaxed) {
            mark.store(taken, Ordering::Relaxed);
        }
    }

    fn taken(&self) -> &AtomicU64 {
        &self.region.words()[self.taken]
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;
    use std::sync::atomic::Ordering::SeqCst;
    use std::sync::atomic::{AtomicBool, AtomicU64};

    use super::super::layout::Channel;

    #[test]
    fn marks_lie_where_a_task_begins_whoever_reads_meanwhile() {
        let (parent, memory) = Channel::create().unwrap();
        let worker = Channel::open(memory.as_fd()).unwrap();
        let (read, write) = rustix::pipe::pipe().unwrap();
        rustix::io::ioctl_fionbio(&read, true).unwrap();
        let (done, taken) = (AtomicBool::new(false), AtomicU64::new(0));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let meter = parent.stderr_meter();
                while !done.load(SeqCst) {
                    if let Ok(count) = meter.take_out(|| rustix::io::read(&read, &mut [0; 50])) {
                        taken.fetch_add(count as u64, SeqCst);
                    }
                }
            });
            let meter = worker.stderr_meter();
            for n in 1..=20_000_u64 {
                rustix::io::write(&write, b"seven__").unwrap();
                let read_before = taken.load(SeqCst);
                meter.set_mark(&write);
                assert!(meter.mark() <= n * 7, "what comes later is never left out");
                assert!(meter.mark() >= read_before, "what was read before is always left out");
            }
            done.store(true, SeqCst);
        });
        let meter = parent.stderr_meter();
        worker.stderr_meter().set_mark(&write);
        assert_eq!(meter.mark(), 140_000, "nobody reads now");
    }
}
