//! Suite `executors`: what it costs to hand work to a pool of two threads and to get it back.

mod cancel;
mod map;
mod map_memory;
mod nested;
mod round_trip;
mod spawn_async;
mod start;
mod submit_result;

use super::Suite;

pub(crate) static SUITE: Suite = Suite {
    name: "executors",
    about: "Tasks on a pool of two threads: throughput, latency, map, nesting, cancelling.",
    cases: |scale| {
        let mut cases = submit_result::cases(scale);
        cases.extend(round_trip::cases(scale));
        cases.extend(map::cases(scale));
        cases.push(map_memory::case(scale));
        cases.push(nested::case(scale));
        cases.push(cancel::case(scale));
        cases.push(spawn_async::case(scale));
        cases.push(start::case(scale));
        cases
    },
    parts: map_memory::PARTS,
};

/// Threads in every pool of the suite.
const WORKERS: usize = 2;
