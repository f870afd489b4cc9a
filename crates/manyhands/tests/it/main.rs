//! What holds on every executor: each test is written once and runs on all of them. The numbered
//! ones are the acceptance table; `crates/manyhands-threads/tests/it/README.md` says which is where.

mod cancelling;
mod deadlines;
mod dumps;
mod future;
mod groups;
mod lock_order;
mod locks;
mod models;
mod nesting;
#[path = "../../../manyhands-wait/tests/it/own_process.rs"]
mod own_process;
#[path = "../../../manyhands-wait/tests/it/patience.rs"]
mod patience;
mod portable;
mod portable_ends;
mod primitives;
mod process_waits;
mod queues;
mod retries;
mod rings;
mod scopes;
mod shutdown;
mod signs;
mod submit_and_map;
mod wait_and_as_completed;
