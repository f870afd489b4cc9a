//! Suite `sync`: locks with and without others who want them, deadlocks found, queues, and handing over
//! between coroutines.

mod detection;
mod hand_over;
mod locks;
mod queues;
mod threads;

use super::Suite;

pub(crate) static SUITE: Suite = Suite {
    name: "sync",
    about: "Locks, the search for deadlocks, queues, semaphores, events, condition variables.",
    cases: |scale| {
        let mut cases = locks::cases(scale);
        cases.extend(detection::cases(scale));
        cases.extend(queues::cases(scale));
        cases.extend(hand_over::cases(scale));
        cases
    },
    parts: &[],
};
