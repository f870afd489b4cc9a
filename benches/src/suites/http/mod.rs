//! Suite `http`: many small pages from a site that takes its time, and a web handler that waits for
//! blocking calls. Clients and servers are processes of their own.

mod client;
pub(super) mod fetch;
mod handler;
mod load;
mod server;
pub(super) mod site;

use super::{Part, Suite};

pub(crate) static SUITE: Suite = Suite {
    name: "http",
    about: "2,000 pages, 200 at a time: time, CPU and memory; a web handler under 1 to 50 clients.",
    cases: |scale| {
        let mut cases = fetch::cases(scale);
        cases.extend(handler::cases(scale));
        cases
    },
    parts: PARTS,
};

const PARTS: &[Part] = &[
    Part { name: "site", play: site::play },
    Part { name: "fetch-ours", play: client::play_ours },
    Part { name: "fetch-reqwest", play: client::play_reqwest },
    Part { name: "handler-ours", play: server::play_ours },
    Part { name: "handler-tokio", play: server::play_tokio },
];
