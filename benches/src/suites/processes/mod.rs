//! Suite `processes`: what it costs to have work done by another process, to share data with it, and
//! what an abort takes with it. Every turn is a process of its own.

mod abort;
mod contender;
mod jobs;
mod parts;
mod payload;
mod sharing;
mod start;
mod tasks;

use super::Suite;

pub(crate) static SUITE: Suite = Suite {
    name: "processes",
    about: "Tasks of worker processes, large payloads, shared data, managers, an abort.",
    cases: |scale| {
        let mut cases = tasks::cases(scale);
        cases.extend(start::cases(scale));
        cases.extend(payload::cases(scale));
        cases.extend(sharing::cases(scale));
        cases.push(abort::case(scale));
        cases
    },
    parts: parts::PARTS,
};

/// Processes in every pool of the suite.
const WORKERS: u64 = 2;
