//! The tests of the crate as its users see it.

mod bounded;
mod cancelling;
mod child;
mod coroutine;
mod coroutine_in_hub;
mod deadlocks;
mod fairness;
mod hub_survives;
mod hyper_inside;
mod locals;
mod net_moving;
mod net_places;
mod net_tcp;
mod net_udp;
mod net_unix;
#[path = "../../../manyhands-wait/tests/it/patience.rs"]
mod patience;
mod server;
mod server_process;
mod server_tls;
mod soundness;
mod stack;
mod starvation;
mod structured;
mod switch_cost;
mod thread_end;
mod tokio_inside;
mod verbs;
mod watchdog;
