//! Numbers through queues: between threads, bounded and not, and between two coroutines of one hub.

use manyhands::sync::Queue;

use super::threads::{apart, one_to_one, two_to_two};
use crate::arguments::Scale;
use crate::measure::{Against, Case, Contender, OURS, RowSpec};
use crate::ours;
use crate::report::Better;
use crate::rivals::sync::tokio_turns::UNBOUNDED_AT_A_TIME;
use crate::rivals::sync::{
    async_channel, crossbeam_channel, flume, python, std_sync, tokio_sync, tokio_turns,
};

/// So many times fewer in Python.
const FEWER_FOR_PYTHON: u64 = 20;

/// Those that threads and async code may share, as ours.
const SHARED: Against = Against::Only(&[flume::NAME, async_channel::NAME]);

const ROOM: Option<usize> = Some(1024);

pub(super) fn cases(scale: Scale) -> Vec<Case<'static>> {
    let count: u64 = scale.pick(2_000_000, 4_000);
    let python = |room: usize, producers: u64| {
        let count = count / FEWER_FOR_PYTHON;
        python::contender(python::QUEUE, &[&"queue", &count, &room, &producers])
    };
    let one_to_one = |room| {
        let mut contenders = vec![
            Contender::single(OURS, move || one_to_one::<Queue<u64>>(count, room)),
            Contender::single(std_sync::MPSC, move || one_to_one::<std_sync::Mpsc>(count, room)),
            Contender::single(tokio_sync::MPSC, move || {
                one_to_one::<tokio_sync::Mpsc>(count, room)
            }),
            python(room.unwrap_or(0), 1),
        ];
        contenders.extend(channels!(one_to_one, count, room));
        contenders
    };
    let two_to_two = |room| {
        let mut contenders = vec![
            Contender::single(OURS, move || two_to_two::<Queue<u64>>(count, room)),
            python(room.unwrap_or(0), 2),
        ];
        contenders.extend(channels!(two_to_two, count, room));
        contenders
    };
    let python_too = |name, about: &str| {
        row(name, about.to_owned(), Against::Only(&[python::QUEUE]), Some(10.0))
    };
    vec![
        Case {
            rows: vec![
                row(
                    "queue_1p1c",
                    format!("{count} numbers from one thread to another, room for 1024"),
                    SHARED,
                    Some(1.0),
                ),
                python_too("queue_1p1c_python", "the same, held against Python"),
            ],
            contenders: one_to_one(ROOM),
        },
        Case {
            rows: vec![
                row(
                    "queue_2p2c",
                    format!("{count} numbers from two threads to two others, room for 1024"),
                    SHARED,
                    Some(1.0),
                ),
                python_too("queue_2p2c_python", "the same, held against Python"),
            ],
            contenders: two_to_two(ROOM),
        },
        Case {
            rows: vec![row(
                "queue_1p1c_unbounded",
                format!("{count} numbers from one thread to another, room for all"),
                SHARED,
                None,
            )],
            contenders: one_to_one(None),
        },
        Case {
            rows: vec![row(
                "queue_2p2c_unbounded",
                format!("{count} numbers from two threads to two others, room for all"),
                SHARED,
                None,
            )],
            contenders: two_to_two(None),
        },
        coroutines("queue_coroutines", count, ROOM, Some(3.0)),
        coroutines("queue_coroutines_unbounded", count, None, None),
    ]
}

/// Everybody with any number of consumers.
macro_rules! channels {
    ($through:ident, $count:ident, $room:ident) => {
        [
            Contender::single(crossbeam_channel::NAME, move || {
                $through::<crossbeam_channel::Crossbeam>($count, $room)
            }),
            Contender::single(flume::NAME, move || $through::<flume::Flume>($count, $room)),
            Contender::single(async_channel::NAME, move || {
                $through::<async_channel::AsyncChannel>($count, $room)
            }),
        ]
    };
}
use channels;

fn row(name: &'static str, about: String, against: Against, bar: Option<f64>) -> RowSpec {
    RowSpec { name, about, unit: "per s", better: Better::Higher, metric: 0, against, bar }
}

fn coroutines(
    name: &'static str,
    count: u64,
    room: Option<usize>,
    bar: Option<f64>,
) -> Case<'static> {
    let about = match room {
        Some(room) => format!("room for {room}"),
        None => format!("room for all; the other goes on after each {UNBOUNDED_AT_A_TIME}"),
    };
    Case {
        rows: vec![row(
            name,
            format!("numbers from one coroutine to another of its hub, {about}"),
            Against::Only(&[tokio_turns::MPSC]),
            bar,
        )],
        contenders: vec![
            Contender::single(OURS, move || {
                apart(|| ours::sync::turns::queue(count, room, UNBOUNDED_AT_A_TIME))
            }),
            Contender::single(tokio_turns::MPSC, move || apart(|| tokio_turns::queue(count, room))),
        ],
    }
}
