//! What `compare --crash` prints: a table and a verdict in words, or one object.

use std::fmt::Write as _;

use anstyle::Style;
use serde::Serialize;

use super::verdict::Verdict;
use super::{CRASHING, TASKS};
use crate::compare::table::{BAD, BOLD, FAINT, GOOD};
use crate::grid::{Grid, wrap};

#[derive(Debug, Serialize)]
struct CrashObject<'a> {
    demonstration: &'static str,
    tasks: u32,
    crashing_task: u32,
    models: Vec<ModelObject<'a>>,
}

#[derive(Debug, Serialize)]
struct ModelObject<'a> {
    model: &'a str,
    results: u32,
    failed: u32,
    lost: u32,
    usable_after: bool,
    what_happened: &'a str,
    as_promised: bool,
    broken_promise: Option<&'a str>,
}

/// The demonstration as one object.
///
/// # Errors
/// None that is known: it is numbers and text.
pub(super) fn object(verdicts: &[Verdict]) -> serde_json::Result<String> {
    let models = verdicts
        .iter()
        .map(|verdict| ModelObject {
            model: &verdict.model,
            results: verdict.results,
            failed: verdict.failed,
            lost: verdict.lost,
            usable_after: verdict.usable_after,
            what_happened: &verdict.what_happened,
            as_promised: verdict.is_as_promised(),
            broken_promise: verdict.broken_promise.as_deref(),
        })
        .collect();
    let object =
        CrashObject { demonstration: "crash", tasks: TASKS, crashing_task: CRASHING, models };
    serde_json::to_string(&object)
}

/// The demonstration as text, with escape sequences.
pub(super) fn text(verdicts: &[Verdict]) -> String {
    let mut text = format!(
        "{BOLD}crash{BOLD:#}: {TASKS} small tasks, of which number {CRASHING} calls abort()\n\n"
    );
    if verdicts.is_empty() {
        text.push_str("Interrupted before any model had run.\n");
        return text;
    }
    let mut grid = Grid::new(["  model", "results", "failed", "lost", "usable after"]);
    for verdict in verdicts {
        let usable = if verdict.usable_after { "yes" } else { "no" };
        let cells = [
            format!("  {}", verdict.model),
            verdict.results.to_string(),
            verdict.failed.to_string(),
            verdict.lost.to_string(),
            usable.to_owned(),
        ];
        grid.row(style(verdict), cells);
    }
    text.push_str(&grid.render());
    let _ = writeln!(
        text,
        "{FAINT}lost: nothing was heard of them any more{FAINT:#}\n\n{BOLD}What happened{BOLD:#}"
    );
    for verdict in verdicts {
        let words = format!("{}: {}.", verdict.model, verdict.what_happened);
        text.push_str(&wrap("  ", &words));
    }
    for verdict in verdicts.iter().filter(|verdict| !verdict.is_as_promised()) {
        let why = verdict.broken_promise.as_deref().unwrap_or_default();
        let _ = write!(text, "\n{BAD}{} broke its promise{BAD:#}\n", verdict.model);
        text.push_str(&wrap("  ", why));
    }
    text
}

fn style(verdict: &Verdict) -> Style {
    match (verdict.is_as_promised(), verdict.usable_after) {
        (false, _) => BAD,
        (true, true) => GOOD,
        (true, false) => Style::new(),
    }
}
