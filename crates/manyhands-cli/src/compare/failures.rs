//! The failed tasks of a comparison, each told once however many models and runs it failed in.

use super::measure::Comparison;
use super::protocol::Outcome;

/// A task that failed for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FailedTask {
    /// What the task works on.
    pub label: String,
    /// Why it failed.
    pub reason: String,
    /// Under which models, as a list in words.
    pub models: String,
}

/// The failed tasks in the order of the tasks; a task that failed for several reasons is there
/// several times.
pub(crate) fn failed_tasks(comparison: &Comparison) -> Vec<FailedTask> {
    let mut found: Vec<(usize, &str, Vec<&str>)> = Vec::new();
    for measured in &comparison.models {
        for run in &measured.runs {
            for (task, sample) in run.samples.iter().enumerate() {
                let Outcome::Failed(reason) = &sample.outcome else { continue };
                let known =
                    found.iter().position(|(at, why, _)| *at == task && *why == reason.as_str());
                let at = known.unwrap_or_else(|| {
                    found.push((task, reason, Vec::new()));
                    found.len() - 1
                });
                if !found[at].2.contains(&measured.model.as_str()) {
                    found[at].2.push(&measured.model);
                }
            }
        }
    }
    found.sort_by_key(|(task, ..)| *task);
    found
        .into_iter()
        .map(|(task, reason, models)| FailedTask {
            label: comparison.workload.tasks[task].label(),
            reason: reason.to_owned(),
            models: if models.len() == comparison.models.len() {
                "every model".to_owned()
            } else {
                models.join(", ")
            },
        })
        .collect()
}
