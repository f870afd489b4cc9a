//! One worker: started when needed, takes jobs until there is no reason to stay.

use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::sync::{Arc, OnceLock};

use crossbeam_utils::CachePadded;
use manyhands_executor::{Job, TaskHandle};
use manyhands_wait::{Agent, Spin};

use super::growth;
use super::shared::{Roster, Shared, Slot};
use super::sleep::Sleeper;

/// Starts one worker, which runs the task `first` before anything else; `false` if that fails. Then the
/// pool goes on with those it has; without any it is broken.
pub(super) fn start(shared: &Arc<Shared>, roster: &mut Roster, first: Option<TaskHandle>) -> bool {
    let slot = Arc::new(Slot {
        number: roster.next_number,
        finished: CachePadded::default(),
        running: AtomicBool::new(false),
        agent: OnceLock::new(),
    });
    let name = format!("{}_{}", shared.name_prefix, slot.number).replace('\0', "");
    let mut builder = std::thread::Builder::new().name(name);
    if let Some(bytes) = shared.stack_bytes {
        builder = builder.stack_size(bytes);
    }
    let work = {
        let (shared, slot) = (Arc::clone(shared), Arc::clone(&slot));
        move || work(&shared, &slot, first)
    };
    match builder.spawn(work) {
        Ok(_detached) => {
            roster.next_number += 1;
            roster.started += 1;
            roster.slots.push(slot);
            roster.peak = roster.peak.max(roster.slots.len());
            shared.alive.store(roster.slots.len(), Ordering::SeqCst);
            return true;
        }
        Err(error) if roster.slots.is_empty() => {
            // The job that wanted the worker is cleared by its submitter, who looks at `broken`.
            let _was_broken = shared.broken.set(format!("no worker thread was started: {error}"));
        }
        Err(_) => shared.sleep.notify(),
    }
    false
}

fn work(shared: &Arc<Shared>, slot: &Arc<Slot>, first: Option<TaskHandle>) {
    let _leave = Leave { shared, slot };
    // Known to dumps under its name from the start.
    let _first = slot.agent.set(Agent::current());
    growth::work_for(shared, || {
        if let Some(initializer) = &shared.initializer
            && let Err(why) = initializer()
        {
            let _first_reason_stays = shared.broken.set(why);
            return;
        }
        if let Some(task) = first {
            task.run_here();
        }
        let sleeper = Sleeper::new();
        while let Some(job) = next_job(shared, slot, &sleeper) {
            run(shared, slot, job);
        }
    });
}

fn run(shared: &Arc<Shared>, slot: &Slot, job: Job) {
    shared.leave_queue();
    slot.running.store(true, Ordering::Relaxed);
    job.run_then(|| {
        slot.running.store(false, Ordering::Relaxed);
        // Only we write it. Seen by whoever sees the outcome, so a worker whose result was read
        // counts as free.
        let finished = slot.finished.load(Ordering::Relaxed);
        slot.finished.store(finished + 1, Ordering::Release);
    });
    fence(Ordering::SeqCst);
    if shared.closing.load(Ordering::Relaxed) && shared.outstanding() == 0 {
        shared.sleep.wake_all();
    }
}

/// The next job; `None` when the worker shall end.
fn next_job(shared: &Arc<Shared>, slot: &Arc<Slot>, me: &Arc<Sleeper>) -> Option<Job> {
    if shared.end_relief(slot) {
        return None;
    }
    if shared.broken.get().is_none() && !shared.has_surplus() {
        let job = shared.queue.pop();
        if job.is_some() {
            return job;
        }
    }
    let sleep = &shared.sleep;
    sleep.start_searching();
    loop {
        Spin::start().until(|| shared.queue.has_jobs() || must_look_up(shared));
        let ends = shared.broken.get().is_some()
            || shared.end_relief(slot)
            || (shared.has_surplus() && shared.retire_if_surplus(slot));
        let job = if ends { None } else { shared.queue.pop() };
        if ends || job.is_some() || is_finished(shared) {
            let last = sleep.stop_searching();
            if last && shared.queue.has_jobs() {
                sleep.notify();
            }
            return job;
        }
        sleep.sleep(me, || shared.queue.has_jobs() || must_look_up_now(shared));
    }
}

/// Whether something happened to the pool as a whole. Cheap: asked while spinning.
fn must_look_up(shared: &Shared) -> bool {
    shared.closing.load(Ordering::Relaxed) || shared.broken.get().is_some() || shared.has_surplus()
}

/// Whether a worker that would sleep now might never be woken to end.
fn must_look_up_now(shared: &Shared) -> bool {
    shared.broken.get().is_some() || shared.has_surplus() || is_finished(shared)
}

/// Whether nothing is left to do, and nothing will come.
fn is_finished(shared: &Shared) -> bool {
    shared.closing.load(Ordering::Relaxed) && shared.outstanding() == 0
}

/// Takes the worker off the roster, whatever ended it.
struct Leave<'a> {
    shared: &'a Arc<Shared>,
    slot: &'a Arc<Slot>,
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        let Leave { shared, slot } = self;
        shared.strike(&mut shared.roster(), slot);
        if shared.broken.get().is_some() {
            shared.clear_queue();
        } else if shared.queue.has_jobs() {
            shared.see_to_the_queue();
            if shared.broken.get().is_some() {
                shared.clear_queue(); // the last worker is gone and no other could be started
            }
        }
        shared.wake_waiting_for_end();
    }
}
