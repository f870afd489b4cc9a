//! `map` over two threads: trivial items, where the handing over is all there is, and items that
//! take unequally long.

use std::hint::black_box;
use std::time::Instant;

use anyhow::ensure;
use manyhands::ThreadPool;

use super::WORKERS;
use crate::arguments::Scale;
use crate::measure::{Against, Case, Contender, OURS, RowSpec};
use crate::report::Better;
use crate::rivals::rayon;

const ITEM_BY_ITEM: &str = "ours, collect item by item";
const RAYON: &str = "rayon, par_iter collect";
const ONE_THREAD: &str = "one thread, no pool";

pub(super) fn cases(scale: Scale) -> Vec<Case<'static>> {
    let trivial = scale.pick(1_000_000, 5_000);
    let unequal = scale.pick(200_000, 1_000);
    let row = |name, about, bar| RowSpec {
        name,
        about,
        unit: "ms",
        better: Better::Lower,
        metric: 0,
        against: Against::Only(&[RAYON]),
        bar,
    };
    vec![
        Case {
            rows: vec![row(
                "map",
                format!("{trivial} items that take a nanosecond each, collected in order"),
                Some(1.5),
            )],
            contenders: contenders(trivial_item, trivial),
        },
        Case {
            rows: vec![row(
                "map_unequal",
                format!("{unequal} items, one in a hundred takes a hundred times as long"),
                None,
            )],
            contenders: contenders(unequal_item, unequal),
        },
    ]
}

/// A multiplication that the compiler cannot merge with its neighbours: vectorized it would be a
/// measurement of memory only.
fn trivial_item(n: u64) -> u64 {
    black_box(n).wrapping_mul(31)
}

/// About 50 ns of computing, and 5 µs for every hundredth item.
fn unequal_item(n: u64) -> u64 {
    let steps = if n.is_multiple_of(100) { 5_000 } else { 50 };
    (0..steps).fold(n, |sum, step| black_box(sum).wrapping_mul(31).wrapping_add(step))
}

fn contenders(
    item: impl Fn(u64) -> u64 + Copy + Send + Sync + 'static,
    items: u64,
) -> Vec<Contender<'static>> {
    let ours = move || {
        let pool = ThreadPool::new(WORKERS)?;
        pool.map(item, 0..items / 10).for_each(drop);
        let started = Instant::now();
        let values = pool.map(item, 0..items).collect_vec()?;
        in_ms(started, &values, items)
    };
    let item_by_item = move || {
        let pool = ThreadPool::new(WORKERS)?;
        pool.map(item, 0..items / 10).for_each(drop);
        let started = Instant::now();
        let values: Vec<u64> = pool.map(item, 0..items).collect::<Result<_, _>>()?;
        in_ms(started, &values, items)
    };
    let rayon = move || {
        let pool = rayon::pool(WORKERS)?;
        rayon::map(&pool, item, items / 10);
        let started = Instant::now();
        let values = rayon::map(&pool, item, items);
        in_ms(started, &values, items)
    };
    let one_thread = move || {
        let started = Instant::now();
        let values: Vec<u64> = (0..items).map(item).collect();
        in_ms(started, &values, items)
    };
    vec![
        Contender::single(OURS, ours),
        Contender::single(ITEM_BY_ITEM, item_by_item),
        Contender::single(RAYON, rayon),
        Contender::single(ONE_THREAD, one_thread),
    ]
}

fn in_ms(started: Instant, values: &[u64], items: u64) -> anyhow::Result<f64> {
    let took = started.elapsed().as_secs_f64() * 1e3;
    ensure!(values.len() as u64 == items, "{} results of {items} items", values.len());
    Ok(took)
}
