//! What became of the tasks under one model, and whether that is what the model promises.

use std::os::unix::process::ExitStatusExt;

use manyhands::Model;
use rustix::process::Signal;

use super::{CrashOrder, Told};
use crate::compare::launch::Ended;

/// What was seen under one model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Verdict {
    /// The executor's name.
    pub model: String,
    /// Tasks whose results arrived.
    pub results: u32,
    /// Tasks that failed, and said so.
    pub failed: u32,
    /// Tasks of which nothing was heard any more.
    pub lost: u32,
    /// Whether the executor took another task afterwards and gave its result.
    pub usable_after: bool,
    /// What became of the task that aborts: its error, or how the program ended.
    pub what_happened: String,
    /// What is not as the model promises.
    pub broken_promise: Option<String>,
}

impl Verdict {
    /// Adds up what a child told until it ended.
    pub(super) fn of(model: Model, order: &CrashOrder, ended: &Ended) -> Verdict {
        let told = lines(&ended.stdout);
        let square = |task: u32| u64::from(task).pow(2);
        let mut verdict = Verdict {
            model: model.to_string(),
            results: 0,
            failed: 0,
            lost: 0,
            usable_after: false,
            what_happened: String::new(),
            broken_promise: None,
        };
        let mut oddities = Vec::new();
        for line in &told {
            match line {
                Told::Result { task, value } if *value == square(*task) => verdict.results += 1,
                Told::Result { task, value } => {
                    verdict.failed += 1;
                    oddities.push(format!("task {task} has the wrong result {value}"));
                }
                Told::Error { task, worker_died, message } => {
                    verdict.failed += 1;
                    verdict.what_happened = format!("task {task} failed: {message}");
                    if *task != order.crashing || !worker_died {
                        oddities.push(verdict.what_happened.clone());
                    }
                }
                Told::Afterwards { result } => {
                    verdict.usable_after = *result == Ok(square(order.tasks + 1));
                    if let Err(error) = result {
                        oddities.push(format!("a task submitted afterwards failed: {error}"));
                    }
                }
            }
        }
        verdict.lost = order.tasks.saturating_sub(verdict.results + verdict.failed);
        if !ended.status.success() {
            verdict.what_happened = format!("the program was lost: {}", ended.in_words());
        }
        oddities.extend(verdict.against_the_promise(model, ended));
        verdict.broken_promise = (!oddities.is_empty()).then(|| oddities.join("; "));
        verdict
    }

    /// The verdict on a child that could not be run.
    pub(super) fn broken(model: Model, words: String) -> Verdict {
        Verdict {
            model: model.to_string(),
            results: 0,
            failed: 0,
            lost: 0,
            usable_after: false,
            what_happened: words.clone(),
            broken_promise: Some(words),
        }
    }

    /// Whether the model did what it promises.
    pub(super) fn is_as_promised(&self) -> bool {
        self.broken_promise.is_none()
    }

    /// Workers that share the program's memory end it; worker processes lose one task.
    fn against_the_promise(&self, model: Model, ended: &Ended) -> Option<String> {
        if model.is_in_process() {
            let aborted = ended.status.signal() == Some(Signal::ABORT.as_raw());
            return (!aborted)
                .then(|| format!("the program should have aborted: {}", ended.in_words()));
        }
        if !ended.status.success() {
            return Some(format!("the program should have gone on: {}", ended.in_words()));
        }
        let as_promised = self.failed == 1 && self.lost == 0 && self.usable_after;
        (!as_promised).then(|| "not exactly one task failed, or the pool was left unusable".into())
    }
}

/// What was told, line by line. The last line of a program that died may be broken off.
fn lines(stdout: &[u8]) -> Vec<Told> {
    stdout
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice(line).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use std::process::ExitStatus;

    use super::*;

    const ORDER: fn() -> CrashOrder = || CrashOrder { model: String::new(), tasks: 3, crashing: 2 };

    fn ended(status: i32, told: &[Told]) -> Ended {
        let lines = told.iter().map(|told| serde_json::to_string(told).expect("plain data") + "\n");
        let stdout = lines.collect::<String>() + "{\"resu";
        Ended::of(ExitStatus::from_raw(status), stdout.into_bytes())
    }

    fn result(task: u32) -> Told {
        Told::Result { task, value: u64::from(task).pow(2) }
    }

    fn died(task: u32) -> Told {
        Told::Error { task, worker_died: true, message: "signal 6".to_owned() }
    }

    fn model(name: &str) -> Model {
        name.parse().expect("a name of a model")
    }

    #[test]
    fn processes_lose_one_task_and_go_on() {
        let afterwards = Told::Afterwards { result: Ok(16) };
        let all = [result(1), died(2), result(3), afterwards.clone()];
        let verdict = Verdict::of(model("processes:2"), &ORDER(), &ended(0, &all));
        assert_eq!((verdict.results, verdict.failed, verdict.lost), (2, 1, 0));
        assert!(verdict.usable_after && verdict.is_as_promised(), "{verdict:?}");
        assert_eq!(verdict.what_happened, "task 2 failed: signal 6");

        for (status, told) in [
            (0, vec![result(1), died(2), result(3)]),
            (0, vec![result(1), died(3), result(2), afterwards.clone()]),
            (0, vec![died(2), result(3), afterwards.clone()]),
            (0, vec![result(1), result(2), result(3), afterwards.clone()]),
            (6, vec![result(1)]),
        ] {
            let verdict = Verdict::of(model("processes:2"), &ORDER(), &ended(status, &told));
            assert!(!verdict.is_as_promised(), "{told:?}");
        }
        let wrong = Told::Result { task: 1, value: 7 };
        let told = [wrong, died(2), result(3), afterwards];
        assert!(!Verdict::of(model("processes:2"), &ORDER(), &ended(0, &told)).is_as_promised());
    }

    #[test]
    fn models_in_the_program_lose_the_program() {
        let verdict = Verdict::of(model("threads:2"), &ORDER(), &ended(6, &[result(1)]));
        assert_eq!((verdict.results, verdict.failed, verdict.lost), (1, 0, 2));
        assert!(!verdict.usable_after && verdict.is_as_promised(), "{verdict:?}");
        assert!(verdict.what_happened.contains("SIGABRT"), "{verdict:?}");

        let survived = Verdict::of(model("threads:2"), &ORDER(), &ended(0, &[result(1)]));
        assert!(!survived.is_as_promised());
        let killed = Verdict::of(model("threads:2"), &ORDER(), &ended(9, &[result(1)]));
        assert!(!killed.is_as_promised());
    }
}
