//! Statistics: from the runs of a model to the figures that are shown.

use super::protocol::{Outcome, Run, Sample};

/// Walls closer than this share of each other, or than [`NOISE_S`], are never called different: a
/// timer, a scheduler and a loopback socket disturb that much.
const NOISE: f64 = 0.05;

/// See [`NOISE`].
const NOISE_S: f64 = 0.003;

/// Overlapping ranges count as a tie only up to this share; one slow outlier must not make
/// everything equal.
const OVERLAP: f64 = 0.20;

/// Median and range of a measured quantity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    /// The middle value; of an even number the mean of the two in the middle.
    pub median: f64,
    /// The smallest value.
    pub min: f64,
    /// The largest value.
    pub max: f64,
}

impl Spread {
    /// The spread of at least one value.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Option<Spread> {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let (&min, &max) = (sorted.first()?, sorted.last()?);
        let middle = sorted.len() / 2;
        let median = if sorted.len() % 2 == 1 {
            sorted[middle]
        } else {
            f64::midpoint(sorted[middle - 1], sorted[middle])
        };
        Some(Spread { median, min, max })
    }

    /// Whether this is not measurably slower than `fastest`: within the noise of it, or with
    /// overlapping ranges and not far from it.
    pub(crate) fn ties_with(self, fastest: Spread) -> bool {
        let excess = self.median / fastest.median - 1.0;
        excess <= NOISE
            || self.median - fastest.median <= NOISE_S
            || (self.min <= fastest.max && excess <= OVERLAP)
    }
}

/// What is shown of one model.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Figures {
    /// The executor's name.
    pub model: String,
    /// Wall-clock seconds.
    pub wall: Spread,
    /// Median of the CPU seconds.
    pub cpu_s: f64,
    /// Median of the seconds for which threads were ready to run and had no core.
    pub core_wait_s: f64,
    /// Median of the peak memory, in bytes.
    pub peak_rss_bytes: u64,
    /// Tasks that succeeded in the run with the most failures.
    pub ok: usize,
    /// Tasks that failed in that run.
    pub failed: usize,
    /// The bytes that the tasks of that run produced.
    pub bytes: u64,
    /// How many times faster than the sequential run, if there was one.
    pub speedup: Option<f64>,
    /// The most tasks that ran at the same moment, in any run.
    pub concurrency: usize,
    /// The mean number of tasks running: their times together by the wall, median over the runs.
    pub concurrency_mean: f64,
}

impl Figures {
    /// The figures of a model's runs; none if there was no run. The speed-up is left open.
    pub(crate) fn of(model: &str, runs: &[Run]) -> Option<Figures> {
        let median = |quantity: &dyn Fn(&Run) -> f64| Spread::of(runs.iter().map(quantity));
        let worst = runs.iter().max_by_key(|run| failures(run))?;
        let failed = failures(worst);
        Some(Figures {
            model: model.to_owned(),
            wall: median(&|run| run.wall_s)?,
            cpu_s: median(&|run| run.cpu_s)?.median,
            core_wait_s: median(&|run| run.core_wait_s)?.median,
            peak_rss_bytes: median(&|run| run.peak_rss_bytes as f64)?.median as u64,
            ok: worst.samples.len() - failed,
            failed,
            bytes: worst.samples.iter().map(bytes_of).sum(),
            speedup: None,
            concurrency: runs.iter().map(|run| most_at_once(&run.samples)).max()?,
            concurrency_mean: median(&|run| busy_s(run) / run.wall_s)?.median,
        })
    }

    /// The share of the time in which it had no use for a core, from 0 to 1. Time in which it would
    /// have used one and got none counts neither way; that is the machine's doing.
    pub(crate) fn waiting_share(&self) -> f64 {
        let undisturbed_s = self.wall.median - self.core_wait_s;
        if undisturbed_s <= self.cpu_s { 0.0 } else { 1.0 - self.cpu_s / undisturbed_s }
    }

    /// The share of all cores that it kept busy, from 0 to 1.
    pub(crate) fn cpu_share(&self, cores: usize) -> f64 {
        (self.cpu_s / (self.wall.median * cores as f64)).clamp(0.0, 1.0)
    }
}

/// The most samples that overlap at one moment. One that begins when another ends does not.
pub(crate) fn most_at_once(samples: &[Sample]) -> usize {
    let mut edges: Vec<(f64, i32)> =
        samples.iter().flat_map(|sample| [(sample.start_s, 1), (sample.end_s, -1)]).collect();
    edges.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let (mut now, mut most) = (0, 0);
    for (_, step) in edges {
        now += step;
        most = most.max(now);
    }
    most.try_into().unwrap_or(0)
}

/// The run whose wall is the median, or next to it: the one that a timeline shows.
pub(crate) fn typical_run(runs: &[Run]) -> Option<&Run> {
    let median = Spread::of(runs.iter().map(|run| run.wall_s))?.median;
    runs.iter().min_by(|a, b| (a.wall_s - median).abs().total_cmp(&(b.wall_s - median).abs()))
}

fn failures(run: &Run) -> usize {
    run.samples.iter().filter(|sample| sample.is_failed()).count()
}

fn bytes_of(sample: &Sample) -> u64 {
    match &sample.outcome {
        Outcome::Done(output) => output.bytes,
        Outcome::Failed(_) => 0,
    }
}

fn busy_s(run: &Run) -> f64 {
    run.samples.iter().map(Sample::duration_s).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::protocol::Output;

    fn sample(start_s: f64, end_s: f64) -> Sample {
        let outcome = Outcome::Done(Output { bytes: 1, checksum: 2 });
        Sample { worker: None, start_s, end_s, outcome }
    }

    fn run(wall_s: f64, samples: Vec<Sample>) -> Run {
        Run { wall_s, cpu_s: wall_s / 2.0, core_wait_s: 0.0, peak_rss_bytes: 1 << 20, samples }
    }

    #[test]
    fn spread_of_odd_even_and_none() {
        let odd = Spread::of([3.0, 1.0, 2.0]);
        assert_eq!(odd, Some(Spread { median: 2.0, min: 1.0, max: 3.0 }));
        assert_eq!(Spread::of([1.0, 2.0, 4.0, 8.0]).map(|spread| spread.median), Some(3.0));
        assert_eq!(Spread::of([]), None);
    }

    #[test]
    fn ties_need_closeness_not_only_overlap() {
        let fastest = Spread { median: 1.0, min: 0.9, max: 3.0 };
        let near = Spread { median: 1.04, min: 1.035, max: 1.05 };
        let overlapping = Spread { median: 1.15, min: 1.1, max: 1.2 };
        let far = Spread { median: 2.0, min: 1.9, max: 2.1 };
        assert!(near.ties_with(Spread { max: 1.0, ..fastest }));
        let few_ms = |median| Spread { median, min: median, max: median };
        assert!(few_ms(0.020).ties_with(few_ms(0.018)) && !few_ms(0.050).ties_with(few_ms(0.045)));
        assert!(overlapping.ties_with(fastest));
        assert!(!overlapping.ties_with(Spread { max: 1.0, ..fastest }));
        assert!(!far.ties_with(fastest));
    }

    #[test]
    fn at_once_counts_overlap_but_not_touching() {
        assert_eq!(most_at_once(&[]), 0);
        assert_eq!(most_at_once(&[sample(0.0, 1.0), sample(1.0, 2.0)]), 1);
        assert_eq!(most_at_once(&[sample(0.0, 3.0), sample(1.0, 2.0), sample(1.5, 4.0)]), 3);
    }

    #[test]
    fn figures_take_medians_and_the_worst_run() {
        let mut bad = run(9.0, vec![sample(0.0, 4.5), sample(0.0, 4.5)]);
        bad.samples[1].outcome = Outcome::Failed("broken".to_owned());
        let good = |wall| run(wall, vec![sample(0.0, 1.0), sample(0.5, 1.5)]);
        let figures = Figures::of("threads:2", &[good(2.0), bad, good(1.0)]).expect("three runs");
        assert_eq!(figures.wall, Spread { median: 2.0, min: 1.0, max: 9.0 });
        assert_eq!((figures.ok, figures.failed, figures.bytes), (1, 1, 1));
        assert_eq!(figures.concurrency, 2);
        assert!((figures.concurrency_mean - 1.0).abs() < 1e-9);
        assert!((figures.waiting_share() - 0.5).abs() < 1e-9);
        let disturbed = Figures { core_wait_s: 0.5, ..figures.clone() };
        assert!((disturbed.waiting_share() - 1.0 / 3.0).abs() < 1e-9);
        assert_eq!(Figures { core_wait_s: 3.0, ..figures.clone() }.waiting_share(), 0.0);
        assert!((figures.cpu_share(2) - 0.25).abs() < 1e-9);
        assert_eq!(Figures::of("threads:2", &[]), None);
    }

    #[test]
    fn the_typical_run_is_the_one_nearest_the_median() {
        let runs = [run(5.0, Vec::new()), run(1.0, Vec::new()), run(2.0, Vec::new())];
        assert_eq!(typical_run(&runs).map(|run| run.wall_s), Some(2.0));
    }
}
