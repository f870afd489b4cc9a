//! Text laid out for a terminal: aligned columns and wrapped paragraphs.

use std::fmt::Write as _;

use anstyle::Style;

use crate::units::is_unit;

/// The width that everything has to fit.
pub(crate) const WIDTH: usize = 80;

/// A table: a first column of names on the left, then columns of figures on the right.
#[derive(Debug)]
pub(crate) struct Grid {
    header: Vec<String>,
    rows: Vec<(Style, Vec<String>)>,
}

impl Grid {
    /// A table with these column heads.
    pub(crate) fn new(header: impl IntoIterator<Item = impl Into<String>>) -> Grid {
        Grid { header: header.into_iter().map(Into::into).collect(), rows: Vec::new() }
    }

    /// Adds a row. Cells that are missing at its end stay empty.
    pub(crate) fn row(&mut self, style: Style, cells: impl IntoIterator<Item = String>) {
        self.rows.push((style, cells.into_iter().collect()));
    }

    /// The table as lines with escape sequences, every line ended.
    pub(crate) fn render(&self) -> String {
        let widths = self.widths();
        let mut text = String::new();
        push_line(&mut text, Style::new().bold(), &self.header, &widths);
        for (style, cells) in &self.rows {
            push_line(&mut text, *style, cells, &widths);
        }
        text
    }

    fn widths(&self) -> Vec<usize> {
        let mut widths: Vec<usize> = self.header.iter().map(|cell| columns(cell)).collect();
        for (_, cells) in &self.rows {
            for (width, cell) in widths.iter_mut().zip(cells) {
                *width = (*width).max(columns(cell));
            }
        }
        widths
    }
}

/// Breaks a paragraph into lines that fit [`WIDTH`], the first led by `first`, the others by as many
/// blanks. A number and its unit stay together.
pub(crate) fn wrap(first: &str, paragraph: &str) -> String {
    let indent = columns(first);
    let mut text = first.to_owned();
    let mut used = indent;
    let mut words = paragraph.split_whitespace().peekable();
    while let Some(word) = words.next() {
        let unit = words.next_if(|next| is_unit(next));
        let width = columns(word) + unit.map_or(0, |unit| 1 + columns(unit));
        if used > indent && used + 1 + width > WIDTH {
            text.push('\n');
            text.extend(std::iter::repeat_n(' ', indent));
            used = indent;
        } else if used > indent {
            text.push(' ');
            used += 1;
        }
        text.push_str(word);
        if let Some(unit) = unit {
            text.push(' ');
            text.push_str(unit);
        }
        used += width;
    }
    text.push('\n');
    text
}

fn push_line(text: &mut String, style: Style, cells: &[String], widths: &[usize]) {
    let mut line = String::new();
    for (position, (cell, &width)) in cells.iter().zip(widths).enumerate() {
        // Infallible: a String takes whatever is written to it.
        let _ = match position {
            0 => write!(line, "{cell:<width$}"),
            _ => write!(line, "  {cell:>width$}"),
        };
    }
    let _ = writeln!(text, "{style}{}{style:#}", line.trim_end());
}

/// What is written here are letters, figures and signs of one column each.
fn columns(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_left_and_figures_right() {
        let mut grid = Grid::new(["model", "wall s", "×"]);
        grid.row(Style::new(), ["a".to_owned(), "10.5".to_owned(), "9.0×".to_owned()]);
        grid.row(Style::new(), ["longer".to_owned(), "1".to_owned()]);
        let plain = anstream::adapter::strip_str(&grid.render()).to_string();
        assert_eq!(plain, "model   wall s     ×\na         10.5  9.0×\nlonger       1\n");
    }

    #[test]
    fn paragraphs_wrap_with_a_hanging_indent() {
        let text = wrap("Advice: ", &"many hands ".repeat(12));
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        assert_eq!(text.lines().count(), 2);
        assert!(
            text.lines().nth(1).is_some_and(|line| line.starts_with("        hands")),
            "{text}"
        );
    }

    #[test]
    fn a_number_and_its_unit_are_not_parted() {
        let text = wrap("", &format!("{} 2.784 s, then", "x".repeat(74)));
        assert!(text.lines().nth(1).is_some_and(|line| line == "2.784 s, then"), "{text}");
    }

    #[test]
    fn a_word_longer_than_a_line_gets_a_line_of_its_own() {
        let text = wrap("* ", &format!("see {}", "x".repeat(100)));
        assert_eq!(text.lines().count(), 2);
    }
}
