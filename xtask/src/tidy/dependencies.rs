//! Rules on libraries that are not ours: each one stands in the table with its reason, none is left over.

use crate::tidy::{Finding, TextFile};
use crate::workspace::{Dependency, DependencyKind, Package, Workspace};

const TABLE: &str = "ARCHITECTURE.md";
const HEADING: &str = "## Dependencies and why";

/// What is wrong with the dependencies of the workspace.
pub(crate) fn findings(workspace: &Workspace, files: &[TextFile]) -> Vec<Finding> {
    let find = |path: &str| files.iter().find(|file| file.path == path);
    let mut findings = Vec::new();
    if let Some(manifest) = find("Cargo.toml") {
        findings.extend(left_over(manifest, &workspace.packages));
    }
    if let Some(document) = find(TABLE) {
        let crates = workspace.root.join("crates");
        let published =
            workspace.packages.iter().filter(|package| package.folder.starts_with(&crates));
        findings.extend(unexplained(document, published, &workspace.packages));
    }
    findings
}

/// Libraries in the root manifest that no member uses.
fn left_over(manifest: &TextFile, packages: &[Package]) -> Vec<Finding> {
    let is_used = |name: &str| packages.iter().any(|package| uses(package, name));
    let mut findings = Vec::new();
    let mut in_table = false;
    for (number, line) in manifest.lines() {
        if line.starts_with('[') {
            in_table = line.trim() == "[workspace.dependencies]";
        } else if in_table
            && let Some((name, value)) = line.split_once('=')
            && !line.starts_with('#')
            && !value.contains("package")
            && !is_used(name.trim())
        {
            let message = format!("no crate uses {}: take it out", name.trim());
            findings.push(manifest.finding(number, message));
        }
    }
    findings
}

/// Libraries that a published crate uses outside its tests and that the table does not explain.
fn unexplained<'a>(
    document: &TextFile,
    published: impl Iterator<Item = &'a Package>,
    packages: &[Package],
) -> Vec<Finding> {
    let rows: Vec<&str> = document
        .text
        .lines()
        .skip_while(|line| line.trim() != HEADING)
        .skip(1)
        .take_while(|line| !line.starts_with("## "))
        .filter(|line| line.starts_with('|'))
        .filter_map(|line| line.split('|').nth(1))
        .collect();
    let is_explained = |name: &str| rows.iter().any(|row| row.contains(&format!("`{name}`")));
    let is_ours = |name: &str| packages.iter().any(|package| package.name == name);
    let mut findings = Vec::new();
    for package in published {
        for Dependency { name, kind } in &package.dependencies {
            if *kind != DependencyKind::Dev && !is_ours(name) && !is_explained(name) {
                let message = format!(
                    "{} depends on `{name}`, which the table under {HEADING:?} does not explain",
                    package.name
                );
                findings.push(document.finding(0, message));
            }
        }
    }
    findings
}

fn uses(package: &Package, name: &str) -> bool {
    package.dependencies.iter().any(|dependency| dependency.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> TextFile {
        TextFile { path: path.to_owned(), text: text.to_owned() }
    }

    fn package(name: &str, dependencies: &[(&str, DependencyKind)]) -> Package {
        let dependency = |(name, kind): &(&str, DependencyKind)| Dependency {
            name: (*name).to_owned(),
            kind: *kind,
        };
        Package {
            name: name.to_owned(),
            folder: name.into(),
            dependencies: dependencies.iter().map(dependency).collect(),
            targets: Vec::new(),
        }
    }

    #[test]
    fn a_library_that_nobody_uses_is_left_over() {
        let manifest = file(
            "Cargo.toml",
            "[workspace]\nresolver = \"3\"\n\n[workspace.dependencies]\n# about\nserde = \"1\"\n\
             old = \"1\"\nnew = { package = \"newer\", version = \"1\" }\n[workspace.lints.rust]\na = \"b\"\n",
        );
        let packages = [package("ours", &[("serde", DependencyKind::Dev)])];
        let found = left_over(&manifest, &packages);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].line, 7);
        assert!(found[0].message.contains("old"));
    }

    #[test]
    fn a_library_without_a_reason_is_found() {
        let document = file(
            TABLE,
            "# A\n| `early` | x |\n## Dependencies and why\n\n| library | why |\n|---|---|\n\
             | `serde`, `serde_json` | x |\n| x | `hidden` |\n\n## Next\n| `late` | x |\n",
        );
        let all = [
            package("floor", &[("serde", DependencyKind::Normal), ("late", DependencyKind::Dev)]),
            package(
                "room",
                &[
                    ("floor", DependencyKind::Normal),
                    ("serde_json", DependencyKind::Normal),
                    ("early", DependencyKind::Normal),
                    ("late", DependencyKind::Build),
                    ("hidden", DependencyKind::Normal),
                ],
            ),
        ];
        let found = unexplained(&document, all.iter(), &all);
        let messages: Vec<&str> = found.iter().map(|finding| finding.message.as_str()).collect();
        assert_eq!(messages.len(), 3, "{messages:?}");
        for (message, name) in messages.iter().zip(["early", "late", "hidden"]) {
            assert!(message.contains(&format!("`{name}`")), "{message}");
        }
    }
}
