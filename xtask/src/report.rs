//! A list of named steps that are all run, timed and summed up at the end.

use std::time::{Duration, Instant};

use anyhow::Result;

/// Whether a whole command passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Passed,
    Failed,
}

impl Verdict {
    /// `Passed` if `passed` holds.
    pub(crate) fn of(passed: bool) -> Verdict {
        if passed { Verdict::Passed } else { Verdict::Failed }
    }
}

/// How one step ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Passed,
    /// Failed, and in a few words why.
    Failed(String),
    /// Not run, and why that is no failure.
    Skipped(String),
}

/// The end of one step: how it ended and the lines of its output that the summary repeats.
pub(crate) struct Ending {
    pub(crate) outcome: Outcome,
    pub(crate) closing_lines: Vec<String>,
}

impl From<Outcome> for Ending {
    fn from(outcome: Outcome) -> Ending {
        Ending { outcome, closing_lines: Vec::new() }
    }
}

impl From<Verdict> for Ending {
    fn from(verdict: Verdict) -> Ending {
        match verdict {
            Verdict::Passed => Outcome::Passed.into(),
            Verdict::Failed => Outcome::Failed("see above".to_owned()).into(),
        }
    }
}

/// Runs steps one after the other, whatever becomes of each, and sums them up.
pub(crate) struct Report {
    title: &'static str,
    started: Instant,
    steps: Vec<Step>,
}

struct Step {
    name: String,
    took: Duration,
    ending: Ending,
}

impl Report {
    /// An empty report on the command named `title`.
    pub(crate) fn new(title: &'static str) -> Report {
        Report { title, started: Instant::now(), steps: Vec::new() }
    }

    /// Runs one step under a heading; an `Err` counts as a failed step.
    pub(crate) fn step(&mut self, name: &str, run: impl FnOnce() -> Result<Ending>) {
        println!("\n== {name}");
        let started = Instant::now();
        let ending = run().unwrap_or_else(|trouble| Outcome::Failed(format!("{trouble:#}")).into());
        let took = started.elapsed();
        println!("-- {name}: {} in {}", describe(&ending.outcome), seconds(took));
        self.steps.push(Step { name: name.to_owned(), took, ending });
    }

    /// Prints the closing lines of the steps and one line per step, and tells whether all passed.
    pub(crate) fn finish(self) -> Verdict {
        print!("{}", self.summary());
        Verdict::of(self.failures() == 0)
    }

    fn summary(&self) -> String {
        let mut text = String::new();
        if self.steps.iter().any(|step| !step.ending.closing_lines.is_empty()) {
            text.push_str(&format!("\n== closing lines of cargo xtask {}\n", self.title));
            for step in self.steps.iter().filter(|step| !step.ending.closing_lines.is_empty()) {
                text.push_str(&format!("{}:\n", step.name));
                for line in &step.ending.closing_lines {
                    text.push_str(&format!("  {}\n", line.trim()));
                }
            }
        }
        text.push_str(&format!("\n== summary of cargo xtask {}\n", self.title));
        for step in &self.steps {
            text.push_str(&format!(
                "{:>8}  {}: {}\n",
                seconds(step.took),
                step.name,
                describe(&step.ending.outcome)
            ));
        }
        text.push_str(&format!(
            "{:>8}  cargo xtask {}: {} of {} steps failed\n",
            seconds(self.started.elapsed()),
            self.title,
            self.failures(),
            self.steps.len()
        ));
        text
    }

    fn failures(&self) -> usize {
        let failed = |step: &&Step| matches!(step.ending.outcome, Outcome::Failed(_));
        self.steps.iter().filter(failed).count()
    }
}

fn describe(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Passed => "passed".to_owned(),
        Outcome::Failed(why) => format!("FAILED ({why})"),
        Outcome::Skipped(why) => format!("skipped ({why})"),
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_runs_and_one_failure_fails_the_whole() {
        let mut report = Report::new("test");
        let mut ran = Vec::new();
        report.step("first", || {
            ran.push(1);
            Err(anyhow::anyhow!("no such tool"))
        });
        report.step("second", || {
            ran.push(2);
            Ok(Ending { outcome: Outcome::Passed, closing_lines: vec!["3 passed".to_owned()] })
        });
        report.step("third", || Ok(Outcome::Skipped("nothing there".to_owned()).into()));
        assert_eq!(ran, [1, 2]);
        let summary = report.summary();
        for part in ["FAILED (no such tool)", "3 passed", "skipped (nothing there)", "1 of 3 steps"]
        {
            assert!(summary.contains(part), "{part:?} is not in:\n{summary}");
        }
        assert_eq!(report.finish(), Verdict::Failed);
    }

    #[test]
    fn a_skipped_step_is_no_failure() {
        let mut report = Report::new("test");
        report.step("only", || Ok(Outcome::Skipped("nothing there".to_owned()).into()));
        assert_eq!(report.finish(), Verdict::Passed);
    }
}
