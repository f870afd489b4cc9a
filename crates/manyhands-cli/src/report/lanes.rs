//! Who worked when: the samples of a run laid out in lanes.

use crate::compare::Sample;

/// One lane: a worker, or a slot where tasks have no worker of their own, with the numbers of its
/// tasks in the order of their beginnings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lane {
    /// `worker 3` or `slot 3`; an only worker keeps its own name.
    pub label: String,
    /// The worker's own name.
    pub worker: Option<String>,
    /// Positions in the run's samples.
    pub tasks: Vec<usize>,
}

/// Lays samples out: each worker has a lane, and samples without a worker are put into the first
/// slot that is free when they begin, so there are as many slots as tasks ran at once.
pub(crate) fn lanes(samples: &[Sample]) -> Vec<Lane> {
    let mut order: Vec<usize> = (0..samples.len()).collect();
    order.sort_by(|&a, &b| samples[a].start_s.total_cmp(&samples[b].start_s));
    let mut workers: Vec<Lane> = Vec::new();
    let mut slots: Vec<Lane> = Vec::new();
    for task in order {
        let sample = &samples[task];
        let (kind, lanes) = match sample.worker {
            Some(_) => ("worker", &mut workers),
            None => ("slot", &mut slots),
        };
        let label = format!("{kind} {}", lanes.len() + 1);
        let fitting = lanes.iter_mut().find(|lane| match &sample.worker {
            Some(name) => lane.worker.as_ref() == Some(name),
            None => lane.tasks.last().is_none_or(|&last| samples[last].end_s <= sample.start_s),
        });
        match fitting {
            Some(lane) => lane.tasks.push(task),
            None => lanes.push(Lane { label, worker: sample.worker.clone(), tasks: vec![task] }),
        }
    }
    if let [only] = workers.as_mut_slice() {
        only.label = only.worker.clone().unwrap_or_default();
    }
    workers.extend(slots);
    workers
}

/// The mean number of samples under way in each of `buckets` equal parts of the time up to `end_s`.
pub(crate) fn under_way(samples: &[Sample], end_s: f64, buckets: usize) -> Vec<f64> {
    let width_s = end_s / buckets as f64;
    let mut load = vec![0.0; buckets];
    for sample in samples {
        let first = (sample.start_s / width_s) as usize;
        let last = ((sample.end_s / width_s) as usize).min(buckets.saturating_sub(1));
        for (bucket, load) in load.iter_mut().enumerate().take(last + 1).skip(first) {
            let from_s = sample.start_s.max(bucket as f64 * width_s);
            let until_s = sample.end_s.min((bucket + 1) as f64 * width_s);
            *load += (until_s - from_s).max(0.0) / width_s;
        }
    }
    load
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::Outcome;

    fn sample(worker: Option<&str>, start_s: f64, end_s: f64) -> Sample {
        let outcome = Outcome::Failed(String::new());
        Sample { worker: worker.map(str::to_owned), start_s, end_s, outcome }
    }

    #[test]
    fn workers_keep_their_tasks_in_the_order_of_beginning() {
        let samples =
            [sample(Some("b"), 1.0, 2.0), sample(Some("a"), 0.0, 1.0), sample(Some("b"), 0.5, 0.9)];
        let lanes = lanes(&samples);
        assert_eq!(
            lanes[0],
            Lane { label: "worker 1".to_owned(), worker: Some("a".to_owned()), tasks: vec![1] }
        );
        assert_eq!(lanes[1].tasks, [2, 0]);
    }

    #[test]
    fn an_only_worker_keeps_its_name() {
        assert_eq!(lanes(&[sample(Some("main"), 0.0, 1.0)])[0].label, "main");
        assert_eq!(lanes(&[sample(None, 0.0, 1.0)])[0].label, "slot 1");
    }

    #[test]
    fn slots_are_as_many_as_run_at_once() {
        let samples = [sample(None, 0.0, 2.0), sample(None, 0.5, 1.0), sample(None, 1.0, 3.0)];
        let lanes = lanes(&samples);
        assert_eq!(lanes.len(), 2);
        assert_eq!(lanes[0].tasks, [0]);
        assert_eq!(lanes[1].tasks, [1, 2]);
    }

    #[test]
    fn load_is_spread_over_the_time() {
        let samples = [sample(None, 0.0, 2.0), sample(None, 1.0, 2.0), sample(None, 3.5, 4.0)];
        assert_eq!(under_way(&samples, 4.0, 4), [1.0, 2.0, 0.0, 0.5]);
    }
}
