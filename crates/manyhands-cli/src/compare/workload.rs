//! The workloads: what is run, in how many tasks, and under which models unless told otherwise.

use clap::ValueEnum;
use url::Url;

use super::measure::cores;
use super::protocol::Work;
use crate::site::{self, SiteProcess};
use crate::units::count;

/// The tasks of the cpu workload.
const CPU_TASKS: u64 = 16;

/// Where the cpu workload begins to look for primes; far enough for all tasks to cost the same.
const FIRST_NUMBER: u64 = 4_000_000;

/// How many numbers a task of the cpu workload looks at, for some 40 ms.
const NUMBERS_PER_TASK: f64 = 200_000.0;

/// How often a task of the mixed workload mixes, for some 30 ms.
const ROUNDS_PER_TASK: f64 = 18_000_000.0;

/// The most requests that are made at once to servers that are not ours, unless told otherwise.
pub(crate) const POLITE: usize = 16;

/// The most worker processes for tasks that wait, unless told otherwise: each has a memory of its own
/// and takes a millisecond to start.
const FEW: usize = 6;

/// A workload that needs no URLs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Fetch twelve front pages that wait and are large
    Pages,
    /// Fetch twenty-four small JSON pages of 48 ms each
    Json,
    /// Count primes by trial division
    Cpu,
    /// Fetch a small page, then compute on it
    Mixed,
}

/// Tasks to run under every model.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Workload {
    /// One word.
    pub name: String,
    /// What it is, in half a sentence.
    pub title: String,
    /// The tasks, in the order in which they are handed out.
    pub tasks: Vec<Work>,
    /// Whether it fetches from this machine only.
    pub is_local: bool,
    /// The models to run it under unless told otherwise.
    pub default_models: Vec<String>,
}

impl Kind {
    /// Whether it fetches from the site.
    pub(crate) fn needs_site(self) -> bool {
        self != Kind::Cpu
    }

    /// The word by which it is asked for.
    fn name(self) -> &'static str {
        match self {
            Kind::Pages => "pages",
            Kind::Json => "json",
            Kind::Cpu => "cpu",
            Kind::Mixed => "mixed",
        }
    }

    /// Makes the workload. `urls` are fetched instead of the site's pages if there are any; `effort`
    /// scales what is computed.
    ///
    /// # Errors
    /// When pages are to be fetched and there is neither a site nor a URL.
    pub(crate) fn workload(
        self,
        urls: &[Url],
        site: Option<&SiteProcess>,
        effort: f64,
    ) -> anyhow::Result<Workload> {
        let (tasks, title) = match self {
            Kind::Cpu => (cpu_tasks(effort), format!("{CPU_TASKS} tasks that count primes")),
            Kind::Pages => {
                let urls = urls_of(&site::front_paths(), site)?;
                (fetch_tasks(&urls), "12 front pages from a site on this machine".to_owned())
            }
            Kind::Json => {
                let urls = urls_of(&site::json_paths(), site)?;
                (fetch_tasks(&urls), "24 small JSON pages from a site on this machine".to_owned())
            }
            Kind::Mixed if urls.is_empty() => {
                let urls = urls_of(&site::json_paths(), site)?;
                let title = "24 small JSON pages, each computed on after it came";
                (mixed_tasks(&urls, effort), title.to_owned())
            }
            Kind::Mixed => {
                let title = format!("{}, each computed on after it came", count(urls.len(), "URL"));
                (mixed_tasks(urls, effort), title)
            }
        };
        let default_models = self.default_models(tasks.len());
        let is_local = urls.is_empty();
        Ok(Workload { name: self.name().to_owned(), title, tasks, is_local, default_models })
    }

    /// As many at once as the work was first done with, where it was; where it computes, as many
    /// threads and processes as there are cores.
    fn default_models(self, tasks: usize) -> Vec<String> {
        let (threads, processes) = match self {
            Kind::Pages => (5, 5),
            Kind::Json => (tasks, tasks.min(FEW)),
            Kind::Cpu => (cores(), cores()),
            Kind::Mixed => (tasks.min(POLITE), tasks.min(FEW)),
        };
        [
            "sequential".to_owned(),
            format!("threads:{threads}"),
            "coroutines".to_owned(),
            "async".to_owned(),
            format!("processes:{processes}"),
        ]
        .into()
    }
}

/// The workload of fetching these URLs. Threads and async may have equally many requests under way.
pub(crate) fn of_urls(urls: &[Url]) -> Workload {
    let at_once = urls.len().min(POLITE);
    Workload {
        name: "urls".to_owned(),
        title: count(urls.len(), "URL"),
        tasks: fetch_tasks(urls),
        is_local: false,
        default_models: [
            "sequential".to_owned(),
            format!("threads:{at_once}"),
            "coroutines".to_owned(),
            format!("async:{at_once}"),
            format!("processes:{}", at_once.min(FEW)),
        ]
        .into(),
    }
}

fn urls_of(paths: &[String], site: Option<&SiteProcess>) -> anyhow::Result<Vec<Url>> {
    let site = site.ok_or_else(|| anyhow::anyhow!("the site has not been started"))?;
    paths.iter().map(|path| site.url(path)).collect()
}

fn fetch_tasks(urls: &[Url]) -> Vec<Work> {
    urls.iter().map(|url| Work::Fetch { url: url.to_string() }).collect()
}

fn mixed_tasks(urls: &[Url], effort: f64) -> Vec<Work> {
    let rounds = (ROUNDS_PER_TASK * effort) as u64;
    urls.iter().map(|url| Work::FetchAndMix { url: url.to_string(), rounds }).collect()
}

fn cpu_tasks(effort: f64) -> Vec<Work> {
    let numbers = (NUMBERS_PER_TASK * effort) as u64;
    (0..CPU_TASKS)
        .map(|task| {
            let from = FIRST_NUMBER + task * numbers;
            Work::CountPrimes { from, until: from + numbers }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_tasks_follow_one_another_without_a_gap() {
        let tasks = cpu_tasks(0.5);
        assert_eq!(tasks.len(), 16);
        assert_eq!(tasks[0], Work::CountPrimes { from: 4_000_000, until: 4_100_000 });
        assert_eq!(tasks[15], Work::CountPrimes { from: 5_500_000, until: 5_600_000 });
    }

    #[test]
    fn models_suit_the_workload() {
        assert_eq!(
            Kind::Pages.default_models(12),
            ["sequential", "threads:5", "coroutines", "async", "processes:5"]
        );
        assert_eq!(
            Kind::Json.default_models(24),
            ["sequential", "threads:24", "coroutines", "async", "processes:6"]
        );
        assert_eq!(Kind::Mixed.default_models(3)[1], "threads:3");
        assert_eq!(Kind::Mixed.default_models(3)[4], "processes:3");
        let urls: Vec<Url> = (0..40).filter_map(|n| format!("http://h/{n}").parse().ok()).collect();
        assert_eq!(
            of_urls(&urls).default_models,
            ["sequential", "threads:16", "coroutines", "async:16", "processes:6"]
        );
        assert_eq!(of_urls(&urls[..2]).default_models[3], "async:2");
    }
}
