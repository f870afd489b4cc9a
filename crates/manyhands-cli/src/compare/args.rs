//! The arguments of `manyhands compare`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use manyhands::Model;
use url::Url;

use super::workload::Kind;
use crate::args::{factor, positive_seconds};
use crate::input::parse_url;

/// What `manyhands compare` is asked to do.
#[derive(Debug, Clone, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct CompareArgs {
    /// URLs to fetch; without any, the command serves a site of its own
    #[arg(value_name = "URL", value_parser = parse_url)]
    pub urls: Vec<Url>,

    /// Read URLs from a file, one per line; - reads standard input
    #[arg(short, long, value_name = "FILE")]
    pub file: Option<PathBuf>,

    /// What to run; may be given several times [default: pages and json, with --sweep pages and
    /// mixed]
    #[arg(short, long = "workload", value_name = "WORKLOAD")]
    pub workloads: Vec<Kind>,

    /// The models, by the names of their executors, separated by commas
    /// [default: sequential, threads, coroutines, async and processes, sized to the workload]
    #[arg(short, long, value_name = "LIST", value_delimiter = ',')]
    pub models: Vec<Model>,

    /// Run the threads model with 1, 2, 4, 8, … up to N workers instead
    #[arg(
        long,
        value_name = "N",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "64",
        conflicts_with = "models",
        value_parser = clap::value_parser!(u16).range(1..=1024)
    )]
    pub sweep: Option<u16>,

    /// Show instead what a crash takes with it: 100 small tasks under each model, of which number 50
    /// calls abort()
    #[arg(
        long,
        conflicts_with_all = [
            "urls", "file", "workloads", "sweep", "repeats", "warmup", "timeout", "html", "latency",
            "effort"
        ]
    )]
    pub crash: bool,

    /// How many runs of each model count
    #[arg(short, long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    pub repeats: u16,

    /// How many runs of each model are made before and thrown away
    /// [default: 1 with URLs, whose servers may have to warm up, else 0]
    #[arg(long, value_name = "N")]
    pub warmup: Option<u16>,

    /// How long one request may take
    #[arg(short, long, value_name = "SECONDS", default_value = "30", value_parser = positive_seconds)]
    pub timeout: Duration,

    /// Print one JSON object per workload, each on one line
    #[arg(long)]
    pub json: bool,

    /// Write a page with bars and timelines to a file
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,

    /// Multiply the waits of the command's own site
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, value_parser = factor)]
    pub latency: f64,

    /// Multiply the computing of the workloads cpu and mixed
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, value_parser = factor)]
    pub effort: f64,
}

const AFTER_HELP: &str = "\
Every run of a model is a fresh process with fresh connections, so its CPU time
and its memory are its own; those of worker processes are added, and what they
share counts for each. The models take turns. The figures are medians; the
speed-up is against sequential. All models have to produce the same output.

With --crash each model has a process of its own, too: where the workers share
the memory of the program, a task that aborts ends all of it; worker processes
lose that task alone.

Examples:
  manyhands compare
  manyhands compare --workload cpu --workload mixed --html report.html
  manyhands compare --models sequential,threads:8,async:8 https://example.com/
  manyhands compare --file urls.txt --repeats 5 --json
  manyhands compare --sweep
  manyhands compare --crash

Exit codes:
  0    everything went well; with --crash, as each model promises
  1    a task or a model failed, a line of the file is no URL, or outputs differ
  2    wrong usage
  130  interrupted with Ctrl-C (143: by SIGTERM); what was measured is printed";
