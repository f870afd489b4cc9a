//! The progress of a list of unknown length on standard error, where that is a terminal.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::record::size;
use super::summary::{Summary, rate};

/// How often it is redrawn at most: ten times a second.
const REDRAWS_PER_SECOND: u8 = 10;

/// A bar, or where the length is not known a count, with what came and what failed.
///
/// Where standard error is not a terminal nothing is drawn. Dropping it takes it off the screen.
#[derive(Debug)]
pub(crate) struct Status {
    bar: ProgressBar,
    started: Instant,
}

impl Status {
    /// A bar for so many URLs, if that is known; or one that is never drawn.
    pub(crate) fn new(length: Option<u64>, is_drawn: bool) -> Status {
        let target = match is_drawn {
            true => ProgressDrawTarget::stderr_with_hz(REDRAWS_PER_SECOND),
            false => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(length, target);
        let template = match length {
            Some(_) => "{bar:24} {pos}/{len} URLs, {elapsed}, {eta} left  {wide_msg}",
            None => "{spinner} {pos} URLs, {elapsed}  {wide_msg}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        if !bar.is_hidden() {
            bar.enable_steady_tick(Duration::from_secs(1) / u32::from(REDRAWS_PER_SECOND));
        }
        Status { bar, started: Instant::now() }
    }

    /// Shows what was counted.
    pub(crate) fn show(&self, summary: &Summary, under_way: usize) {
        if self.bar.is_hidden() {
            return;
        }
        let done = summary.fetched() + summary.failed();
        self.bar.set_position(done);
        self.bar.set_message(format!(
            "{} failed, {}, {:.0} a second, {under_way} under way",
            summary.failed(),
            size(summary.bytes()),
            rate(done, self.started.elapsed()),
        ));
    }

    /// Takes it off the screen for good.
    pub(crate) fn end(&self) {
        self.bar.finish_and_clear();
    }

    /// Runs `f`, which may print, with the bar taken off the screen.
    pub(crate) fn aside<R>(&self, f: impl FnOnce() -> R) -> R {
        self.bar.suspend(f)
    }
}

impl Drop for Status {
    fn drop(&mut self) {
        self.end();
    }
}
