//! Rules on Markdown files: the commands that they tell a reader to type and the files that they link
//! to must exist.

use std::cell::RefCell;
use std::collections::BTreeMap;

use anyhow::Result;

use crate::process;
use crate::tidy::claims::{Facts, PROGRAM, claims};
use crate::tidy::{Finding, TextFile, shell};
use crate::workspace::Workspace;

/// What is wrong with the documents; asks the command line for its help where they use it.
pub(crate) fn findings(workspace: &Workspace, files: &[TextFile]) -> Result<Vec<Finding>> {
    let asked = RefCell::new(BTreeMap::new());
    let help = |path: &[String]| {
        let ask = || help_of_program(workspace, path).map_err(|trouble| format!("{trouble:#}"));
        asked.borrow_mut().entry(path.to_vec()).or_insert_with(ask).clone()
    };
    let exists = |path: &str| workspace.root.join(path).exists();
    let facts = Facts { packages: &workspace.packages, exists: &exists, help: &help };

    let mut findings = Vec::new();
    if !files.iter().any(|file| file.path == "README.md") {
        findings.push(Finding {
            path: "README.md".to_owned(),
            line: 0,
            message: "is missing".to_owned(),
        });
    }
    for file in files.iter().filter(|file| file.is("md")) {
        for command in shell::commands(&file.text) {
            let faults = claims(&command.words).into_iter().filter_map(|claim| claim.fault(&facts));
            findings.extend(faults.map(|fault| file.finding(command.line, fault)));
        }
        let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for (line, target) in links(&file.text) {
            if !exists(format!("{folder}/{target}").trim_start_matches('/')) {
                findings
                    .push(file.finding(line, format!("links to {target}, which does not exist")));
            }
        }
    }
    Ok(findings)
}

/// The links to other files, with their lines; fenced blocks have none.
fn links(markdown: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut in_block = false;
    for (index, line) in markdown.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_block = !in_block;
        }
        for (start, opening) in line.match_indices("](").filter(|_| !in_block) {
            let target = &line[start + opening.len()..];
            let target = target.split([')', '#', ' ']).next().unwrap_or_default();
            if !target.is_empty() && !target.contains(':') {
                found.push((index + 1, target.to_owned()));
            }
        }
    }
    found
}

fn help_of_program(workspace: &Workspace, path: &[String]) -> Result<String> {
    let mut command = process::cargo(&workspace.root);
    command.args(["run", "--quiet", "--bin", PROGRAM, "--"]).args(path).arg("--help");
    process::capture(&mut command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_to_files_are_found_and_others_are_not() {
        let markdown = "see [a](docs/a.md#part), ![b](b.png \"b\")\n\
                        [web](https://example.org) [here](#here)\n```rust\nx[0](c)\n```\n";
        let found = links(markdown);
        assert_eq!(found, [(1, "docs/a.md".to_owned()), (1, "b.png".to_owned())]);
    }
}
