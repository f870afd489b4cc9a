//! The words and figures of a comparison: advice, table, and what went wrong.

use std::fmt::Write as _;

use super::markup::Escaped;
use crate::compare::{Comparison, Figures, Optimum, Settings, failed_tasks};
use crate::units::{count, mebibytes, seconds, seconds_range, times};

/// How many failures, and how many differences, are spelled out.
const SHOWN: usize = 50;

/// The advice in a box.
pub(crate) fn advice(comparison: &Comparison) -> String {
    let advice = comparison.advice();
    let model = advice.model.as_deref().unwrap_or("none");
    boxed("advice", &format!("Advice: {model}"), &advice.why)
}

/// The optimum of a sweep in a box.
pub(crate) fn optimum(optimum: &Optimum) -> String {
    boxed("advice", &format!("Optimum: {}", count(optimum.workers, "worker")), &optimum.why)
}

/// The table of all figures.
pub(crate) fn table(comparison: &Comparison, settings: Settings) -> String {
    let mut html = String::from(
        "<h3>Figures</h3>\n<div class=\"scroll\"><table>\n<thead><tr><th scope=\"col\">Model</th>\
         <th scope=\"col\">Wall</th><th scope=\"col\">Min–max</th><th scope=\"col\">CPU</th>\
         <th scope=\"col\">Memory</th><th scope=\"col\">OK</th><th scope=\"col\">Failed</th>\
         <th scope=\"col\">Speed-up</th><th scope=\"col\">At once</th>\
         <th scope=\"col\">Mean at once</th></tr></thead>\n<tbody>\n",
    );
    let fastest = comparison.fastest().map(|figures| figures.model.as_str());
    for measured in &comparison.models {
        match comparison.figures.iter().find(|figures| figures.model == measured.model) {
            Some(figures) => html.push_str(&row(figures, fastest == Some(&figures.model))),
            None => {
                let _ = writeln!(
                    html,
                    "<tr class=\"bad\"><th scope=\"row\">{}</th><td colspan=\"9\">broke</td></tr>",
                    Escaped(&measured.model)
                );
            }
        }
    }
    html.push_str("</tbody></table></div>\n");
    let runs = comparison.models.iter().map(|measured| measured.runs.len()).max().unwrap_or(0);
    let _ = writeln!(
        html,
        "<p class=\"faint\">Medians of {}{}. Every run was a fresh process with fresh connections; \
         CPU and memory are that process's own. Speed-up is against {}. At once: the most tasks \
         running at the same moment.</p>",
        count(runs, "run"),
        match settings.warmup {
            0 => String::new(),
            warmup => format!(" after {}", count(warmup, "warm-up run")),
        },
        if comparison.is_sweep() { "one worker" } else { "sequential" },
    );
    html
}

/// What broke, failed or differed; nothing if all went well.
pub(crate) fn troubles(comparison: &Comparison) -> String {
    let mut html = String::new();
    if comparison.interrupted {
        let words = "The measurement was interrupted; these are the runs made until then.";
        html.push_str(&boxed("advice trouble", "Interrupted", words));
    }
    for measured in &comparison.models {
        if let Some(words) = &measured.failure {
            let _ = writeln!(
                html,
                "<div class=\"advice trouble\"><strong>{} broke</strong><pre>{}</pre></div>",
                Escaped(&measured.model),
                Escaped(words)
            );
        }
    }
    push_failed_tasks(&mut html, comparison);
    push_differences(&mut html, comparison);
    html
}

fn boxed(class: &str, title: &str, words: &str) -> String {
    format!(
        "<div class=\"{class}\"><strong>{}</strong><p>{}</p></div>\n",
        Escaped(title),
        Escaped(words)
    )
}

fn row(figures: &Figures, is_fastest: bool) -> String {
    let (class, mark) = match (figures.failed, is_fastest) {
        (1.., _) => (" class=\"bad\"", ""),
        (0, true) => (" class=\"best\"", " (fastest)"),
        (0, false) => ("", ""),
    };
    format!(
        "<tr{class}><th scope=\"row\">{}{mark}</th><td>{}</td><td>{}</td><td>{}</td><td>{}</td>\
         <td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{:.1}</td></tr>\n",
        Escaped(&figures.model),
        seconds(figures.wall.median),
        seconds_range(figures.wall.min, figures.wall.max),
        seconds(figures.cpu_s),
        mebibytes(figures.peak_rss_bytes),
        figures.ok,
        figures.failed,
        figures.speedup.map_or_else(|| "–".to_owned(), times),
        figures.concurrency,
        figures.concurrency_mean,
    )
}

fn push_failed_tasks(html: &mut String, comparison: &Comparison) {
    let failed = failed_tasks(comparison);
    if failed.is_empty() {
        return;
    }
    html.push_str("<div class=\"advice trouble\"><strong>Failed tasks</strong><ul>\n");
    for failure in failed.iter().take(SHOWN) {
        let _ = writeln!(
            html,
            "<li>{} under {}: {}</li>",
            Escaped(&failure.label),
            Escaped(&failure.models),
            Escaped(&failure.reason)
        );
    }
    push_rest(html, failed.len());
}

fn push_differences(html: &mut String, comparison: &Comparison) {
    if comparison.differences.is_empty() {
        return;
    }
    html.push_str("<div class=\"advice trouble\"><strong>Outputs differ</strong><ul>\n");
    for difference in comparison.differences.iter().take(SHOWN) {
        let label = comparison.workload.tasks[difference.task].label();
        let _ = write!(html, "<li>{}", Escaped(&label));
        for (output, models) in &difference.outputs {
            let _ = write!(
                html,
                "; {} bytes, CRC-32 {:08x} under {}",
                output.bytes,
                output.checksum,
                Escaped(&models.join(", "))
            );
        }
        html.push_str("</li>\n");
    }
    push_rest(html, comparison.differences.len());
}

fn push_rest(html: &mut String, listed: usize) {
    if listed > SHOWN {
        let _ = writeln!(html, "<li>… and {} more</li>", listed - SHOWN);
    }
    html.push_str("</ul></div>\n");
}
