//! The check that every model produced the same: a comparison of speeds means nothing otherwise.

use std::collections::BTreeMap;

use super::measure::Measured;
use super::protocol::{Outcome, Output};

/// A task whose output was not the same everywhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Difference {
    /// The task's place in the workload, from 0.
    pub task: usize,
    /// Each output with the models that produced it, in the models' order.
    pub outputs: Vec<(Output, Vec<String>)>,
}

impl Difference {
    /// Whether one model alone produced different outputs in its runs: then what is fetched
    /// changes by itself, and the models are not to blame.
    pub(crate) fn changes_by_itself(&self) -> bool {
        let mut models: Vec<&String> = self.outputs.iter().flat_map(|(_, models)| models).collect();
        models.sort();
        models.windows(2).any(|pair| pair[0] == pair[1])
    }
}

/// Finds the tasks whose outputs differ between models or runs. A failed task has no output and
/// counts as failed, not as different.
pub(crate) fn differences(models: &[Measured]) -> Vec<Difference> {
    let mut tasks: BTreeMap<usize, Vec<(Output, Vec<String>)>> = BTreeMap::new();
    for measured in models {
        for run in &measured.runs {
            for (task, sample) in run.samples.iter().enumerate() {
                if let Outcome::Done(output) = sample.outcome {
                    note(tasks.entry(task).or_default(), output, &measured.model);
                }
            }
        }
    }
    tasks
        .into_iter()
        .filter(|(_, outputs)| outputs.len() > 1)
        .map(|(task, outputs)| Difference { task, outputs })
        .collect()
}

fn note(outputs: &mut Vec<(Output, Vec<String>)>, output: Output, model: &str) {
    let at = outputs.iter().position(|(known, _)| *known == output).unwrap_or_else(|| {
        outputs.push((output, Vec::new()));
        outputs.len() - 1
    });
    let models = &mut outputs[at].1;
    if models.iter().all(|known| known != model) {
        models.push(model.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::protocol::{Run, Sample};

    fn run(checksums: &[Option<u32>]) -> Run {
        let sample = |checksum: &Option<u32>| Sample {
            worker: None,
            start_s: 0.0,
            end_s: 1.0,
            outcome: match checksum {
                Some(checksum) => Outcome::Done(Output { bytes: 8, checksum: *checksum }),
                None => Outcome::Failed("refused".to_owned()),
            },
        };
        let samples = checksums.iter().map(sample).collect();
        Run { wall_s: 1.0, cpu_s: 0.0, core_wait_s: 0.0, peak_rss_bytes: 0, samples }
    }

    fn measured(model: &str, runs: Vec<Run>) -> Measured {
        Measured { model: model.to_owned(), runs, failure: None }
    }

    #[test]
    fn equal_outputs_and_failures_are_no_difference() {
        let models = [
            measured("sequential", vec![run(&[Some(1), Some(2)])]),
            measured("async", vec![run(&[Some(1), None]), run(&[Some(1), Some(2)])]),
        ];
        assert_eq!(differences(&models), []);
    }

    #[test]
    fn a_difference_names_its_task_and_who_produced_what() {
        let models = [
            measured("sequential", vec![run(&[Some(1), Some(2)]); 2]),
            measured("threads:5", vec![run(&[Some(1), Some(3)])]),
            measured("async", vec![run(&[Some(1), Some(2)])]),
        ];
        let found = differences(&models);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].task, 1);
        assert_eq!(found[0].outputs[0].1, ["sequential", "async"]);
        assert_eq!(found[0].outputs[1].1, ["threads:5"]);
        assert!(!found[0].changes_by_itself());
    }

    #[test]
    fn a_page_that_changes_under_one_model_changes_by_itself() {
        let found = differences(&[measured("sequential", vec![run(&[Some(1)]), run(&[Some(2)])])]);
        assert!(found[0].changes_by_itself());
    }
}
