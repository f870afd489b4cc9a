//! The memory of `map`: bounded by its window, however many items an endless input yields.

use std::hint::black_box;

use anyhow::{Context, ensure};
use manyhands::ThreadPool;
use serde_json::json;

use super::WORKERS;
use crate::arguments::Scale;
use crate::measure::{Against, Case, Contender, OURS, RowSpec};
use crate::process::{answer, number, part};
use crate::report::Better;
use crate::rivals::rayon;
use crate::suites::Part;
use crate::usage::resident_and_peak_bytes;

pub(super) const PARTS: &[Part] = &[
    Part { name: "map-endless", play: |words| measure_growth(words, endless) },
    Part { name: "rayon-map-collect", play: |words| measure_growth(words, collected_by_rayon) },
];

const A_TENTH: &str = "ours, a tenth of the items";

pub(super) fn case(scale: Scale) -> Case<'static> {
    let items: u64 = scale.pick(10_000_000, 100_000);
    Case {
        rows: vec![RowSpec {
            name: "map_endless_memory",
            about: format!(
                "growth of the peak memory while the first {items} results of an endless input \
                 are read; held against a tenth of them: it must not grow with the number"
            ),
            unit: "MiB",
            better: Better::Lower,
            metric: 0,
            against: Against::Only(&[A_TENTH]),
            bar: Some(1.5),
        }],
        contenders: vec![
            child(OURS, "map-endless", items),
            child(A_TENTH, "map-endless", items / 10),
            child("rayon, par_iter collect", "rayon-map-collect", items),
        ],
    }
}

/// In a process of its own, whose memory nobody else has used before.
fn child(name: &'static str, play: &'static str, items: u64) -> Contender<'static> {
    Contender::single(name, move || {
        let answer = answer(part(play, &[items.to_string()])?)?;
        number(&answer, "growth_bytes").map(|bytes| bytes / f64::from(1 << 20))
    })
}

fn measure_growth(words: &[String], job: fn(u64) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let items: u64 = words.first().and_then(|word| word.parse().ok()).context("how many items?")?;
    let (resident_before, _) = resident_and_peak_bytes()?;
    job(items)?;
    let (_, peak) = resident_and_peak_bytes()?;
    println!("{}", json!({ "growth_bytes": peak - resident_before }));
    Ok(())
}

fn endless(items: u64) -> anyhow::Result<()> {
    let pool = ThreadPool::new(WORKERS)?;
    let count = usize::try_from(items).context("too many items for this machine")?;
    let mut read = 0_u64;
    for (expected, value) in (0..).zip(pool.map(|n: u64| black_box(n), 0..).take(count)) {
        ensure!(value.context("a call failed")? == expected, "results are out of order");
        read += 1;
    }
    ensure!(read == items, "{read} results of {items}");
    Ok(())
}

fn collected_by_rayon(items: u64) -> anyhow::Result<()> {
    black_box(rayon::map(&rayon::pool(WORKERS)?, black_box, items));
    Ok(())
}
