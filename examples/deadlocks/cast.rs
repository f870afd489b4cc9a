//! Those who play in the exhibits: how they meet, and how what they say is printed.

use std::fmt::Display;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use manyhands::sync::Barrier;
use manyhands::{Outcome, QuietWatch, Report, ReportListener, on_report, report_when_quiet};

/// A place where a number of contexts meet, each of whatever kind, so that all hold what they hold
/// before anyone asks for more.
pub(crate) struct Meeting(Barrier);

impl Meeting {
    pub(crate) fn of(number: usize) -> Meeting {
        Meeting(Barrier::new(number))
    }

    /// Waits until all have come.
    pub(crate) fn come(&self) {
        self.0.wait().expect("nobody breaks a meeting off");
    }

    /// Likewise, for async code.
    pub(crate) async fn come_async(&self) {
        self.0.wait_async().await.expect("nobody breaks a meeting off");
    }
}

/// Prints what somebody says, indented.
pub(crate) fn say(who: &str, what: impl Display) {
    let text = what.to_string();
    let mut lines = text.lines();
    println!("    {who}: {}", lines.next().unwrap_or_default());
    for line in lines {
        println!("      {line}");
    }
}

/// Prints how a thread or a task ended, and says whether that was in a deadlock.
pub(crate) fn say_outcome<T: Display>(who: &str, outcome: &Outcome<T>) -> bool {
    match outcome {
        Ok(value) => say(who, value),
        Err(error) => say(who, error),
    }
    outcome.as_ref().is_err_and(|error| error.deadlock().is_some())
}

/// Prints how many of them were chosen to break the cycle.
pub(crate) fn say_victims(outcomes: impl IntoIterator<Item = bool>) {
    let (victims, others) = outcomes.into_iter().partition::<Vec<_>, _>(|victim| *victim);
    println!("    in all: {} given an error, {} went on", victims.len(), others.len());
}

/// Prints what is suspected, which ends nobody's wait, and then has it cured.
pub(crate) struct Suspicions {
    _listener: ReportListener,
    _watch: QuietWatch,
}

impl Suspicions {
    /// From now on; `cure` is called with the first report of a quiet process.
    pub(crate) fn cured_by(cure: impl FnOnce() + Send + 'static) -> anyhow::Result<Suspicions> {
        let cure = Mutex::new(Some(cure));
        let listener = on_report(move |report| {
            if let Report::Quiet(_) = report
                && let Some(cure) = cure.lock().unwrap_or_else(PoisonError::into_inner).take()
            {
                say("reported", report);
                cure();
            }
        });
        let watch = report_when_quiet(Duration::from_millis(100))?;
        Ok(Suspicions { _listener: listener, _watch: watch })
    }
}
