//! Suite `coroutines`: what it costs to start, to switch and to keep many light things, and what a
//! server made of them answers. Every turn is a process of its own.

mod contender;
mod echo;
mod load;
mod memory;
mod parts;
mod spawn;
mod switch;
mod urls;

use super::Suite;

pub(crate) static SUITE: Suite = Suite {
    name: "coroutines",
    about: "Starting, switching, keeping a million, an echo server, 1,000 pages at a time.",
    cases: |scale| {
        let mut cases = spawn::cases(scale);
        cases.extend(switch::cases(scale));
        cases.extend(memory::cases(scale));
        cases.extend(echo::cases(scale));
        cases.push(urls::case(scale));
        cases
    },
    parts: parts::PARTS,
};
