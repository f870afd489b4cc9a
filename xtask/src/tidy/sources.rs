//! Rules on single files: how they open, how long they are, and words that must not stay in them.

use crate::tidy::{Finding, TextFile};

/// Over this many lines a Rust file is told of.
const LONG: usize = 400;
/// Over this many lines a Rust file fails.
const TOO_LONG: usize = 700;

// Put together here, so that this file keeps its own rules.
const MARKERS: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("X", "XX")];
const MACHINE_FOLDERS: &[&str] = &[
    concat!("/", "home/"),
    concat!("/", "root/"),
    concat!("/", "work/"),
    concat!("/", "tmp/bash"),
];

/// Names of Rust files and folders that say nothing about what is in them.
const EMPTY_NAMES: &[&str] = &["util", "utils", "helper", "helpers", "common", "misc"];

/// What is wrong with one file by itself.
pub(crate) fn findings(file: &TextFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    if file.is("rs") {
        findings.extend(name(file));
        findings.extend(opening(file));
        findings.extend(length(file));
    }
    if holds_code(file) {
        findings.extend(markers(file));
    }
    findings.extend(machine_paths(file));
    findings
}

/// How long the Rust files are: number, median, and those that ask to be looked at.
pub(crate) fn length_report(files: &[TextFile]) -> String {
    let mut lengths: Vec<(usize, &str)> = files
        .iter()
        .filter(|file| file.is("rs"))
        .map(|file| (file.text.lines().count(), file.path.as_str()))
        .collect();
    lengths.sort_unstable();
    let Some((median, _)) = lengths.get(lengths.len() / 2) else { return String::new() };
    let mut report = format!("tidy: {} Rust files, median {median} lines\n", lengths.len());
    for (length, path) in lengths.iter().rev().take_while(|(length, _)| *length > LONG) {
        report.push_str(&format!("tidy: warning: {path} has {length} lines (over {LONG})\n"));
    }
    report
}

fn name(file: &TextFile) -> Option<Finding> {
    let stem = file.path.strip_suffix(".rs").unwrap_or(&file.path);
    let empty = stem.split('/').find(|part| EMPTY_NAMES.contains(part))?;
    Some(file.finding(0, format!("{empty:?} does not name what the file is about")))
}

fn opening(file: &TextFile) -> Option<Finding> {
    let opens = file.text.starts_with("//!");
    (!opens).then(|| file.finding(1, "does not open with a `//!` comment on what it is about"))
}

fn length(file: &TextFile) -> Option<Finding> {
    let length = file.text.lines().count();
    (length > TOO_LONG)
        .then(|| file.finding(0, format!("has {length} lines; {TOO_LONG} is the most, split it")))
}

fn holds_code(file: &TextFile) -> bool {
    let code = ["rs", "toml", "sh", "py", "go", "js", "yml", "yaml", "html", "css"];
    code.iter().any(|extension| file.is(extension)) || file.text.starts_with("#!/")
}

fn markers(file: &TextFile) -> impl Iterator<Item = Finding> {
    file.lines().filter_map(|(number, line)| {
        let marker = MARKERS.iter().find(|marker| holds_word(line, marker))?;
        let message = format!("{marker} without the number of its issue (`{marker} #12: …`)");
        (!names_issue(line)).then(|| file.finding(number, message))
    })
}

fn machine_paths(file: &TextFile) -> impl Iterator<Item = Finding> {
    file.lines().filter_map(|(number, line)| {
        let folder = MACHINE_FOLDERS.iter().find(|folder| holds_absolute_path(line, folder))?;
        Some(file.finding(number, format!("a path of one machine ({folder}…)")))
    })
}

fn holds_word(line: &str, word: &str) -> bool {
    let part_of_word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        let after = line[start + word.len()..].chars().next();
        !before.is_some_and(part_of_word) && !after.is_some_and(part_of_word)
    })
}

fn names_issue(line: &str) -> bool {
    line.match_indices('#').any(|(at, _)| line[at + 1..].starts_with(|c: char| c.is_ascii_digit()))
}

/// Whether the line holds a path that starts with `folder`, and not one that has it further in
/// (`target/home/`, `http://host/work/`).
fn holds_absolute_path(line: &str, folder: &str) -> bool {
    let goes_on = |c: char| c.is_alphanumeric() || "_-.})]>$~*".contains(c);
    line.match_indices(folder)
        .any(|(start, _)| !line[..start].chars().next_back().is_some_and(goes_on))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> TextFile {
        TextFile { path: path.to_owned(), text: text.to_owned() }
    }

    fn lines_found(path: &str, text: &str) -> Vec<usize> {
        findings(&file(path, text)).iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn a_rust_file_opens_with_its_purpose() {
        assert_eq!(lines_found("a.rs", "//! About.\n"), [] as [usize; 0]);
        assert_eq!(lines_found("a.rs", "// About.\n"), [1]);
        assert_eq!(lines_found("a.rs", "\n//! About.\n"), [1]);
        assert_eq!(lines_found("a.rs", ""), [1]);
        assert_eq!(lines_found("a.md", "About.\n"), [] as [usize; 0]);
    }

    #[test]
    fn a_file_is_named_after_what_it_is_about() {
        let about = "//! About.\n";
        assert_eq!(lines_found("crates/a/src/utils.rs", about), [0]);
        assert_eq!(lines_found("crates/a/tests/common/mod.rs", about), [0]);
        assert_eq!(lines_found("crates/a/src/utility_bill.rs", about), [] as [usize; 0]);
    }

    #[test]
    fn a_marker_needs_its_issue() {
        let (todo, fixme, xxx) = (MARKERS[0], MARKERS[1], MARKERS[2]);
        let text = format!(
            "//! About.\n// {todo}: later\n// {todo} #12: later\n// {fixme} soon # 3\nlet {xxx} = 1;\n"
        );
        assert_eq!(lines_found("a.rs", &text), [2, 4, 5]);
        assert_eq!(lines_found("run", &format!("#!/bin/sh\n# {todo}\n")), [2]);
        assert_eq!(lines_found("notes.md", todo), [] as [usize; 0]);
    }

    #[test]
    fn a_marker_is_a_whole_word() {
        let text = format!(
            "//! About.\n// {}S and a{} and {}{}\n",
            MARKERS[0], MARKERS[1], MARKERS[2], MARKERS[2]
        );
        assert_eq!(lines_found("a.rs", &text), [] as [usize; 0]);
    }

    #[test]
    fn paths_of_one_machine_are_found_in_any_text() {
        for folder in MACHINE_FOLDERS {
            for (before, found) in [
                ("", true),
                ("see ", true),
                ("\"", true),
                ("(", true),
                ("x=", true),
                ("file://", true),
                ("http://host", false),
                ("{address}", false),
                ("target", false),
                ("$HOME/..", false),
            ] {
                let text = format!("{before}{folder}x");
                assert_eq!(!lines_found("a.txt", &text).is_empty(), found, "{text}");
            }
        }
    }

    #[test]
    fn a_file_that_is_too_long_fails_and_a_long_one_is_told() {
        let of_length =
            |lines: usize| file("long.rs", &format!("//! About.\n{}", "\n".repeat(lines - 1)));
        assert!(findings(&of_length(TOO_LONG)).is_empty());
        assert_eq!(findings(&of_length(TOO_LONG + 1)).len(), 1);
        assert!(!length_report(&[of_length(LONG)]).contains("warning"));
        assert!(length_report(&[of_length(LONG + 1)]).contains("long.rs has 401 lines"));
        assert_eq!(length_report(&[]), "");
    }
}
