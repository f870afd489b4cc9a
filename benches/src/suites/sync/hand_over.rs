//! Two who let each other go on by turns: coroutines of one hub, and tasks on a runtime of one thread.

use super::threads::apart;
use crate::arguments::Scale;
use crate::measure::{Against, Case, Contender, OURS, RowSpec};
use crate::ours::sync::turns;
use crate::report::Better;
use crate::rivals::sync::{python, tokio_turns};

/// So many times fewer between threads of Python.
const FEWER_FOR_PYTHON: u64 = 20;

pub(super) fn cases(scale: Scale) -> Vec<Case<'static>> {
    let count: u64 = scale.pick(1_000_000, 2_000);
    let few = count / FEWER_FOR_PYTHON;
    let row = |name, about: &str, rivals| RowSpec {
        name,
        about: about.to_owned(),
        unit: "per s",
        better: Better::Higher,
        metric: 0,
        against: Against::Only(rivals),
        bar: Some(5.0),
    };
    let light = |name, run: fn(u64) -> anyhow::Result<f64>| {
        Contender::single(name, move || apart(|| run(count)))
    };
    vec![
        Case {
            rows: vec![row(
                "semaphore_hand_over",
                "a permit to the other, then wait for one; beside: threads of Python",
                &[tokio_turns::SEMAPHORE],
            )],
            contenders: vec![
                light(OURS, turns::semaphore),
                light(tokio_turns::SEMAPHORE, tokio_turns::semaphore),
                python::contender(python::SEMAPHORE, &[&"semaphore", &few]),
            ],
        },
        Case {
            rows: vec![row(
                "event_hand_over",
                "set the other's event, then wait for one's own and clear it",
                &[tokio_turns::NOTIFY],
            )],
            contenders: vec![
                light(OURS, turns::event),
                light(tokio_turns::NOTIFY, tokio_turns::notify),
                python::contender(python::EVENT, &[&"event", &few]),
            ],
        },
        Case {
            rows: vec![
                row(
                    "condvar_hand_over",
                    "a number under a lock counted up by turns, and the other notified",
                    &[tokio_turns::MUTEX_NOTIFY, tokio_turns::STD_MUTEX_NOTIFY],
                ),
                RowSpec {
                    bar: None,
                    ..row(
                        "condvar_hand_over_notify",
                        "the same, held against a notification without a lock",
                        &[tokio_turns::NOTIFY],
                    )
                },
            ],
            contenders: vec![
                light(OURS, turns::condvar),
                light(tokio_turns::MUTEX_NOTIFY, tokio_turns::mutex_and_notify),
                light(tokio_turns::STD_MUTEX_NOTIFY, tokio_turns::std_mutex_and_notify),
                light(tokio_turns::NOTIFY, tokio_turns::notify),
                python::contender(python::CONDITION, &[&"condition", &few]),
            ],
        },
    ]
}
