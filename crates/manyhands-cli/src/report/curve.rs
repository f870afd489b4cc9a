//! The curve of a sweep: wall over the number of workers, each step a doubling.

use std::fmt::Write as _;

use super::markup::{Share, tick_label, ticks};
use crate::compare::{Comparison, Figures, Optimum, workers};
use crate::units::{count, seconds};

/// The height between the top of the axis and its foot, in pixels.
const HEIGHT: f64 = 260.0;

/// Room above for the figure of the topmost point, in pixels.
const HEAD: f64 = 40.0;

/// Room on both sides, as a share of the width.
const MARGIN: f64 = 0.06;

/// The curve of the measured points, with the optimum marked.
pub(crate) fn curve(comparison: &Comparison, optimum: Option<&Optimum>) -> String {
    let points = &comparison.figures;
    let end_s = points.iter().map(|figures| figures.wall.max).fold(0.0, f64::max);
    let mut html = format!(
        "<figure>\n<h3>Wall by number of workers</h3>\n\
         <svg height=\"{total}\" role=\"img\"><title>Wall by number of workers</title><desc>",
        total = HEIGHT + HEAD + 40.0,
    );
    for figures in points {
        let _ = write!(html, "{}: {}. ", workers_of(figures), seconds(figures.wall.median));
    }
    html.push_str("</desc>\n");
    push_grid(&mut html, end_s);
    push_lines(&mut html, points, end_s);
    for (position, figures) in points.iter().enumerate() {
        let best = optimum.is_some_and(|optimum| workers(&figures.model) == Some(optimum.workers));
        push_point(&mut html, figures, across(position, points.len()), end_s, best);
    }
    let _ = write!(
        html,
        "<text x=\"50%\" y=\"{y}\" text-anchor=\"middle\">workers</text></svg>\n</figure>\n",
        y = HEIGHT + HEAD + 36.0
    );
    html
}

/// The steps stand equally far apart: the axis is logarithmic.
fn across(position: usize, points: usize) -> Share {
    let gaps = points.saturating_sub(1).max(1) as f64;
    Share::of(MARGIN + position as f64 / gaps * (1.0 - 2.0 * MARGIN), 1.0)
}

fn down(value_s: f64, end_s: f64) -> f64 {
    HEAD + HEIGHT * (1.0 - Share::of(value_s, end_s).value())
}

fn push_grid(html: &mut String, end_s: f64) {
    for tick in ticks(end_s, 5) {
        let y = down(tick, end_s);
        let _ = write!(
            html,
            "<line class=\"grid\" x1=\"0\" x2=\"100%\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
             <text x=\"0\" y=\"{text:.1}\">{label}</text>",
            text = y - 3.0,
            label = tick_label(tick, end_s)
        );
    }
    html.push('\n');
}

fn push_lines(html: &mut String, points: &[Figures], end_s: f64) {
    for (position, pair) in points.windows(2).enumerate() {
        let _ = writeln!(
            html,
            "<line class=\"curve\" x1=\"{}\" x2=\"{}\" y1=\"{:.1}\" y2=\"{:.1}\"/>",
            across(position, points.len()),
            across(position + 1, points.len()),
            down(pair[0].wall.median, end_s),
            down(pair[1].wall.median, end_s),
        );
    }
}

fn push_point(html: &mut String, figures: &Figures, x: Share, end_s: f64, best: bool) {
    let wall = figures.wall;
    let (y, top, foot) = (down(wall.median, end_s), down(wall.max, end_s), down(wall.min, end_s));
    let (point, text) = if best { ("point best", "best") } else { ("point", "minor") };
    // Curves fall to the right, so there is room above on that side; at the edge there is not.
    let (anchor, beside, above) =
        if x.value() > 0.8 { ("end", 6, top - 18.0) } else { ("start", 8, top - 8.0) };
    let _ = write!(
        html,
        "<g><title>{workers}: {median}, runs from {min} to {max}</title>\
         <line class=\"whisker\" x1=\"{x}\" x2=\"{x}\" y1=\"{top:.1}\" y2=\"{foot:.1}\"/>\
         <circle class=\"{point}\" cx=\"{x}\" cy=\"{y:.1}\" r=\"5\"/>\
         <text class=\"{text}\" x=\"{x}\" dx=\"{beside}\" y=\"{above:.1}\" text-anchor=\"{anchor}\">{median}</text>\
         <text x=\"{x}\" y=\"{below:.1}\" text-anchor=\"middle\">{number}</text>",
        workers = workers_of(figures),
        number = workers(&figures.model).unwrap_or_default(),
        median = seconds(wall.median),
        min = seconds(wall.min),
        max = seconds(wall.max),
        below = HEIGHT + HEAD + 18.0,
    );
    if best {
        let _ = write!(
            html,
            "<text class=\"best\" x=\"{x}\" dx=\"{beside}\" y=\"{:.1}\" text-anchor=\"{anchor}\">optimum</text>",
            above - 14.0
        );
    }
    html.push_str("</g>\n");
}

fn workers_of(figures: &Figures) -> String {
    count(workers(&figures.model).unwrap_or_default(), "worker")
}
