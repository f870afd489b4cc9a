//! The run queue of a hub.

use std::collections::VecDeque;
use std::ptr::NonNull;

use manyhands_executor::Job;

use super::Body;

/// What is ready to run, in order. One list for both kinds would have larger elements: the jobs are
/// in a list of their own, and each has a `None` in the first.
#[derive(Default)]
pub(super) struct Ready {
    order: VecDeque<Option<NonNull<Body>>>,
    jobs: VecDeque<Job>,
}

pub(super) enum Next {
    /// A coroutine that was suspended.
    Resume(NonNull<Body>),
    /// A job that begins.
    Start(Job),
}

impl Ready {
    /// Puts a suspended coroutine at the end.
    #[inline]
    pub(super) fn resume(&mut self, body: NonNull<Body>) {
        self.order.push_back(Some(body));
    }

    /// Puts a job at the end.
    #[inline]
    pub(super) fn start(&mut self, job: Job) {
        self.order.push_back(None);
        self.jobs.push_back(job);
    }

    /// Takes what has waited longest.
    #[inline]
    pub(super) fn next(&mut self) -> Option<Next> {
        match self.order.pop_front()? {
            Some(body) => Some(Next::Resume(body)),
            None => self.jobs.pop_front().map(Next::Start),
        }
    }

    /// The suspended coroutine that comes after so many others, if there is one.
    #[inline]
    pub(super) fn suspended_after(&self, others: usize) -> Option<NonNull<Body>> {
        self.order.get(others).copied().flatten()
    }

    /// The job of this task, if it is next and the only one.
    #[inline]
    pub(super) fn only(&mut self, task: u64) -> Option<Job> {
        if self.order.len() != 1 || self.jobs.front()?.id() != Some(task) {
            return None;
        }
        self.order.clear();
        self.jobs.pop_front()
    }

    /// Whether nothing is ready.
    pub(super) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }
}
