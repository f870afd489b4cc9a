//! Where the jobs of a pool wait: a queue for ordinary ones, and a heap for those with a priority.
//!
//! Workers take one job at a time, so jobs start in the order of their submission, and none waits
//! behind a long one that a worker has taken along with it.

use std::cmp::Ordering as Order;
use std::collections::BinaryHeap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crossbeam_deque::{Injector, Steal};

use crate::job::Job;

/// The jobs of a pool that nobody has begun: for executors. Any thread may push and pop.
///
/// Jobs come out in the order of their priority, equal ones in the order in which they went in.
pub struct JobQueue {
    ordinary: Injector<Job>,
    /// Jobs with a priority other than 0.
    ranked: Mutex<Ranked>,
    /// How many of them are above 0 and below, so that the lock is taken only when it matters.
    urgent: AtomicUsize,
    patient: AtomicUsize,
}

#[derive(Default)]
struct Ranked {
    heap: BinaryHeap<RankedJob>,
    next: u64,
}

struct RankedJob {
    priority: i32,
    /// Earlier ones first among equals.
    number: u64,
    job: Job,
}

impl JobQueue {
    /// An empty queue.
    pub fn new() -> JobQueue {
        JobQueue {
            ordinary: Injector::new(),
            ranked: Mutex::default(),
            urgent: AtomicUsize::new(0),
            patient: AtomicUsize::new(0),
        }
    }

    /// Puts a job in.
    pub fn push(&self, job: Job) {
        let priority = job.priority();
        if priority == 0 {
            self.ordinary.push(job);
            return;
        }
        let mut ranked = self.ranked();
        let number = ranked.next;
        ranked.next += 1;
        ranked.heap.push(RankedJob { priority, number, job });
        self.count(priority).fetch_add(1, Ordering::SeqCst);
    }

    /// The next job.
    pub fn pop(&self) -> Option<Job> {
        if self.urgent.load(Ordering::Relaxed) > 0
            && let Some(job) = self.pop_ranked(|priority| priority > 0)
        {
            return Some(job);
        }
        settled(|| self.ordinary.steal()).or_else(|| self.pop_patient())
    }

    /// Whether there is a job. True may be out of date; false, seen after a sequentially consistent
    /// fence, is not for jobs pushed before the fence. Cheap: asked while spinning.
    pub fn has_jobs(&self) -> bool {
        !self.ordinary.is_empty()
            || self.urgent.load(Ordering::Relaxed) > 0
            || self.patient.load(Ordering::Relaxed) > 0
    }

    fn pop_patient(&self) -> Option<Job> {
        if self.patient.load(Ordering::Relaxed) == 0 {
            return None;
        }
        self.pop_ranked(|_| true)
    }

    fn pop_ranked(&self, wanted: impl Fn(i32) -> bool) -> Option<Job> {
        let mut ranked = self.ranked();
        if !ranked.heap.peek().is_some_and(|top| wanted(top.priority)) {
            return None;
        }
        let top = ranked.heap.pop()?;
        self.count(top.priority).fetch_sub(1, Ordering::SeqCst);
        Some(top.job)
    }

    fn count(&self, priority: i32) -> &AtomicUsize {
        if priority > 0 { &self.urgent } else { &self.patient }
    }

    fn ranked(&self) -> MutexGuard<'_, Ranked> {
        self.ranked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for JobQueue {
    fn default() -> JobQueue {
        JobQueue::new()
    }
}

impl fmt::Debug for JobQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobQueue").field("has_jobs", &self.has_jobs()).finish_non_exhaustive()
    }
}

/// Repeats a steal while others interfere.
fn settled(mut steal: impl FnMut() -> Steal<Job>) -> Option<Job> {
    loop {
        match steal() {
            Steal::Success(job) => return Some(job),
            Steal::Empty => return None,
            Steal::Retry => std::hint::spin_loop(),
        }
    }
}

impl Ord for RankedJob {
    fn cmp(&self, other: &RankedJob) -> Order {
        self.priority.cmp(&other.priority).then(other.number.cmp(&self.number))
    }
}

impl PartialOrd for RankedJob {
    fn partial_cmp(&self, other: &RankedJob) -> Option<Order> {
        Some(self.cmp(other))
    }
}

impl PartialEq for RankedJob {
    fn eq(&self, other: &RankedJob) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for RankedJob {}
