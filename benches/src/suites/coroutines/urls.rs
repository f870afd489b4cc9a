//! Many pages at a time from a far site, each by a coroutine of its own.

use std::time::Duration;

use crate::arguments::Scale;
use crate::measure::{Against, Case, OURS, RowSpec};
use crate::report::Better;
use crate::rivals::reqwest;
use crate::suites::http::fetch::{CPU, Job, WALL};
use crate::suites::http::site::Site;

const ASYNC: &str = "ours, async";

pub(super) fn case(scale: Scale) -> Case<'static> {
    let latency = Duration::from_millis(scale.pick(100, 5));
    let (pages, in_flight) = scale.pick((2_000, 1_000), (20, 10));
    let job = Job { site: Site::new(latency), pages, in_flight };
    let ideal = latency.as_secs_f64() * pages.div_ceil(in_flight) as f64;
    let row = |name, about, metric, against, bar| {
        let (unit, better) = ("s", Better::Lower);
        RowSpec { name, about, unit, better, metric, against, bar: Some(bar) }
    };
    let what = format!(
        "{pages} pages of 1 KiB, {in_flight} at a time, {} ms each, Session::map_on on coroutines",
        latency.as_millis()
    );
    let cpu = "the same: CPU time of the client".to_owned();
    Case {
        rows: vec![
            row("urls_1000", what, WALL, Against::Ideal(ideal), 1.2),
            row("urls_1000_cpu", cpu, CPU, Against::Only(&[ASYNC]), 1.1),
        ],
        contenders: vec![
            job.ours(OURS, "coroutines"),
            job.ours(ASYNC, &format!("async:{in_flight}")),
            job.ours("ours, one hub", "coroutines:1"),
            job.reqwest(reqwest::NAME),
            job.reqwest(reqwest::ONE_THREAD),
        ],
    }
}
