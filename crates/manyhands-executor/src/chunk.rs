//! A piece of a `map`: several inputs computed by one job.

use std::panic::resume_unwind;
use std::time::{Duration, Instant};

use manyhands_wait::Interrupt;

use crate::error::TaskError;
use crate::panic_capture;

/// The results of one piece, in the order of its inputs, and how long they took.
pub(crate) struct Chunk<R> {
    pub(crate) items: Vec<Result<R, TaskError>>,
    pub(crate) took: Duration,
}

impl<R> Chunk<R> {
    /// Calls `f` for each input. A panic costs its own item only; a cancellation ends the piece.
    pub(crate) fn compute<A>(inputs: Vec<A>, f: impl Fn(A) -> R) -> Chunk<R> {
        let started = Instant::now();
        let mut items = Vec::with_capacity(inputs.len());
        let mut inputs = inputs.into_iter();
        // One catch for a whole run of items: entering it costs more than a trivial `f`.
        while inputs.len() > 0 {
            let run = panic_capture::catch(|| {
                for input in inputs.by_ref() {
                    manyhands_wait::check_cancelled();
                    items.push(Ok(f(input)));
                }
            });
            match run {
                Ok(()) => break,
                Err(payload) if Interrupt::is(&*payload) => resume_unwind(payload),
                Err(payload) => {
                    items.push(Err(TaskError::panicked(payload, panic_capture::take_details())));
                }
            }
        }
        Chunk { items, took: started.elapsed() }
    }
}
