//! The timeline of each model: a lane for every worker, a box for every task, on one time axis for
//! all models of a workload.

use std::fmt::Write as _;

use super::lanes::{Lane, lanes, under_way};
use super::markup::{Escaped, Share, tick_label, ticks};
use crate::compare::{Comparison, Figures, Outcome, Run, Sample, typical_run};
use crate::units::{count, seconds};

/// Beyond this many lanes or tasks, the number of tasks under way is drawn instead of each task.
const MOST_LANES: usize = 64;
const MOST_TASKS: usize = 2_000;

/// Up to this many lanes each has its name beside it.
const NAMED_LANES: usize = 16;

/// The height of the drawing of the tasks under way, in pixels.
const LOAD_HEIGHT: f64 = 90.0;

/// How many parts of the time that drawing has.
const LOAD_BUCKETS: usize = 300;

/// A box narrower than this has no room for the number of its task.
const ROOM_FOR_NUMBER: f64 = 0.022;

/// The timelines of all models of a comparison.
pub(crate) fn timelines(comparison: &Comparison) -> String {
    let typical: Vec<(&Figures, &Run)> = comparison
        .figures
        .iter()
        .filter_map(|figures| Some((figures, typical_run(comparison.runs_of(&figures.model))?)))
        .collect();
    let end_s = typical.iter().map(|(_, run)| run.wall_s).fold(0.0, f64::max);
    let labels: Vec<String> = comparison.workload.tasks.iter().map(|task| task.label()).collect();
    let mut html = String::from(LEGEND);
    for (figures, run) in typical {
        html.push_str(&timeline(figures, run, &labels, end_s));
    }
    html
}

const LEGEND: &str = "\
<h3>Who worked when</h3>
<p class=\"legend\">
<span><svg height=\"12\" aria-hidden=\"true\"><rect class=\"task\" width=\"13\" height=\"12\"/><rect class=\"task other\" x=\"13\" width=\"13\" height=\"12\"/></svg>tasks, in two shades to tell neighbours apart</span>
<span><svg height=\"12\" aria-hidden=\"true\"><rect class=\"task failed\" width=\"26\" height=\"12\"/></svg>failed task</span>
<span>the run nearest to the median; all on the same time axis</span>
</p>
";

fn timeline(figures: &Figures, run: &Run, labels: &[String], end_s: f64) -> String {
    let lanes = lanes(&run.samples);
    let mut html = format!(
        "<figure>\n<h4>{}: {}, {} at once</h4>\n<div class=\"lanes\">\n",
        Escaped(&figures.model),
        seconds(run.wall_s),
        count(figures.concurrency, "task"),
    );
    if lanes.len() > MOST_LANES || run.samples.len() > MOST_TASKS {
        push_load(&mut html, figures, run, end_s);
    } else {
        push_lanes(&mut html, figures, run, &lanes, labels, end_s);
    }
    push_axis(&mut html, end_s);
    html.push_str("</div>\n</figure>\n");
    html
}

fn push_lanes(
    html: &mut String,
    figures: &Figures,
    run: &Run,
    lanes: &[Lane],
    labels: &[String],
    end_s: f64,
) {
    let named = lanes.len() <= NAMED_LANES;
    let lane_height = if named { 16 } else { 8 };
    let height = lane_height * lanes.len();
    html.push_str("<ol>");
    if named {
        for lane in lanes {
            let name = lane.worker.as_deref().unwrap_or(&lane.label);
            let _ = write!(
                html,
                "<li style=\"height:{lane_height}px;line-height:{lane_height}px\" title=\"{}\">{}</li>",
                Escaped(name),
                Escaped(&lane.label)
            );
        }
    } else {
        let what = if run.samples[0].worker.is_some() { "workers" } else { "slots" };
        let _ = write!(html, "<li>{} {what}</li>", lanes.len());
    }
    let _ = write!(
        html,
        "</ol>\n<svg height=\"{height}\" role=\"img\"><title>Timeline of {}</title>\
         <desc>{} in {}, from 0 to {}</desc>\n<rect class=\"track\" width=\"100%\" height=\"{height}\"/>\n",
        Escaped(&figures.model),
        count(run.samples.len(), "task"),
        count(lanes.len(), "lane"),
        seconds(run.wall_s),
    );
    push_grid(html, end_s, height as f64);
    for (row, lane) in lanes.iter().enumerate() {
        for (position, &task) in lane.tasks.iter().enumerate() {
            let drawn = Drawn { task, label: &labels[task], other: position % 2 == 1 };
            push_task(html, &drawn, &run.samples[task], end_s, row * lane_height, lane_height);
        }
    }
    html.push_str("</svg>\n");
}

/// What a box shows besides its sample.
struct Drawn<'a> {
    task: usize,
    label: &'a str,
    other: bool,
}

fn push_task(
    html: &mut String,
    drawn: &Drawn<'_>,
    sample: &Sample,
    end_s: f64,
    y: usize,
    lane_height: usize,
) {
    let (x, width) = (Share::of(sample.start_s, end_s), Share::of(sample.duration_s(), end_s));
    let (class, result) = match &sample.outcome {
        Outcome::Done(output) if drawn.other => ("task other", format!("{} bytes", output.bytes)),
        Outcome::Done(output) => ("task", format!("{} bytes", output.bytes)),
        Outcome::Failed(reason) => ("task failed", format!("failed: {reason}")),
    };
    let number = drawn.task + 1;
    let _ = write!(
        html,
        "<g><title>{number}: {label}\n{from} to {until}, {took}\n{result}</title>\
         <rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{lane_height}\"/>",
        label = Escaped(drawn.label),
        from = seconds(sample.start_s),
        until = seconds(sample.end_s),
        took = seconds(sample.duration_s()),
        result = Escaped(&result),
    );
    if lane_height >= 12 && width.value() >= ROOM_FOR_NUMBER {
        let middle = Share::of(f64::midpoint(sample.start_s, sample.end_s), end_s);
        let shade = if sample.is_failed() { "number dark" } else { "number" };
        let baseline = y + lane_height - 4;
        let _ = write!(
            html,
            "<text class=\"{shade}\" x=\"{middle}\" y=\"{baseline}\" text-anchor=\"middle\">{number}</text>"
        );
    }
    html.push_str("</g>\n");
}

fn push_load(html: &mut String, figures: &Figures, run: &Run, end_s: f64) {
    let load = under_way(&run.samples, end_s, LOAD_BUCKETS);
    let most = load.iter().copied().fold(1.0, f64::max);
    let _ = write!(
        html,
        "<ol><li>up to {most:.0}</li><li>under way</li></ol>\n\
         <svg height=\"{LOAD_HEIGHT}\" role=\"img\"><title>Tasks under way under {}</title>\
         <desc>{}, up to {most:.0} at once</desc>\n\
         <rect class=\"track\" width=\"100%\" height=\"{LOAD_HEIGHT}\"/>\n",
        Escaped(&figures.model),
        count(run.samples.len(), "task"),
    );
    push_grid(html, end_s, LOAD_HEIGHT);
    let width = Share::of(1.0, LOAD_BUCKETS as f64);
    for (bucket, load) in load.iter().enumerate().filter(|(_, load)| **load > 0.0) {
        let x = Share::of(bucket as f64, LOAD_BUCKETS as f64);
        let height = load / most * LOAD_HEIGHT;
        let y = LOAD_HEIGHT - height;
        let _ = writeln!(
            html,
            "<rect class=\"bar\" x=\"{x}\" y=\"{y:.1}\" width=\"{width}\" height=\"{height:.1}\"/>"
        );
    }
    html.push_str("</svg>\n");
}

fn push_grid(html: &mut String, end_s: f64, height: f64) {
    for tick in ticks(end_s, 6) {
        let x = Share::of(tick, end_s);
        let _ =
            write!(html, "<line class=\"grid\" x1=\"{x}\" x2=\"{x}\" y1=\"0\" y2=\"{height}\"/>");
    }
    html.push('\n');
}

fn push_axis(html: &mut String, end_s: f64) {
    html.push_str("<svg class=\"axis\" height=\"16\" aria-hidden=\"true\">");
    for (position, tick) in ticks(end_s, 6).into_iter().enumerate() {
        let x = Share::of(tick, end_s);
        let anchor = match x.value() {
            start if start < 0.03 => "start",
            end if end > 0.94 => "end",
            _ => "middle",
        };
        let class = if position % 2 == 1 { "minor" } else { "major" };
        let _ = write!(
            html,
            "<text class=\"{class}\" x=\"{x}\" y=\"12\" text-anchor=\"{anchor}\">{}</text>",
            tick_label(tick, end_s)
        );
    }
    html.push_str("</svg>\n");
}
