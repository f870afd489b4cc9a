//! The words and figures of a comparison: advice, table, and what went wrong.

use std::fmt::Write as _;

use super::markup::Escaped;
use crate::compare::{Comparison, Figures, Optimum, failed_tasks, optimum};
use crate::units::{bind_units, count, mebibytes, seconds, seconds_range, times};

/// How many failures, and how many differences, stand there for all to see.
const SHOWN: usize = 5;

/// How many more can be unfolded.
const FOLDED: usize = 500;

/// The advice in a box.
pub(crate) fn advice(comparison: &Comparison) -> String {
    let advice = comparison.advice();
    let model = advice.model.as_deref().unwrap_or("none");
    boxed("advice", &format!("Advice: {model}"), &advice.why)
}

/// The optimum of a sweep in a box.
pub(crate) fn optimum_box(optimum: &Optimum) -> String {
    boxed("advice", &format!("Optimum: {}", count(optimum.workers, "worker")), &optimum.why)
}

/// The table of all figures.
pub(crate) fn table(comparison: &Comparison) -> String {
    let mut html = String::from(
        "<h3>Figures</h3>\n<div class=\"scroll\"><table>\n<thead><tr><th scope=\"col\">Model</th>\
         <th scope=\"col\">Wall</th><th scope=\"col\">Min–max</th><th scope=\"col\">CPU</th>\
         <th scope=\"col\">Memory</th><th scope=\"col\">OK</th><th scope=\"col\">Failed</th>\
         <th scope=\"col\">Speed-up</th><th scope=\"col\">At once</th>\
         <th scope=\"col\">Mean at once</th></tr></thead>\n<tbody>\n",
    );
    let (marked, mark) = marked(comparison);
    for measured in &comparison.models {
        match comparison.figures.iter().find(|figures| figures.model == measured.model) {
            Some(figures) => {
                let mark = if marked.as_ref() == Some(&figures.model) { mark } else { "" };
                html.push_str(&row(figures, mark));
            }
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
    let runs = comparison.rounds();
    let _ = writeln!(
        html,
        "<p class=\"faint\">{}{}. Every run was a fresh process with fresh connections; \
         CPU and memory are its own and those of its worker processes. Speed-up is against {}. At once: the most tasks \
         running at the same moment.</p>",
        if runs == 1 { "One run".to_owned() } else { format!("Medians of {runs} runs") },
        match comparison.settings.warmup {
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
        Escaped(&bind_units(words))
    )
}

/// The model that stands out, and the word for why: the fastest, of a sweep the optimum.
fn marked(comparison: &Comparison) -> (Option<String>, &'static str) {
    if comparison.is_sweep() {
        let optimum = optimum(comparison.cores, &comparison.figures);
        return (optimum.map(|optimum| optimum.model()), " (optimum)");
    }
    (comparison.fastest().map(|figures| figures.model.clone()), " (fastest)")
}

fn row(figures: &Figures, mark: &str) -> String {
    let class = match (figures.failed, mark) {
        (1.., _) => " class=\"bad\"",
        (0, "") => "",
        (0, _) => " class=\"best\"",
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
    let failed = failed_tasks(comparison).into_iter().map(|failure| {
        format!(
            "{} under {}: {}",
            Escaped(&failure.label),
            Escaped(&failure.models),
            Escaped(&failure.reason)
        )
    });
    push_list(html, "Failed tasks", &failed.collect::<Vec<_>>());
}

fn push_differences(html: &mut String, comparison: &Comparison) {
    let differing = comparison.differences.iter().map(|difference| {
        let label = comparison.workload.tasks[difference.task].label();
        let mut item = Escaped(&label).to_string();
        for (output, models) in &difference.outputs {
            let _ = write!(
                item,
                "; {} bytes, CRC-32 {:08x} under {}",
                output.bytes,
                output.checksum,
                Escaped(&models.join(", "))
            );
        }
        item
    });
    push_list(html, "Outputs differ", &differing.collect::<Vec<_>>());
}

/// A box with a list of what is HTML already; a long one is folded after its beginning.
fn push_list(html: &mut String, title: &str, items: &[String]) {
    if items.is_empty() {
        return;
    }
    let (shown, rest) = items.split_at(items.len().min(SHOWN));
    let (folded, left_out) = rest.split_at(rest.len().min(FOLDED));
    let _ = writeln!(html, "<div class=\"advice trouble\"><strong>{title}</strong>");
    push_items(html, shown);
    if !rest.is_empty() {
        let _ = writeln!(html, "<details><summary>and {} more</summary>", rest.len());
        push_items(html, folded);
        if !left_out.is_empty() {
            let _ = writeln!(html, "<p>… and {} more.</p>", left_out.len());
        }
        html.push_str("</details>\n");
    }
    html.push_str("</div>\n");
}

fn push_items(html: &mut String, items: &[String]) {
    html.push_str("<ul>\n");
    for item in items {
        let _ = writeln!(html, "<li>{item}</li>");
    }
    html.push_str("</ul>\n");
}
