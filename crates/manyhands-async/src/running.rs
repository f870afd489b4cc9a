//! A job as a future of tokio.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use manyhands_executor::Job;
use tokio::time::{Instant, Sleep};

use crate::turns::Turns;

/// Polls a job without a deadline until its task has ended.
///
/// As small as it can be: the runtime has a task of 128 bytes for it instead of one of 256.
pub(crate) struct Plain {
    job: Job,
}

impl Plain {
    pub(crate) fn new(job: Job) -> Plain {
        Plain { job }
    }
}

impl Future for Plain {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.job.poll(cx)
    }
}

/// Polls a job until its task has ended, and wakes itself at the task's deadline.
pub(crate) struct Running {
    job: Job,
    deadline: Option<Pin<Box<Sleep>>>,
    begun: bool,
    /// Of a current-thread runtime.
    turns: Option<Arc<Turns>>,
}

impl Running {
    pub(crate) fn new(job: Job, turns: Option<Arc<Turns>>) -> Running {
        Running { job, deadline: None, begun: false, turns }
    }

    fn poll_job(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &self.turns {
            None => self.job.poll(cx),
            Some(turns) => turns.poll(|| self.job.poll(cx)),
        }
    }
}

impl Future for Running {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        if this.poll_job(cx).is_ready() {
            return Poll::Ready(());
        }
        if !this.begun {
            this.begun = true;
            // Asked for after the first poll, so it is not earlier than the one that the job goes
            // by: when it fires, the job sees its own as passed.
            let at = this.job.run_deadline().map(Instant::from_std);
            this.deadline = at.map(|at| Box::pin(tokio::time::sleep_until(at)));
        }
        if let Some(deadline) = &mut this.deadline {
            ready!(deadline.as_mut().poll(cx));
            this.deadline = None;
            return this.poll_job(cx);
        }
        Poll::Pending
    }
}
