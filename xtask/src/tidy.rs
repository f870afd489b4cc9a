//! `cargo xtask tidy`: the house rules that neither the compiler nor clippy can hold.

use std::fmt;
use std::path::Path;

use anyhow::Result;

use crate::commands::Command;
use crate::options::Options;
use crate::process;
use crate::report::Verdict;
use crate::workspace::Workspace;

mod claims;
mod code;
mod dependencies;
mod documents;
mod manifests;
mod shell;
mod sources;

pub(crate) static COMMAND: Command = Command {
    name: "tidy",
    summary: "Check the house rules on files, manifests and documents.",
    details: "\
Fails, naming file and line, when
  - a Rust file does not open with a `//!` comment, has a name like `util` that says
    nothing, or is longer than 700 lines (over 400 lines it is only told);
  - a work marker stands in code without the number of its issue (`#12`);
  - a path of one machine stands in any text file;
  - a manifest does not take the lints of the workspace, or a crate without unsafe code
    does not forbid it;
  - a library in the root manifest is used by no crate, or one that a published crate uses
    is not explained in the table of ARCHITECTURE.md;
  - a fenced shell block in a Markdown file uses a `cargo xtask` command, a subcommand or
    option of the command line, a package, a target or a file that does not exist, or a
    link leads to a file that does not exist;
  - there is no README.md.
It looks at tracked files and at new files that git does not ignore.",
    options: &[],
    run,
};

/// A text file of the repository.
pub(crate) struct TextFile {
    /// Relative to the root, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// A broken rule and where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    pub(crate) path: String,
    /// From 1; 0 for the file as a whole.
    pub(crate) line: usize,
    pub(crate) message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.message),
            line => write!(f, "{}:{line}: {}", self.path, self.message),
        }
    }
}

impl TextFile {
    /// A finding in this file; `line` counts from 1, 0 means the file as a whole.
    pub(crate) fn finding(&self, line: usize, message: impl Into<String>) -> Finding {
        Finding { path: self.path.clone(), line, message: message.into() }
    }

    /// Whether the name ends with this extension.
    pub(crate) fn is(&self, extension: &str) -> bool {
        Path::new(&self.path).extension().is_some_and(|found| found == extension)
    }

    /// The lines with their numbers, from 1.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }
}

fn run(_: &Options) -> Result<Verdict> {
    let workspace = Workspace::load()?;
    let files = text_files(&workspace.root)?;
    let mut findings: Vec<Finding> = files.iter().flat_map(sources::findings).collect();
    findings.extend(manifests::findings(&workspace, &files));
    findings.extend(dependencies::findings(&workspace, &files));
    findings.extend(documents::findings(&workspace, &files)?);
    findings.sort();
    for finding in &findings {
        eprintln!("tidy: {finding}");
    }
    print!("{}", sources::length_report(&files));
    println!("tidy: {} text files: {} findings", files.len(), findings.len());
    Ok(Verdict::of(findings.is_empty()))
}

/// Every text file that git tracks or would track, sorted by path.
fn text_files(root: &Path) -> Result<Vec<TextFile>> {
    let mut git = std::process::Command::new("git");
    git.current_dir(root).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let listed = process::capture(&mut git)?;
    let mut paths: Vec<&str> = listed.split('\0').filter(|path| !path.is_empty()).collect();
    paths.sort_unstable();
    paths.dedup();
    // A file that is tracked but deleted, a link to a folder or a binary has no text to look at.
    let read = |path: &str| {
        let text = std::fs::read_to_string(root.join(path)).ok()?;
        Some(TextFile { path: path.to_owned(), text })
    };
    Ok(paths.into_iter().filter_map(read).collect())
}
