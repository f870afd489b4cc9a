//! One progress bar on standard error, drawn only where that is a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How often the bar is redrawn at most: ten times a second.
const REDRAWS_PER_SECOND: u8 = 10;

/// A bar over a known number of steps with a line of text on what is going on.
///
/// Where standard error is not a terminal nothing is drawn. Dropping the bar takes it off the screen.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// A bar of `steps` steps, counted in `unit` ("runs", "URLs").
    pub(crate) fn new(steps: u64, unit: &str) -> Progress {
        let target = ProgressDrawTarget::stderr_with_hz(REDRAWS_PER_SECOND);
        let bar = ProgressBar::with_draw_target(Some(steps), target);
        let template = format!("{{bar:24}} {{pos}}/{{len}} {unit}, {{elapsed}}  {{wide_msg}}");
        if let Ok(style) = ProgressStyle::with_template(&template) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_secs(1) / u32::from(REDRAWS_PER_SECOND));
        Progress { bar }
    }

    /// Says what is going on now.
    pub(crate) fn message(&self, text: impl Into<String>) {
        self.bar.set_message(text.into());
    }

    /// Counts `steps` steps as done.
    pub(crate) fn advance(&self, steps: u64) {
        self.bar.inc(steps);
    }

    /// Runs `f`, which may print, with the bar taken off the screen.
    pub(crate) fn aside<R>(&self, f: impl FnOnce() -> R) -> R {
        self.bar.suspend(f)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
