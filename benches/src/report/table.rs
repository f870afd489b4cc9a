//! Rows as text, at most 100 columns wide: a table with one line per case, and all figures below.

use std::fmt::Write as _;

use super::figure::{figure, ratio};
use super::row::{Row, Spread};

const WIDTH: usize = 100;

/// The table: a line for each row.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut text = line(["case", "unit", "ours", "best rival", "ratio", "(spread)", "bar", "met"]);
    for row in rows {
        let best = match row.rivals.first() {
            Some((name, spread)) => format!("{} {name}", figure(spread.median)),
            None => "–".to_owned(),
        };
        let bar = row.bar.map(|bar| format!("{} {}", row.better.sign(), ratio(bar)));
        let met = match row.met() {
            Some(true) => "yes",
            Some(false) => "NO",
            None => "–",
        };
        text.push_str(&line([
            row.case,
            row.unit,
            &figure(row.ours.median),
            &best,
            &row.ratio.map_or("–".to_owned(), |of| ratio(of.median)),
            &row.ratio.map_or(String::new(), |of| ends(of, ratio)),
            &bar.unwrap_or("–".to_owned()),
            met,
        ]));
    }
    text
}

/// Everything that was measured for each row, with spreads and with who is missing.
pub(crate) fn details(rows: &[Row]) -> String {
    let mut text = String::new();
    for row in rows {
        let title =
            format!("{} ({}, {} is better): {}", row.case, row.unit, row.better.word(), row.about);
        text.push('\n');
        text.push_str(&wrapped(&title, 2));
        let ours = [("ours".to_owned(), row.ours)];
        let lists = [("  ", &ours[..]), ("  ", &row.rivals), ("  beside: ", &row.beside)];
        for (before, list) in lists {
            for (name, spread) in list {
                let name = format!("{before}{name}");
                let (median, ends) = (figure(spread.median), ends(*spread, figure));
                // Writing to a string cannot fail.
                let _ = writeln!(text, "{name:<44} {median:>8}  {ends}");
            }
        }
        for (name, why) in &row.missing {
            text.push_str(&wrapped(&format!("  missing: {name}: {why}"), 4));
        }
    }
    text
}

fn ends(spread: Spread, text: fn(f64) -> String) -> String {
    format!("({}–{})", text(spread.min), text(spread.max))
}

fn line(cells: [&str; 8]) -> String {
    let [case, unit, ours, best, ratio, spread, bar, met] = cells;
    let best = cut(best, 30);
    let text = format!(
        "{case:<22} {unit:<7} {ours:>6}  {best:<30} {ratio:>5} {spread:<12} {bar:>6}  {met}"
    );
    format!("{}\n", text.trim_end())
}

fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width - 1).chain(['…']).collect()
}

/// Breaks a line between words; the lines after the first are indented.
fn wrapped(text: &str, indent: usize) -> String {
    let mut lines = String::new();
    let start = text.len() - text.trim_start().len();
    let mut current = " ".repeat(start);
    for word in text.split_whitespace() {
        let begun = !current.trim().is_empty();
        if begun && current.chars().count() + 1 + word.chars().count() > WIDTH {
            lines.push_str(&current);
            lines.push('\n');
            current = " ".repeat(indent);
        } else if begun {
            current.push(' ');
        }
        current.push_str(word);
    }
    lines + &current + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Better;

    fn row() -> Row {
        let spread = |median| Spread { median, min: median / 2.0, max: median * 2.0 };
        Row {
            suite: "executors",
            case: "submit_result_windows",
            about: "many words about what is measured ".repeat(6),
            unit: "tasks/s",
            better: Better::Higher,
            ours: spread(2_812_345.0),
            rivals: vec![("rayon + a oneshot channel for each".to_owned(), spread(1_100_000.0))],
            beside: vec![("rayon + one shared channel".to_owned(), spread(2_400_000.0))],
            missing: vec![("Python".to_owned(), "is not installed; ".repeat(8))],
            ratio: Some(spread(2.557)),
            bar: Some(1.0),
        }
    }

    #[test]
    fn no_line_is_wider_than_the_page() {
        let text = table(&[row()]) + &details(&[row()]);
        for line in text.lines() {
            assert!(line.chars().count() <= WIDTH, "{line}");
        }
        assert!(text.contains("≥ 1.00  yes"), "{text}");
        assert!(text.contains("2.81M  1.10M rayon + a oneshot chann…"), "{text}");
        assert!(text.contains("missing: Python: is not installed;"), "{text}");
    }

    #[test]
    fn long_lines_are_broken_between_words() {
        let text = wrapped(&format!("  {}", "word ".repeat(30)), 4);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2);
        assert!(lines[0].starts_with("  word") && lines[1].starts_with("    word"));
    }
}
