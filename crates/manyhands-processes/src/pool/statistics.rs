//! What a pool does right now, and has done.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::seat::Stage;
use super::shared::Shared;

/// A pool at one moment; made by [`ProcessPool::statistics`](crate::ProcessPool::statistics). The
/// figures are read one after the other, so they may not add up while the pool is busy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProcessPoolStatistics {
    /// The greatest number of workers at work.
    pub workers_max: usize,
    /// Workers alive now, those included that start or leave.
    pub workers: usize,
    /// Workers that start.
    pub starting: usize,
    /// Workers that get no more tasks, and end when they have none.
    pub leaving: usize,
    /// Workers that are ready and have no task.
    pub idle: usize,
    /// Tasks whose code runs now.
    pub running: usize,
    /// Tasks that a worker has and has not begun.
    pub prefetched: usize,
    /// Tasks that no worker has.
    pub queued: usize,
    /// Tasks that have ended, well or not.
    pub finished: u64,
    /// Worker processes started so far.
    pub started: u64,
    /// Workers that died before they were asked to end.
    pub died: u64,
    /// Workers that were killed because a task was cancelled or its time was over.
    pub killed: u64,
    /// Workers that were replaced after their number of tasks, or because of their memory.
    pub recycled: u64,
    /// Attempts of tasks after the first.
    pub retried: u64,
    /// Tasks that were taken back from one worker for another that had nothing to do.
    pub stolen: u64,
}

/// The counts that only the service writes.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Workers that have not been asked to leave.
    pub(super) staff: AtomicUsize,
    pub(super) started: AtomicU64,
    pub(super) died: AtomicU64,
    pub(super) killed: AtomicU64,
    pub(super) retried: AtomicU64,
}

impl Shared {
    pub(super) fn statistics(&self) -> ProcessPoolStatistics {
        let floor = self.floor();
        let in_stage = |stage| floor.seats.iter().filter(|seat| seat.stage == stage).count();
        let running = floor.seats.iter().filter(|seat| seat.running().is_some()).count();
        let sent: usize = floor.seats.iter().map(|seat| seat.live()).sum();
        let idle = |seat: &&super::seat::Seat| seat.stage == Stage::Open && seat.live() == 0;
        let outstanding = usize::try_from(self.outstanding()).unwrap_or(usize::MAX);
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        ProcessPoolStatistics {
            workers_max: self.settings.workers,
            workers: floor.seats.len(),
            starting: in_stage(Stage::Starting),
            leaving: in_stage(Stage::Leaving),
            idle: floor.seats.iter().filter(idle).count(),
            running,
            prefetched: sent.saturating_sub(running),
            queued: outstanding.saturating_sub(sent),
            finished: self.finished(),
            started: read(&self.counts.started),
            died: read(&self.counts.died),
            killed: read(&self.counts.killed),
            recycled: floor.recycled,
            retried: read(&self.counts.retried),
            stolen: floor.stolen,
        }
    }
}
