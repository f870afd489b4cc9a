//! An executor whose jobs leave: what it has of them is an entry and bytes, which another thread
//! calls; the outcome comes back as bytes. What runs jobs in other processes works like this.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

use manyhands_executor::{
    Dispatched, Entry, Executor, Job, Rejected, RejectedReason, Shutdown, TaskError, TaskErrorKind,
};

use crate::luggage::Luggage;

/// What its workers do with what was sent to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Behaviour {
    /// Call it and send the outcome back.
    Work,
    /// Die on the way.
    Die,
    /// Send something back that is no outcome.
    Garble,
    /// Lose it.
    Lose,
    /// Wait until the task is asked to end, and then end it as cancelled.
    ObeyCancel,
}

/// One worker thread that sees bytes only.
pub(crate) struct Elsewhere {
    sender: Mutex<Option<Sender<(Dispatched, Luggage)>>>,
    worker: Mutex<Option<JoinHandle<()>>>,
    closed: AtomicBool,
    /// How many jobs were sent.
    pub(crate) sent: AtomicUsize,
}

impl Elsewhere {
    pub(crate) fn new(behaviour: Behaviour) -> Elsewhere {
        let (sender, receiver) = channel::<(Dispatched, Luggage)>();
        let worker = std::thread::spawn(move || {
            receiver.into_iter().for_each(|(job, luggage)| serve(job, luggage, behaviour));
        });
        Elsewhere {
            sender: Mutex::new(Some(sender)),
            worker: Mutex::new(Some(worker)),
            closed: AtomicBool::new(false),
            sent: AtomicUsize::new(0),
        }
    }
}

fn serve(job: Dispatched, luggage: Luggage, behaviour: Behaviour) {
    match behaviour {
        Behaviour::Work => {
            // Nothing but two addresses and bytes goes over, and what was left beside the bytes.
            let (entry, argument) = (job.entry(), job.argument().to_vec());
            let (function, trampoline) = (entry.function_address(), entry.trampoline_address());
            let called = std::thread::spawn(move || {
                // SAFETY: both addresses are those of one entry of this binary.
                let entry = unsafe { Entry::at(function, trampoline) };
                let entry = entry.expect("there is a trampoline");
                let mut there = Luggage { provided: luggage.collected, ..Luggage::default() };
                (entry.call_encoded_with(&argument, &mut there), there.collected)
            });
            let (outcome, beside) = called.join().expect("`call_encoded_with` never panics");
            let mut back = Luggage { provided: beside, ..Luggage::default() };
            job.complete_encoded_with(&outcome, &mut back);
        }
        Behaviour::Die => job.fail(TaskError::new(TaskErrorKind::WorkerDied, "killed by a test")),
        Behaviour::Garble => job.complete_encoded(&[0xff; 3]),
        Behaviour::Lose => drop(job),
        Behaviour::ObeyCancel => {
            crate::patience::eventually("it is asked to end", || job.is_cancel_requested());
            job.fail(TaskError::new(TaskErrorKind::Cancelled, "the worker obeyed"));
        }
    }
}

impl Executor for Elsewhere {
    fn execute(&self, job: Job) -> Result<(), Rejected> {
        if self.closed.load(Ordering::Acquire) {
            return Err(Rejected::new(job, RejectedReason::ShutDown));
        }
        if !job.is_portable() {
            return Err(Rejected::new(job, RejectedReason::NotPortable));
        }
        let mut luggage = Luggage::default();
        if let Some(dispatched) = job.dispatch_with(&mut luggage) {
            self.sent.fetch_add(1, Ordering::Relaxed);
            let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner);
            sender.as_ref().unwrap().send((dispatched, luggage)).unwrap();
        }
        Ok(())
    }

    fn parallelism(&self) -> usize {
        2
    }

    fn shutdown(&self, how: Shutdown) {
        self.closed.store(true, Ordering::Release);
        drop(self.sender.lock().unwrap_or_else(PoisonError::into_inner).take());
        let worker = self.worker.lock().unwrap_or_else(PoisonError::into_inner).take();
        if how.wait
            && let Some(worker) = worker
        {
            worker.join().unwrap();
        }
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        self.shutdown(Shutdown::WAIT);
    }
}
