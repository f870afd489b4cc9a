//! Locks, semaphores and queues of Python's `threading` and `queue`, in a process of their own.

use crate::measure::Contender;
use crate::process::{answer, number, python};

pub(crate) const LOCK: &str = "Python Lock";
pub(crate) const RLOCK: &str = "Python RLock";
pub(crate) const SEMAPHORE: &str = "Python Semaphore";
pub(crate) const EVENT: &str = "Python Event";
pub(crate) const CONDITION: &str = "Python Condition";
pub(crate) const QUEUE: &str = "Python queue.Queue";

const SCRIPT: &str = "sync.py";

/// A contender that does the job of these words; its figure is the `figure` of the answer.
pub(crate) fn contender(name: &'static str, words: &[&dyn ToString]) -> Contender<'static> {
    let words: Vec<String> = words.iter().map(|word| word.to_string()).collect();
    if let Err(why) = python(SCRIPT, &[], &words) {
        return Contender::missing(name, why);
    }
    Contender::single(name, move || {
        let command = python(SCRIPT, &[], &words).map_err(anyhow::Error::msg)?;
        number(&answer(command)?, "figure")
    })
}
