//! The executor interface from outside, without any executor but those of the tests: jobs and tasks
//! in every state, jobs that run elsewhere, futures as jobs, reports of failures.

mod auto_traits;
mod by_hand;
mod callbacks;
mod callbacks_apart;
mod deadlines;
mod elsewhere;
mod futures;
mod jobs;
mod luggage;
mod of_one_thread;
#[path = "../../../manyhands-wait/tests/it/own_process.rs"]
mod own_process;
#[path = "../../../manyhands-wait/tests/it/patience.rs"]
mod patience;
mod portable;
mod quiet;
mod reports;
mod states;
mod watching;
