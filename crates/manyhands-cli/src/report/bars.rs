//! Bars from zero, one for each model, with whiskers from the smallest to the largest run.

use std::fmt::Write as _;

use super::markup::{Escaped, Share};
use crate::compare::{Comparison, Run, Spread};
use crate::units::{mebibytes, seconds};

/// A measured quantity that is shown as bars.
struct Quantity {
    title: &'static str,
    of: fn(&Run) -> f64,
    label: fn(f64) -> String,
}

const QUANTITIES: [Quantity; 3] = [
    Quantity { title: "Wall", of: |run| run.wall_s, label: seconds },
    Quantity { title: "CPU", of: |run| run.cpu_s, label: seconds },
    Quantity {
        title: "Peak memory",
        of: |run| run.peak_rss_bytes as f64,
        label: |bytes| mebibytes(bytes as u64),
    },
];

/// Three groups of bars: wall, CPU time and peak memory.
pub(crate) fn charts(comparison: &Comparison) -> String {
    let mut html = String::from("<div class=\"charts\">\n");
    for quantity in &QUANTITIES {
        html.push_str(&chart(comparison, quantity));
    }
    html.push_str("</div>\n");
    html
}

fn chart(comparison: &Comparison, quantity: &Quantity) -> String {
    let spreads: Vec<(&str, Spread)> = comparison
        .figures
        .iter()
        .filter_map(|figures| {
            let runs = comparison.runs_of(&figures.model);
            Some((figures.model.as_str(), Spread::of(runs.iter().map(quantity.of))?))
        })
        .collect();
    let end = spreads.iter().map(|(_, spread)| spread.max).fold(0.0, f64::max);
    let least = spreads.iter().map(|(_, spread)| spread.median).fold(f64::INFINITY, f64::min);
    let mut html = format!("<figure>\n<h3>{}</h3>\n", quantity.title);
    for (model, spread) in &spreads {
        let best = spread.median <= least && spreads.len() > 1;
        html.push_str(&row(quantity, model, *spread, end, best));
    }
    html.push_str("</figure>\n");
    html
}

fn row(quantity: &Quantity, model: &str, spread: Spread, end: f64, best: bool) -> String {
    let label = (quantity.label)(spread.median);
    let range = format!("{} to {}", (quantity.label)(spread.min), (quantity.label)(spread.max));
    let class = if best { "row best" } else { "row" };
    let mark = if best { " (least)" } else { "" };
    let mut html = format!(
        "<div class=\"{class}\"><span>{model}{mark}</span><span class=\"value\">{label}</span>\n\
         <svg height=\"20\" role=\"img\"><title>{title} of {model}: {label}</title>\
         <desc>Runs from {range}</desc>\n\
         <rect class=\"track\" width=\"100%\" y=\"2\" height=\"16\"/>\
         <rect class=\"bar\" width=\"{width}\" y=\"2\" height=\"16\"/>",
        model = Escaped(model),
        title = quantity.title,
        width = Share::of(spread.median, end),
    );
    if spread.max > spread.min {
        push_whisker(&mut html, Share::of(spread.min, end), Share::of(spread.max, end));
    }
    html.push_str("</svg></div>\n");
    html
}

fn push_whisker(html: &mut String, from: Share, to: Share) {
    // Infallible: a String takes whatever is written to it.
    let _ = write!(
        html,
        "<g class=\"whisker\"><line x1=\"{from}\" x2=\"{to}\" y1=\"10\" y2=\"10\"/>\
         <line x1=\"{from}\" x2=\"{from}\" y1=\"6\" y2=\"14\"/>\
         <line x1=\"{to}\" x2=\"{to}\" y1=\"6\" y2=\"14\"/></g>"
    );
}
