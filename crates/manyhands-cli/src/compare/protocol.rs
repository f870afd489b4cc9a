//! What `compare` and the process that runs one model say to each other: one JSON object each way.

use serde::{Deserialize, Serialize};

/// What the child is to do, read from its standard input as one line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Order {
    /// The executor's name, such as `threads:5`.
    pub model: String,
    /// The tasks, in the order in which they are handed to the executor.
    pub tasks: Vec<Work>,
    /// How many tasks are under way at most on an executor that has no limit of its own.
    pub at_once: Option<usize>,
    /// How to fetch.
    pub client: Client,
}

/// How a run fetches.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Client {
    /// How long one request may take, in seconds.
    pub timeout_s: f64,
    /// Whether to go to the server itself even if the environment names a proxy.
    pub direct: bool,
}

/// What one task does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Work {
    /// Fetch a URL.
    Fetch {
        /// The absolute URL.
        url: String,
    },
    /// Count the primes in a range by trial division.
    CountPrimes {
        /// The first number looked at.
        from: u64,
        /// The first number no longer looked at.
        until: u64,
    },
    /// Fetch a URL, then compute on what came.
    FetchAndMix {
        /// The absolute URL.
        url: String,
        /// How many rounds of mixing follow.
        rounds: u64,
    },
}

/// What one run of a workload under one model came to: the child's answer on standard output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Run {
    /// From before the executor is built until the last result is there and the executor is shut
    /// down, in seconds.
    pub wall_s: f64,
    /// User and system time of the child and its worker processes during that, in seconds.
    pub cpu_s: f64,
    /// How long its threads and theirs were ready to run and had no core, in seconds, all added up.
    pub core_wait_s: f64,
    /// The most memory that the child ever had resident, and each of its worker processes, all added
    /// up, in bytes.
    pub peak_rss_bytes: u64,
    /// One for each task, in the order of the tasks.
    pub samples: Vec<Sample>,
}

/// What became of one task, and when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sample {
    /// The thread, process or other place that ran the task, if it was one place all the time.
    pub worker: Option<String>,
    /// When the task's function began, in seconds since the run began.
    pub start_s: f64,
    /// When it ended, in seconds since the run began.
    pub end_s: f64,
    /// How it ended.
    pub outcome: Outcome,
}

/// How a task ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// It produced something.
    Done(Output),
    /// It failed, for this reason.
    Failed(String),
}

/// What a task produced, told briefly enough to be compared across processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Output {
    /// How many bytes.
    pub bytes: u64,
    /// CRC-32 of the bytes.
    pub checksum: u32,
}

impl Sample {
    /// How long the task took, in seconds.
    pub(crate) fn duration_s(&self) -> f64 {
        self.end_s - self.start_s
    }

    /// Whether the task failed.
    pub(crate) fn is_failed(&self) -> bool {
        matches!(self.outcome, Outcome::Failed(_))
    }
}

impl Work {
    /// What the task works on, for a reader.
    pub(crate) fn label(&self) -> String {
        match self {
            Work::Fetch { url } | Work::FetchAndMix { url, .. } => url.clone(),
            Work::CountPrimes { from, until } => format!("primes from {from} to {until}"),
        }
    }
}
