//! The page that `compare --html` writes: one file without scripts and without anything fetched
//! from elsewhere, in light and dark, for wide and narrow screens.
//!
//! Drawings are SVG whose positions are percentages, so that they stretch with the window while
//! their text keeps its size.

mod bars;
mod curve;
mod lanes;
mod machine;
mod markup;
mod summary;
mod timeline;

use std::fmt::Write as _;

use self::markup::Escaped;
use crate::compare::{Comparison, optimum};

/// The whole page.
pub(crate) fn page(comparisons: &[Comparison]) -> String {
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>manyhands compare</title>\n<style>\n{style}</style>\n</head>\n<body>\n{HATCH}\
         <h1>manyhands compare</h1>\n<dl class=\"facts\">\n",
        style = include_str!("style.css"),
    );
    for (name, value) in machine::facts(crate::compare::cores()) {
        let _ = writeln!(html, "<div><dt>{name}</dt><dd>{}</dd></div>", Escaped(&value));
    }
    html.push_str("</dl>\n<main>\n");
    for comparison in comparisons {
        html.push_str(&section(comparison));
    }
    html.push_str("</main>\n</body>\n</html>\n");
    html
}

/// The pattern that marks failed tasks by more than a colour.
const HATCH: &str = "\
<svg width=\"0\" height=\"0\" style=\"position:absolute\" aria-hidden=\"true\"><defs>\
<pattern id=\"hatch\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" \
patternTransform=\"rotate(45)\"><rect width=\"6\" height=\"6\" fill=\"var(--page)\"/>\
<rect width=\"3\" height=\"6\" fill=\"var(--failed)\"/></pattern></defs></svg>\n";

fn section(comparison: &Comparison) -> String {
    let workload = &comparison.workload;
    let mut html = format!(
        "<section>\n<h2>{}</h2>\n<p>{}</p>\n",
        Escaped(&workload.name),
        Escaped(&workload.title),
    );
    html.push_str(&summary::troubles(comparison));
    if comparison.is_sweep() {
        let optimum = optimum(comparison.cores, &comparison.figures);
        if let Some(optimum) = &optimum {
            html.push_str(&summary::optimum_box(optimum));
        }
        html.push_str(&curve::curve(comparison, optimum.as_ref()));
    } else {
        html.push_str(&summary::advice(comparison));
        html.push_str(&bars::charts(comparison));
    }
    html.push_str(&summary::table(comparison));
    html.push_str(&timeline::timelines(comparison));
    html.push_str("</section>\n");
    html
}
