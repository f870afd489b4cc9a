//! Taking and releasing a lock: alone, with others who want it, for reading, and once more.

use std::cell::Cell;
use std::time::Duration;

use manyhands::sync::{Mutex, ReentrantMutex, RwLock};

use super::threads::{alone, nested, reading, reading_together, together};
use crate::arguments::Scale;
use crate::measure::{Against, Case, Contender, OURS, RowSpec};
use crate::report::Better;
use crate::rivals::sync::{
    async_lock, detecting, parking_lot, python, std_sync, tokio_sync, tracing_mutex,
};

/// So many times fewer in Python.
const FEWER_FOR_PYTHON: u64 = 10;

pub(super) fn cases(scale: Scale) -> Vec<Case<'static>> {
    let count: u64 = scale.pick(10_000_000, 10_000);
    let time = Duration::from_millis(scale.pick(300, 20));
    vec![
        uncontended(count),
        contended("lock_2", 2, time, 1.1),
        contended("lock_8", 8, time, 1.0),
        contended("lock_64", 64, time, 1.0),
        Case {
            rows: vec![row(
                "rwlock_read",
                "a read-write lock taken for reading and released by one thread".to_owned(),
                Against::Only(&[parking_lot::RWLOCK]),
                None,
            )],
            contenders: vec![
                Contender::single(OURS, move || reading::<RwLock<u64>>(count)),
                Contender::single(parking_lot::RWLOCK, move || {
                    reading::<::parking_lot::RwLock<u64>>(count)
                }),
                Contender::single(std_sync::RWLOCK, move || {
                    reading::<std::sync::RwLock<u64>>(count)
                }),
                Contender::single(async_lock::RWLOCK, move || {
                    reading::<::async_lock::RwLock<u64>>(count)
                }),
                Contender::single(tokio_sync::RWLOCK, move || {
                    reading::<::tokio::sync::RwLock<u64>>(count)
                }),
            ],
        },
        Case {
            rows: vec![row(
                "rwlock_read_2",
                "the same by two threads at the same time; for each time that one had it"
                    .to_owned(),
                Against::Only(&[parking_lot::RWLOCK]),
                None,
            )],
            contenders: vec![
                Contender::single(OURS, move || reading_together::<RwLock<u64>>(2, time)),
                Contender::single(parking_lot::RWLOCK, move || {
                    reading_together::<::parking_lot::RwLock<u64>>(2, time)
                }),
                Contender::single(std_sync::RWLOCK, move || {
                    reading_together::<std::sync::RwLock<u64>>(2, time)
                }),
                Contender::single(async_lock::RWLOCK, move || {
                    reading_together::<::async_lock::RwLock<u64>>(2, time)
                }),
                Contender::single(tokio_sync::RWLOCK, move || {
                    reading_together::<::tokio::sync::RwLock<u64>>(2, time)
                }),
            ],
        },
        Case {
            rows: vec![row(
                "reentrant",
                "a re-entrant lock taken twice and released twice by one thread".to_owned(),
                Against::Only(&[parking_lot::REENTRANT]),
                None,
            )],
            contenders: vec![
                Contender::single(OURS, move || nested::<ReentrantMutex<Cell<u64>>>(count)),
                Contender::single(parking_lot::REENTRANT, move || {
                    nested::<::parking_lot::ReentrantMutex<Cell<u64>>>(count)
                }),
                python::contender(python::RLOCK, &[&"rlock", &(count / FEWER_FOR_PYTHON)]),
            ],
        },
    ]
}

fn row(name: &'static str, about: String, against: Against, bar: Option<f64>) -> RowSpec {
    RowSpec { name, about, unit: "ns", better: Better::Lower, metric: 0, against, bar }
}

fn uncontended(count: u64) -> Case<'static> {
    Case {
        rows: vec![row(
            "lock_uncontended",
            "a lock taken and released by one thread, ours with its search for deadlocks on"
                .to_owned(),
            Against::Only(&[parking_lot::MUTEX]),
            Some(1.15),
        )],
        contenders: vec![
            Contender::single(OURS, move || alone::<Mutex<u64>>(count)),
            Contender::single(parking_lot::MUTEX, move || {
                alone::<::parking_lot::Mutex<u64>>(count)
            }),
            detecting::contender(&[&"lock", &1, &count], "ns"),
            Contender::single(std_sync::MUTEX, move || alone::<std::sync::Mutex<u64>>(count)),
            Contender::single(tokio_sync::MUTEX, move || alone::<::tokio::sync::Mutex<u64>>(count)),
            Contender::single(async_lock::MUTEX, move || alone::<::async_lock::Mutex<u64>>(count)),
            Contender::single(tracing_mutex::MUTEX, move || {
                alone::<::tracing_mutex::stdsync::tracing::Mutex<u64>>(count)
            }),
            python::contender(python::LOCK, &[&"lock", &(count / FEWER_FOR_PYTHON)]),
        ],
    }
}

fn contended(name: &'static str, threads: usize, time: Duration, bar: f64) -> Case<'static> {
    Case {
        rows: vec![row(
            name,
            format!(
                "{threads} threads that take and release a lock for {} ms; for each time that one had it",
                time.as_millis()
            ),
            Against::Only(&[parking_lot::MUTEX]),
            Some(bar),
        )],
        contenders: vec![
            Contender::single(OURS, move || together::<Mutex<u64>>(threads, time)),
            Contender::single(parking_lot::MUTEX, move || {
                together::<::parking_lot::Mutex<u64>>(threads, time)
            }),
            detecting::contender(&[&"lock", &threads, &time.as_millis()], "ns"),
            Contender::single(std_sync::MUTEX, move || {
                together::<std::sync::Mutex<u64>>(threads, time)
            }),
            Contender::single(tokio_sync::MUTEX, move || {
                together::<::tokio::sync::Mutex<u64>>(threads, time)
            }),
            Contender::single(async_lock::MUTEX, move || {
                together::<::async_lock::Mutex<u64>>(threads, time)
            }),
            Contender::single(tracing_mutex::MUTEX, move || {
                together::<::tracing_mutex::stdsync::tracing::Mutex<u64>>(threads, time)
            }),
        ],
    }
}
