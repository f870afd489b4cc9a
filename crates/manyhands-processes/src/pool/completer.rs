//! What the pool's service leaves to others because it may take long: callbacks, which are the
//! program's code and may wait for other tasks of the same pool, and large outcomes, which are copied and decoded.

use manyhands_executor::{Callbacks, Dispatched};

use super::batch::{Batch, Ending};
use super::crew::Crew;

/// Encoded outcomes that are longer than this are decoded on another thread, in bytes.
const LARGE: usize = 64 * 1024;

pub(super) struct Completer {
    outcomes: Crew<(Dispatched, Ending)>,
    callbacks: Crew<Callbacks>,
}

impl Completer {
    pub(super) fn new(pool: &str) -> Completer {
        let callbacks = Crew::new(&format!("{pool} callbacks"), Callbacks::run);
        let after = callbacks.clone();
        let complete = move |(dispatched, ending)| {
            run_with(&after, Batch::complete(dispatched, ending, &[]));
        };
        Completer { outcomes: Crew::new(&format!("{pool} outcomes"), complete), callbacks }
    }

    /// Ends a task, whose outcome may be in `bytes`. Its callbacks run elsewhere.
    pub(super) fn complete(&self, dispatched: Dispatched, ending: Ending, bytes: &[u8]) {
        let is_large = match &ending {
            Ending::Encoded(range) => range.len() > LARGE,
            Ending::Whole(bytes) => bytes.len() > LARGE,
            Ending::Laden(arrived) => arrived.is_large(),
            Ending::Failed(_) => false,
        };
        let mut task = (dispatched, ending);
        if is_large {
            if let Ending::Encoded(range) = task.1 {
                task.1 = Ending::Whole(bytes[range].to_vec());
            }
            match self.outcomes.hand_over(task) {
                Ok(()) => return,
                Err(back) => task = back,
            }
        }
        self.run(Batch::complete(task.0, task.1, bytes));
    }

    /// Has the callbacks of a task that has ended run.
    pub(super) fn run(&self, callbacks: Option<Callbacks>) {
        run_with(&self.callbacks, callbacks);
    }

    /// Waits until everything that was handed over has ended.
    pub(super) fn finish(&self) {
        self.outcomes.finish();
        self.callbacks.finish();
    }

    /// Whether this thread is one of those that end tasks.
    pub(super) fn is_here(&self) -> bool {
        self.outcomes.is_here() || self.callbacks.is_here()
    }
}

/// Where there is no thread for them callbacks run here: the system grants none, or the pool has ended.
fn run_with(crew: &Crew<Callbacks>, callbacks: Option<Callbacks>) {
    if let Some(callbacks) = callbacks
        && let Err(callbacks) = crew.hand_over(callbacks)
    {
        callbacks.run();
    }
}
