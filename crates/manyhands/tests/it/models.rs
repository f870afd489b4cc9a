//! The executors that the tests run on.

use std::sync::Arc;

use manyhands::{AnyExecutor, InProcess, Task};

use crate::patience::Gate;

/// Runs the test on executors of these names, one after the other; a failure tells which.
#[track_caller]
fn on_each(names: &[&str], test: impl Fn(&AnyExecutor)) {
    for name in names {
        struct Names<'a>(&'a str);
        impl Drop for Names<'_> {
            fn drop(&mut self) {
                if std::thread::panicking() {
                    eprintln!("that was on the executor '{}'", self.0);
                }
            }
        }
        let _on_failure = Names(name);
        let executor: AnyExecutor = name.parse().unwrap();
        test(&executor);
    }
}

/// On all of them.
#[track_caller]
pub(crate) fn on_all(test: impl Fn(&AnyExecutor)) {
    on_each(
        &[
            "sequential",
            "threads:1",
            "threads:4",
            "coroutines:1",
            "coroutines:2",
            "async:1",
            "async:4",
        ],
        test,
    );
}

/// On one of each model, those included whose workers share no memory with the test.
#[track_caller]
pub(crate) fn on_every_model(test: impl Fn(&AnyExecutor)) {
    on_each(&["sequential", "threads:2", "coroutines:2", "async:2", "processes:2"], test);
}

/// On one of each model whose tasks run while the caller goes on.
#[track_caller]
pub(crate) fn on_every_concurrent_model(test: impl Fn(&AnyExecutor)) {
    on_each(&["threads:2", "coroutines:2", "async:2", "processes:2"], test);
}

/// On one of each model that runs one portable task at a time while the caller goes on.
#[track_caller]
pub(crate) fn on_every_single_model(test: impl Fn(&AnyExecutor)) {
    on_each(&["threads:1", "async:1", "processes:1"], test);
}

/// On those whose tasks run while the caller goes on, several at a time, also if they block their
/// threads.
#[track_caller]
pub(crate) fn on_concurrent(test: impl Fn(&AnyExecutor)) {
    on_each(&["threads:4", "coroutines:4", "async:4"], test);
}

/// On those that run one task at a time while the caller goes on: the rest is queued.
#[track_caller]
pub(crate) fn on_single(test: impl Fn(&AnyExecutor)) {
    on_each(&["threads:1", "async:1"], test);
}

/// On those that run tasks while the caller goes on, one or several at a time.
#[track_caller]
pub(crate) fn on_queued(test: impl Fn(&AnyExecutor)) {
    on_each(
        &["threads:1", "threads:4", "coroutines:1", "coroutines:4", "async:1", "async:4"],
        test,
    );
}

/// A task that runs until it is let go.
pub(crate) struct Busy {
    pub(crate) task: Task<&'static str>,
    gate: Arc<Gate>,
}

impl Busy {
    /// Submits it, and waits until it runs.
    pub(crate) fn on(executor: &AnyExecutor) -> Busy {
        let (begun, gate) = (Arc::new(Gate::default()), Arc::new(Gate::default()));
        let inside = (Arc::clone(&begun), Arc::clone(&gate));
        let task = executor.spawn(move || {
            inside.0.open();
            inside.1.pass();
            "was busy"
        });
        begun.pass();
        Busy { task, gate }
    }

    /// Lets it end, and waits for that.
    pub(crate) fn end(&self) {
        self.gate.open();
        self.task.wait();
    }

    pub(crate) fn let_go(&self) {
        self.gate.open();
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        // A test that fails must not leave it there for ever.
        self.gate.open();
    }
}
