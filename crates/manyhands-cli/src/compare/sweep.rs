//! `--sweep`: the threads model with 1, 2, 4, 8, … workers, and where more of them stop to pay.

use std::fmt::Write as _;

use anstyle::Style;

use super::advice::{needs_less_memory, spends_less_cpu};
use super::figures::Figures;
use super::measure::Comparison;
use super::sentences::busy_cores;
use super::table::{BAD, BOLD, FAINT, GOOD, heading, problems, range, speedup};
use crate::grid::{Grid, wrap};
use crate::units::{count, mebibytes, plain_mebibytes, plain_seconds, seconds, times};

/// The model that one worker stands for, against which the others are measured.
pub(crate) const BASELINE: &str = "threads:1";

/// The length of the longest bar, in characters.
const BAR: f64 = 12.0;

/// The number of workers from which on more of them gain nothing, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Optimum {
    /// The number.
    pub workers: usize,
    /// The reasons, with the figures, in whole sentences.
    pub why: String,
}

impl Optimum {
    /// The name of the model with so many workers.
    pub(crate) fn model(&self) -> String {
        format!("threads:{}", self.workers)
    }
}

/// The models of a sweep: doubling from one, and `most` at the end.
pub(crate) fn ladder(most: u16) -> Vec<String> {
    let mut steps: Vec<u16> = std::iter::successors(Some(1_u16), |step| step.checked_mul(2))
        .take_while(|&step| step < most)
        .collect();
    steps.push(most);
    steps.into_iter().map(|workers| format!("threads:{workers}")).collect()
}

/// The number of workers in a model's name.
pub(crate) fn workers(model: &str) -> Option<usize> {
    model.strip_prefix("threads:")?.parse().ok()
}

/// Finds the smallest number of workers that is not measurably slower than the fastest. Workers
/// beyond the number of tasks never start, so they cannot make a difference either.
pub(crate) fn optimum(cores: usize, measured: &[Figures]) -> Option<Optimum> {
    let usable: Vec<&Figures> = measured.iter().filter(|figures| figures.ok > 0).collect();
    let fastest = *usable.iter().min_by(|a, b| a.wall.median.total_cmp(&b.wall.median))?;
    let best = usable.iter().position(|figures| {
        figures.wall.ties_with(fastest.wall) || (has_enough(figures) && has_enough(fastest))
    })?;
    let (chosen, beyond) = (usable[best], &usable[best + 1..]);
    let number = workers(&chosen.model)?;
    let mut why = format!(
        "{} {} {}",
        count(number, "worker"),
        if number == 1 { "takes" } else { "take" },
        seconds(chosen.wall.median),
    );
    if let Some(speedup) = chosen.speedup.filter(|_| number > 1) {
        let _ = write!(why, ", {} as fast as one", times(speedup));
    }
    let _ = write!(why, ", with {} at once.", count(chosen.concurrency, "task"));
    match beyond.last() {
        _ if has_enough(chosen) => why.push_str(" More cannot help: there are no more tasks."),
        Some(last) => why.push_str(&beyond_the_best(chosen, last)),
        None if usable.len() > 1 => {
            why.push_str(" Every step still gained, so the optimum may lie higher.");
        }
        None => {}
    }
    if let Some(words) = busy_cores(&usable, cores) {
        let _ = write!(why, " {words}");
    }
    Some(Optimum { workers: number, why })
}

/// The whole text of one sweep, with escape sequences.
pub(crate) fn render(comparison: &Comparison) -> String {
    let mut text = heading(comparison);
    if comparison.models.is_empty() {
        text.push_str("Interrupted before any model had run.\n");
        return text;
    }
    let optimum = optimum(comparison.cores, &comparison.figures);
    let best = optimum.as_ref().map(Optimum::model);
    text.push_str(&curve(comparison, best.as_deref()));
    text.push_str(&problems(comparison));
    if let Some(Optimum { workers, why }) = optimum {
        let _ = write!(
            text,
            "\n{BOLD}Optimum: {}{BOLD:#}\n{}",
            count(workers, "worker"),
            wrap("  ", &why)
        );
    }
    text
}

/// Whether there is a worker for every task.
fn has_enough(figures: &Figures) -> bool {
    workers(&figures.model).is_some_and(|workers| workers >= figures.ok + figures.failed)
}

fn beyond_the_best(chosen: &Figures, last: &Figures) -> String {
    let number = workers(&last.model).unwrap_or_default();
    let ratio = last.wall.median / chosen.wall.median;
    let mut text = if last.wall.ties_with(chosen.wall) || ratio < 1.0 {
        format!(" More gain nothing: {number} take {}", seconds(last.wall.median))
    } else {
        format!(
            " More make it slower: {number} take {}, {} as long",
            seconds(last.wall.median),
            times(ratio)
        )
    };
    let mut costs = Vec::new();
    if spends_less_cpu(chosen, last) {
        costs.push(format!("{} of CPU instead of {}", seconds(last.cpu_s), seconds(chosen.cpu_s)));
    }
    if needs_less_memory(chosen, last) {
        let (more, less) = (mebibytes(last.peak_rss_bytes), mebibytes(chosen.peak_rss_bytes));
        costs.push(format!("{more} instead of {less}"));
    }
    if !costs.is_empty() {
        let _ = write!(text, ", with {}", costs.join(" and "));
    }
    text.push('.');
    text
}

fn curve(comparison: &Comparison, best: Option<&str>) -> String {
    let ranged = comparison.rounds() > 1;
    let mut header = vec!["  workers", "wall s"];
    header.extend(ranged.then_some("min–max"));
    header.extend(["CPU s", "MiB", "failed", "speed-up", "at once", "wall"]);
    let mut grid = Grid::new(header);
    let longest = comparison.figures.iter().map(|figures| figures.wall.median).fold(0.0, f64::max);
    for measured in &comparison.models {
        let label =
            workers(&measured.model).map_or_else(|| measured.model.clone(), |n| n.to_string());
        let figures = comparison.figures.iter().find(|figures| figures.model == measured.model);
        let Some(figures) = figures else {
            grid.row(BAD, [format!("  {label}"), "broke".to_owned()]);
            continue;
        };
        let is_best = best == Some(figures.model.as_str());
        let mark = if is_best { "*" } else { " " };
        let mut cells = vec![format!("{mark} {label:>7}"), plain_seconds(figures.wall.median)];
        cells.extend(ranged.then(|| range(figures.wall)));
        cells.extend([
            plain_seconds(figures.cpu_s),
            plain_mebibytes(figures.peak_rss_bytes),
            figures.failed.to_string(),
            speedup(figures),
            figures.concurrency.to_string(),
            bar(figures.wall.median / longest),
        ]);
        let style = match figures.failed {
            0 if is_best => GOOD,
            0 => Style::new(),
            _ => BAD,
        };
        grid.row(style, cells);
    }
    let note = if best.is_some() { "* the fewest workers that are as fast as any" } else { "" };
    format!("{}{FAINT}{note}{FAINT:#}\n", grid.render())
}

/// A bar of full and broken blocks, filled up with blanks to the longest.
fn bar(share: f64) -> String {
    const EIGHTHS: [char; 8] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];
    let eighths = (share * BAR * 8.0).round().max(1.0) as usize;
    let mut bar = "█".repeat(eighths / 8);
    if let rest @ 1.. = eighths % 8 {
        bar.push(EIGHTHS[rest]);
    }
    let width = BAR as usize;
    format!("{bar:<width$}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::figures::Spread;

    fn point(workers: usize, wall_s: f64, cpu_s: f64) -> Figures {
        Figures {
            model: format!("threads:{workers}"),
            wall: Spread { median: wall_s, min: wall_s * 0.99, max: wall_s * 1.01 },
            cpu_s,
            core_wait_s: 0.0,
            peak_rss_bytes: (workers as u64 + 8) << 20,
            ok: 24,
            failed: 0,
            bytes: 0,
            speedup: Some(1.0 / wall_s),
            concurrency: workers,
            concurrency_mean: workers as f64,
        }
    }

    #[test]
    fn the_ladder_doubles_and_ends_where_asked() {
        assert_eq!(ladder(1), ["threads:1"]);
        assert_eq!(ladder(8), ["threads:1", "threads:2", "threads:4", "threads:8"]);
        assert_eq!(ladder(6), ["threads:1", "threads:2", "threads:4", "threads:6"]);
    }

    #[test]
    fn the_optimum_is_the_fewest_that_are_as_fast_as_any() {
        let points =
            [point(1, 1.0, 0.1), point(2, 0.5, 0.1), point(4, 0.30, 0.1), point(8, 0.29, 0.2)];
        let optimum = optimum(2, &points).expect("four points");
        assert_eq!(optimum.workers, 4);
        assert!(optimum.why.contains("More gain nothing: 8 take 0.290 s"), "{}", optimum.why);
        assert!(optimum.why.contains("0.200 s of CPU instead of 0.100 s"), "{}", optimum.why);
        assert!(optimum.why.contains("16.0 MiB instead of 12.0 MiB"), "{}", optimum.why);
    }

    #[test]
    fn a_curve_that_turns_up_says_so() {
        let points = [point(1, 1.0, 1.0), point(2, 0.5, 1.0), point(4, 0.8, 1.0)];
        let optimum = optimum(2, &points).expect("three points");
        assert_eq!(optimum.workers, 2);
        assert!(optimum.why.contains("slower: 4 take 0.800 s, 1.60× as long"), "{}", optimum.why);
    }

    #[test]
    fn a_curve_that_still_falls_says_so() {
        let points = [point(1, 1.0, 0.1), point(2, 0.5, 0.1)];
        let optimum = optimum(2, &points).expect("two points");
        assert_eq!(optimum.workers, 2);
        assert!(optimum.why.contains("may lie higher"), "{}", optimum.why);
    }

    #[test]
    fn more_workers_than_tasks_need_no_further_step() {
        let points = [point(1, 1.0, 0.1), point(32, 0.35, 0.1), point(64, 0.3, 0.1)];
        let optimum = optimum(2, &points).expect("three points");
        assert_eq!(optimum.workers, 32);
        assert!(optimum.why.contains("no more tasks"), "{}", optimum.why);
    }

    #[test]
    fn bars_are_as_long_as_their_share() {
        assert_eq!(bar(1.0), "████████████");
        assert_eq!(bar(0.5), "██████      ");
        assert_eq!(bar(0.0).trim_end(), "▏");
    }
}
