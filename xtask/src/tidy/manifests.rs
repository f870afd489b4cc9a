//! Rules on crates: every manifest takes the workspace's lints, crates without unsafe code forbid it.

use std::path::Path;

use crate::tidy::{Finding, TextFile, code};
use crate::workspace::{Package, Workspace};

/// What is wrong with the crates of the workspace.
pub(crate) fn findings(workspace: &Workspace, files: &[TextFile]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in &workspace.packages {
        let folder = relative(&package.folder, &workspace.root);
        let manifest = format!("{folder}/Cargo.toml");
        if let Some(file) = files.iter().find(|file| file.path == manifest) {
            findings.extend(lints(file));
        }
        let sources = format!("{folder}/src/");
        let sources: Vec<&TextFile> =
            files.iter().filter(|file| file.path.starts_with(&sources) && file.is("rs")).collect();
        findings.extend(unsafe_code(&roots(package, &workspace.root), &sources));
    }
    findings
}

fn lints(manifest: &TextFile) -> Option<Finding> {
    let message = "does not take the lints of the workspace (`[lints]`, `workspace = true`)";
    (!takes_workspace_lints(&manifest.text)).then(|| manifest.finding(0, message))
}

/// The root files of the libraries and programs of a package, as paths from the root.
fn roots(package: &Package, root: &Path) -> Vec<String> {
    let is_ours = ["lib", "bin", "proc-macro"];
    let targets =
        package.targets.iter().filter(|target| is_ours.iter().any(|kind| target.is(kind)));
    targets.map(|target| relative(&target.source, root)).collect()
}

/// The roots that should forbid unsafe code and do not; none if any of the sources has some.
fn unsafe_code(roots: &[String], sources: &[&TextFile]) -> Vec<Finding> {
    if sources.iter().any(|file| code::has_unsafe(&file.text)) {
        return Vec::new();
    }
    let message = "the crate has no unsafe code and does not say `#![forbid(unsafe_code)]`";
    sources
        .iter()
        .filter(|file| roots.contains(&file.path) && !code::forbids_unsafe(&file.text))
        .map(|file| file.finding(0, message))
        .collect()
}

fn takes_workspace_lints(manifest: &str) -> bool {
    let mut table = String::new();
    manifest.lines().any(|line| {
        let line: String = line.split('#').next().unwrap_or_default().split_whitespace().collect();
        if line.starts_with('[') {
            table = line;
            return false;
        }
        (table == "[lints]" && line == "workspace=true")
            || (table.is_empty() && line == "lints.workspace=true")
    })
}

fn relative(path: &Path, root: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> TextFile {
        TextFile { path: path.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn the_lints_table_is_recognised() {
        for manifest in [
            "[package]\nname = \"a\"\n\n[lints]\nworkspace = true\n",
            "lints.workspace = true\n[package]\n",
            "[lints] # house rules\nworkspace=true",
        ] {
            assert!(takes_workspace_lints(manifest), "{manifest}");
        }
        for manifest in [
            "[package]\nname = \"a\"\n",
            "[dependencies]\nworkspace = true\n",
            "[lints]\n# workspace = true\n",
            "[lints.rust]\nmissing_docs = \"deny\"\n",
        ] {
            assert!(!takes_workspace_lints(manifest), "{manifest}");
        }
        assert!(lints(&file("a/Cargo.toml", "[package]")).is_some());
    }

    #[test]
    fn a_crate_without_unsafe_code_has_to_forbid_it_in_each_root() {
        let library = file("a/src/lib.rs", "//! A.\n");
        let program = file("a/src/main.rs", "//! A.\n#![forbid(unsafe_code)]\n");
        let part = file("a/src/part.rs", "//! A part. unsafe is only a word here.\n");
        let roots = ["a/src/lib.rs".to_owned(), "a/src/main.rs".to_owned()];
        let found = unsafe_code(&roots, &[&library, &program, &part]);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].path, "a/src/lib.rs");
    }

    #[test]
    fn a_crate_with_unsafe_code_need_not_forbid_it() {
        let library = file("a/src/lib.rs", "//! A.\n");
        let part = file("a/src/part.rs", "//! A part.\nunsafe impl Send for A {}\n");
        assert_eq!(unsafe_code(&["a/src/lib.rs".to_owned()], &[&library, &part]), []);
    }
}
