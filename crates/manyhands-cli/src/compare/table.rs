//! What `compare` prints for a reader: a table per workload, what went wrong, and the advice.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use super::failures::failed_tasks;
use super::figures::{Figures, Spread};
use super::identity::Difference;
use super::measure::Comparison;
use crate::grid::{Grid, wrap};
use crate::units::{count, plain_mebibytes, plain_seconds, times};

/// How many failures, and how many differences, are spelled out.
const SHOWN: usize = 8;

pub(super) const BOLD: Style = Style::new().bold();
pub(super) const GOOD: Style =
    Style::new().bold().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Green)));
pub(super) const BAD: Style =
    Style::new().bold().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Red)));
pub(super) const FAINT: Style = Style::new().dimmed();

/// The whole text of one comparison, with escape sequences.
pub(crate) fn render(comparison: &Comparison) -> String {
    let mut text = heading(comparison);
    text.push_str(&figures_table(comparison));
    text.push_str(&problems(comparison));
    if comparison.models.is_empty() {
        text.push_str("Interrupted before any model had run.\n");
    } else {
        let advice = comparison.advice();
        let name = advice.model.as_deref().unwrap_or("none");
        let _ = write!(text, "\n{BOLD}Advice: {name}{BOLD:#}\n{}", wrap("  ", &advice.why));
    }
    text
}

/// The line over a table.
pub(crate) fn heading(comparison: &Comparison) -> String {
    let workload = &comparison.workload;
    format!("{BOLD}{}{BOLD:#}: {}\n\n", workload.name, workload.title)
}

/// What went wrong: models that broke, tasks that failed, outputs that differ, an interruption.
pub(crate) fn problems(comparison: &Comparison) -> String {
    let mut text = String::new();
    for measured in &comparison.models {
        if let Some(words) = &measured.failure {
            let _ = write!(text, "\n{BAD}{} broke{BAD:#}\n{}", measured.model, indented(words));
        }
    }
    push_failed_tasks(&mut text, comparison);
    push_differences(&mut text, comparison);
    if comparison.interrupted && !comparison.models.is_empty() {
        let _ = write!(text, "\n{BAD}Interrupted:{BAD:#} these are the runs made until then.\n");
    }
    text
}

/// The range of the walls as a cell.
pub(crate) fn range(wall: Spread) -> String {
    let decimals = if wall.max < 9.995 { 3 } else { 1 };
    format!("{:.decimals$}–{:.decimals$}", wall.min, wall.max)
}

/// A speed-up as a cell, a dash if there is none.
pub(crate) fn speedup(figures: &Figures) -> String {
    figures.speedup.map_or_else(|| "–".to_owned(), times)
}

fn figures_table(comparison: &Comparison) -> String {
    let ranged = comparison.rounds() > 1;
    let mut header = vec!["  model", "wall s"];
    header.extend(ranged.then_some("min–max"));
    header.extend(["CPU s", "MiB", "ok", "failed", "speed-up", "at once"]);
    let mut grid = Grid::new(header);
    let fastest = comparison.fastest().map(|figures| figures.model.clone());
    for measured in &comparison.models {
        let figures = comparison.figures.iter().find(|figures| figures.model == measured.model);
        let Some(figures) = figures else {
            grid.row(BAD, [format!("  {}", measured.model), "broke".to_owned()]);
            continue;
        };
        let is_fastest = fastest.as_deref() == Some(&figures.model);
        let mark = if is_fastest { "*" } else { " " };
        let mut cells =
            vec![format!("{mark} {}", figures.model), plain_seconds(figures.wall.median)];
        cells.extend(ranged.then(|| range(figures.wall)));
        cells.extend([
            plain_seconds(figures.cpu_s),
            plain_mebibytes(figures.peak_rss_bytes),
            figures.ok.to_string(),
            figures.failed.to_string(),
            speedup(figures),
            figures.concurrency.to_string(),
        ]);
        grid.row(row_style(figures, is_fastest), cells);
    }
    let mut text = if comparison.models.is_empty() { String::new() } else { grid.render() };
    if fastest.is_some() {
        let _ = writeln!(text, "{FAINT}* fastest{}{FAINT:#}", runs_note(comparison));
    }
    text
}

fn row_style(figures: &Figures, is_fastest: bool) -> Style {
    match (figures.failed, is_fastest) {
        (1.., _) => BAD,
        (0, true) => GOOD,
        (0, false) => Style::new(),
    }
}

fn runs_note(comparison: &Comparison) -> String {
    match comparison.rounds() {
        0 | 1 => String::new(),
        rounds => format!("; medians of {rounds} runs"),
    }
}

fn push_failed_tasks(text: &mut String, comparison: &Comparison) {
    let failed = failed_tasks(comparison);
    for failure in failed.iter().take(SHOWN) {
        let _ = write!(text, "\n{BAD}failed{BAD:#} {} under {}\n", failure.label, failure.models);
        text.push_str(&indented(&failure.reason));
    }
    if failed.len() > SHOWN {
        let _ = writeln!(text, "\n… and {} more", failed.len() - SHOWN);
    }
}

fn push_differences(text: &mut String, comparison: &Comparison) {
    let differences = &comparison.differences;
    if differences.is_empty() {
        return;
    }
    let number = count(differences.len(), "task");
    let _ =
        writeln!(text, "\n{BAD}OUTPUTS DIFFER{BAD:#} in {number}: the models did not do the same.");
    for difference in differences.iter().take(SHOWN) {
        let label = comparison.workload.tasks[difference.task].label();
        let _ = writeln!(text, "  {label}");
        for (output, models) in &difference.outputs {
            let models = models.join(", ");
            let _ = writeln!(
                text,
                "    {} bytes, CRC-32 {:08x}: {models}",
                output.bytes, output.checksum
            );
        }
    }
    if differences.len() > SHOWN {
        let _ = writeln!(text, "  … and {} more", differences.len() - SHOWN);
    }
    if differences.iter().all(Difference::changes_by_itself) {
        text.push_str(
            "  They differ from run to run under one model, too: the work itself changes.\n",
        );
    }
}

fn indented(words: &str) -> String {
    words.lines().map(|line| format!("  {line}\n")).collect()
}
