//! Many small pages at a time: from a far site, where time is the site's, and from one that answers
//! at once, where it is the client's.

use std::process::Command;
use std::time::Duration;

use super::client::{NO_EXECUTOR, THREADS};
use super::site::Site;
use crate::arguments::Scale;
use crate::measure::{Against, Case, Contender, OURS, RowSpec};
use crate::process::{answer, number, part, python};
use crate::report::Better;
use crate::rivals::reqwest;

const AIOHTTP: &str = "Python aiohttp";
const REQUESTS: &str = "Python requests, threads";

/// Elapsed seconds.
pub(in crate::suites) const WALL: usize = 0;
/// CPU seconds of the client.
pub(in crate::suites) const CPU: usize = 1;
const PEAK: usize = 2;
const CPU_PER_REQUEST: usize = 3;

/// What is fetched.
#[derive(Clone)]
pub(in crate::suites) struct Job {
    pub(in crate::suites) site: Site,
    pub(in crate::suites) pages: usize,
    pub(in crate::suites) in_flight: usize,
}

/// The names of the rows of one model.
struct Names {
    wall: &'static str,
    cpu: &'static str,
    cpu_python: &'static str,
    peak: &'static str,
}

pub(super) fn cases(scale: Scale) -> Vec<Case<'static>> {
    let latency = Duration::from_millis(scale.pick(100, 5));
    let in_flight = scale.pick(200, 5);
    let far = Job { site: Site::new(latency), pages: scale.pick(2_000, 20), in_flight };
    // As long as it takes if everything but the site's latency is for nothing.
    let ideal = latency.as_secs_f64() * far.pages.div_ceil(in_flight) as f64;
    let near = Job {
        site: Site::new(Duration::ZERO),
        pages: scale.pick(20_000, 20),
        in_flight: scale.pick(50, 5),
    };
    vec![
        far_pages(
            &far,
            &format!("async:{in_flight}"),
            ideal,
            &Names {
                wall: "fetch_async",
                cpu: "fetch_async_cpu",
                cpu_python: "fetch_async_aiohttp",
                peak: "fetch_async_peak",
            },
        ),
        far_pages(
            &far,
            &format!("threads:{in_flight}"),
            ideal,
            &Names {
                wall: "fetch_threads",
                cpu: "fetch_threads_cpu",
                cpu_python: "fetch_threads_aiohttp",
                peak: "fetch_threads_peak",
            },
        ),
        near_pages(&near),
    ]
}

fn far_pages(job: &Job, model: &str, ideal: f64, names: &Names) -> Case<'static> {
    let Job { site, pages, in_flight } = job;
    let row = |name, about: String, unit, metric, against, bar| {
        let better = Better::Lower;
        RowSpec { name, about, unit, better, metric, against, bar }
    };
    let what = format!(
        "{pages} pages of 1 KiB, {in_flight} at a time, {} ms each, Session::map_on on {model}",
        site.latency().as_millis()
    );
    let with_reqwest = Against::Only(&[reqwest::NAME]);
    Case {
        rows: vec![
            row(names.wall, what, "s", WALL, Against::Ideal(ideal), Some(1.15)),
            row(
                names.cpu,
                "the same: CPU time of the client".to_owned(),
                "s",
                CPU,
                with_reqwest.clone(),
                Some(1.1),
            ),
            row(
                names.cpu_python,
                "the same, held against Python".to_owned(),
                "s",
                CPU,
                Against::Only(&[AIOHTTP]),
                Some(1.0 / 3.0),
            ),
            row(
                names.peak,
                "the same: peak memory of the client".to_owned(),
                "MiB",
                PEAK,
                with_reqwest,
                None,
            ),
        ],
        contenders: vec![
            job.ours(OURS, model),
            job.reqwest(reqwest::NAME),
            job.python(AIOHTTP, "aiohttp_fetch.py", &["aiohttp"]),
            job.ours("ours, Session::map", NO_EXECUTOR),
            job.reqwest(reqwest::ONE_THREAD),
            job.reqwest(reqwest::THREADS),
            job.python(REQUESTS, "requests_fetch.py", &["requests"]),
        ],
    }
}

/// No latency: the clients are all that costs.
fn near_pages(job: &Job) -> Case<'static> {
    let Job { pages, in_flight, .. } = job;
    let what = format!(
        "CPU time of the client for a request: {pages} pages of 1 KiB, {in_flight} at a time, from \
         a site that answers at once; Session::map, which drives them on the calling thread"
    );
    Case {
        rows: vec![RowSpec {
            name: "fetch_cpu_per_request",
            about: what,
            unit: "us",
            better: Better::Lower,
            metric: CPU_PER_REQUEST,
            against: Against::Only(&[reqwest::ONE_THREAD]),
            bar: None,
        }],
        contenders: vec![
            job.ours(OURS, NO_EXECUTOR),
            job.reqwest(reqwest::ONE_THREAD),
            job.reqwest(reqwest::NAME),
            job.ours("ours, async", &format!("async:{in_flight}")),
            job.ours("ours, threads", &format!("threads:{in_flight}")),
            job.reqwest(reqwest::THREADS),
            job.python(AIOHTTP, "aiohttp_fetch.py", &["aiohttp"]),
        ],
    }
}

impl Job {
    /// manyhands, by the executor of this name.
    pub(in crate::suites) fn ours(&self, name: &'static str, model: &str) -> Contender<'static> {
        let (job, model) = (self.clone(), model.to_owned());
        Contender::new(name, move || job.run(part("fetch-ours", &job.words(Some(&model))?)?))
    }

    /// reqwest, in the way of this name.
    pub(in crate::suites) fn reqwest(&self, name: &'static str) -> Contender<'static> {
        let job = self.clone();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let how = match name {
            reqwest::ONE_THREAD => "0".to_owned(),
            reqwest::THREADS => THREADS.to_owned(),
            _ => cores.to_string(),
        };
        Contender::new(name, move || job.run(part("fetch-reqwest", &job.words(Some(&how))?)?))
    }

    fn python(
        &self,
        name: &'static str,
        script: &'static str,
        modules: &'static [&'static str],
    ) -> Contender<'static> {
        if let Err(why) = python(script, modules, &[]) {
            return Contender::missing(name, why);
        }
        let job = self.clone();
        Contender::new(name, move || {
            let command = python(script, modules, &job.words(None)?).map_err(anyhow::Error::msg)?;
            job.run(command)
        })
    }

    fn words(&self, how: Option<&str>) -> anyhow::Result<Vec<String>> {
        let numbers = [self.pages.to_string(), self.in_flight.to_string()];
        let how = how.map(str::to_owned);
        Ok([self.site.address()?].into_iter().chain(numbers).chain(how).collect())
    }

    fn run(&self, client: Command) -> anyhow::Result<Vec<f64>> {
        let answer = answer(client)?;
        let cpu_s = number(&answer, "cpu_s")?;
        let peak_mib = number(&answer, "peak_bytes")? / f64::from(1 << 20);
        Ok(vec![number(&answer, "wall_s")?, cpu_s, peak_mib, cpu_s / self.pages as f64 * 1e6])
    }
}
