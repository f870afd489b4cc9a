//! What it costs to start something that runs by itself, and to see its end: a thread, a thread of a
//! pool that is there already, a process.

use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, ensure};
use manyhands::{Thread, ThreadPool};

use crate::arguments::Scale;
use crate::measure::{Against, Case, Contender, OURS, RowSpec};
use crate::report::Better;

const STD: &str = "std::thread";

pub(super) fn case(scale: Scale) -> Case<'static> {
    let threads: u32 = scale.pick(5_000, 20);
    let processes: u32 = scale.pick(200, 2);
    Case {
        rows: vec![RowSpec {
            name: "thread_start",
            about: format!(
                "a thread started and joined, {threads} times in a row; beside: a pool's thread that \
                 waits for work, and a process that does nothing"
            ),
            unit: "us",
            better: Better::Lower,
            metric: 0,
            against: Against::Only(&[STD]),
            bar: None,
        }],
        contenders: vec![
            Contender::single(OURS, move || {
                each(threads, |n| Thread::spawn(move || n).join().context("a thread failed"))
            }),
            Contender::single(STD, move || {
                each(threads, |n| match std::thread::spawn(move || n).join() {
                    Ok(value) => Ok(value),
                    Err(_) => anyhow::bail!("a thread panicked"),
                })
            }),
            Contender::single("ours, a pool's thread", move || {
                let pool = ThreadPool::new(1)?;
                each(threads, |n| pool.spawn(move || n).result().context("a task failed"))
            }),
            Contender::single("a process", move || {
                each(processes, |n| {
                    let mut command = Command::new("true");
                    command.stdin(Stdio::null()).stdout(Stdio::null());
                    let status = command.status().context("cannot start `true`")?;
                    ensure!(status.success(), "`true` ended with {status}");
                    Ok(n)
                })
            }),
        ],
    }
}

/// Microseconds for one of `count` in a row.
fn each(count: u32, mut start: impl FnMut(u32) -> anyhow::Result<u32>) -> anyhow::Result<f64> {
    let begun = Instant::now();
    for n in 0..count {
        ensure!(start(n)? == n, "something else came back");
    }
    Ok(begun.elapsed().as_secs_f64() * 1e6 / f64::from(count))
}
