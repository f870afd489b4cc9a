//! The parts of this program: words in, one line of JSON out.

use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::{Value, json};

use super::load;
use crate::ours::coroutines as ours;
use crate::process::tell;
use crate::rivals::tokio_tasks::{OneThread, Tasks, TwoThreads};
use crate::rivals::{Light, corosensei, may, std_threads, tokio_tasks};
use crate::suites::Part;
use crate::usage::resident_and_table_bytes;

pub(super) const PARTS: &[Part] = &[
    Part { name: "light-ours", play: light::<ours::Hub> },
    Part { name: "light-tokio", play: light::<Tasks<OneThread>> },
    Part { name: "light-tokio-threads", play: light::<Tasks<TwoThreads>> },
    Part { name: "light-may", play: light::<may::Coroutines> },
    Part { name: "switch-pairs", play: |words| alone(words, ours::switch_pairs) },
    Part { name: "switch-pairs-corosensei", play: |words| alone(words, corosensei::switch_pairs) },
    Part { name: "switch-loop", play: |words| alone(words, ours::switch_loop) },
    Part { name: "yield-loop", play: |words| alone(words, ours::yield_loop) },
    Part { name: "sequence", play: |words| alone(words, ours::sequence) },
    Part { name: "echo-ours", play: |words| ours::echo(first(words)?) },
    Part { name: "echo-tokio", play: |words| tokio_tasks::echo(first(words)?) },
    Part { name: "echo-may", play: |words| may::echo(first(words)?) },
    Part { name: "echo-threads", play: |words| std_threads::echo(first(words)?) },
    Part { name: "echo-load", play: load::play },
];

/// The first word, a number.
fn first(words: &[String]) -> anyhow::Result<u64> {
    let word = words.first().context("a number is missing")?;
    word.parse().with_context(|| format!("{word} is no number"))
}

/// JOB COUNT SIZE, by whoever can do them all.
fn light<L: Light>(words: &[String]) -> anyhow::Result<()> {
    let [job, count, size] = words else {
        bail!("a job needs JOB COUNT SIZE, not {words:?}");
    };
    let number = |word: &String| word.parse().with_context(|| format!("{word} is no number"));
    let count: u64 = number(count)?;
    let answer = match job.as_str() {
        "spawn-join" => json!({ "ns": L::spawn_join(count)? }),
        "spawn-batch" => json!({ "ns": L::spawn_batch(count, number(size)?)? }),
        "yields" => json!({ "ns": L::yields(count, number(size)?)? }),
        "asleep" => asleep::<L>(count, number(size)?)?,
        _ => bail!("there is no job {job:?}"),
    };
    tell(answer)?;
    // What is still asleep is not waited for.
    std::process::exit(0);
}

/// So many asleep at the same time, in waves: what the first one needs, and how fast the last one
/// was.
fn asleep<L: Light>(count: u64, waves: u64) -> anyhow::Result<Value> {
    /// The last wave outlasts the measurement.
    const FOR_EVER: Duration = Duration::from_secs(3600);
    let (resident, tables) = resident_and_table_bytes()?;
    let nap = Duration::from_secs(1) + Duration::from_micros(10) * u32::try_from(count)?;
    let mut naps = vec![nap; usize::try_from(waves)?];
    *naps.last_mut().context("no wave at all")? = FOR_EVER;
    let mut seen: Vec<(f64, f64, f64)> = Vec::new();
    L::asleep(count, &naps, &mut |seconds| {
        let (resident, tables) = resident_and_table_bytes()?;
        seen.push((seconds, resident, tables));
        Ok(())
    })?;
    let (first, last) = seen.first().zip(seen.last()).context("nothing was measured")?;
    let count = count as f64;
    Ok(json!({
        "bytes_each": (first.1 - resident) / count,
        "table_bytes_each": (first.2 - tables) / count,
        "first_per_s": count / first.0,
        "per_s": count / last.0,
        "resident_bytes": last.1,
    }))
}

/// COUNT, by a function.
fn alone(words: &[String], job: fn(u64) -> anyhow::Result<f64>) -> anyhow::Result<()> {
    tell(json!({ "ns": job(first(words)?)? }))
}
