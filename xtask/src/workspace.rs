//! The workspace as `cargo metadata` describes it: packages, their dependencies and their targets.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::process;

/// All packages of the workspace.
pub(crate) struct Workspace {
    /// The folder that holds the root manifest.
    pub(crate) root: PathBuf,
    /// Where cargo puts what it builds.
    pub(crate) target_folder: PathBuf,
    /// The members.
    pub(crate) packages: Vec<Package>,
}

/// One member of the workspace.
#[derive(Debug, Clone)]
pub(crate) struct Package {
    pub(crate) name: String,
    /// The folder of its manifest.
    pub(crate) folder: PathBuf,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) targets: Vec<Target>,
}

/// One line of a manifest's dependency tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dependency {
    /// The name of the crate that is depended on, whatever it is renamed to.
    pub(crate) name: String,
    pub(crate) kind: DependencyKind,
}

/// The table that a dependency stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DependencyKind {
    Normal,
    Build,
    Dev,
}

/// Something that cargo builds from a package.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) name: String,
    /// What it is: `lib`, `bin`, `test`, `example`, `bench`, `proc-macro`, `custom-build`, …
    pub(crate) kinds: Vec<String>,
    /// Its root file.
    pub(crate) source: PathBuf,
}

impl Workspace {
    /// Asks cargo about the workspace that this program belongs to.
    pub(crate) fn load() -> Result<Workspace> {
        let mut command = process::cargo(&folder_of_this_program());
        command.args(["metadata", "--format-version", "1", "--no-deps"]);
        parse(&process::capture(&mut command)?).context("reading the output of cargo metadata")
    }

    /// The member with that name.
    pub(crate) fn package(&self, name: &str) -> Option<&Package> {
        self.packages.iter().find(|package| package.name == name)
    }
}

impl Package {
    /// Whether it has a target of this kind and name.
    pub(crate) fn has_target(&self, kind: &str, name: &str) -> bool {
        self.targets.iter().any(|target| target.is(kind) && target.name == name)
    }
}

impl Target {
    /// Whether the target is of this kind.
    pub(crate) fn is(&self, kind: &str) -> bool {
        self.kinds.iter().any(|one| one == kind)
    }
}

/// The folder of xtask: as cargo says now, or as it was when this program was built.
fn folder_of_this_program() -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR")
        .unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into())
        .into()
}

fn parse(metadata: &str) -> Result<Workspace> {
    let metadata: Value = serde_json::from_str(metadata)?;
    Ok(Workspace {
        root: text(&metadata, "workspace_root")?.into(),
        target_folder: text(&metadata, "target_directory")?.into(),
        packages: list(&metadata, "packages")?.iter().map(package).collect::<Result<_>>()?,
    })
}

fn package(value: &Value) -> Result<Package> {
    let manifest = Path::new(text(value, "manifest_path")?);
    Ok(Package {
        name: text(value, "name")?.to_owned(),
        folder: manifest.parent().context("a manifest lies in a folder")?.to_owned(),
        dependencies: list(value, "dependencies")?.iter().map(dependency).collect::<Result<_>>()?,
        targets: list(value, "targets")?.iter().map(target).collect::<Result<_>>()?,
    })
}

fn dependency(value: &Value) -> Result<Dependency> {
    let kind = match value.get("kind").and_then(Value::as_str) {
        None => DependencyKind::Normal,
        Some("build") => DependencyKind::Build,
        Some("dev") => DependencyKind::Dev,
        Some(other) => anyhow::bail!("a dependency of the unknown kind {other:?}"),
    };
    Ok(Dependency { name: text(value, "name")?.to_owned(), kind })
}

fn target(value: &Value) -> Result<Target> {
    let kinds = list(value, "kind")?.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    Ok(Target {
        name: text(value, "name")?.to_owned(),
        kinds,
        source: text(value, "src_path")?.into(),
    })
}

fn text<'a>(value: &'a Value, field: &str) -> Result<&'a str> {
    value.get(field).and_then(Value::as_str).with_context(|| format!("no text in field {field:?}"))
}

fn list<'a>(value: &'a Value, field: &str) -> Result<&'a Vec<Value>> {
    value
        .get(field)
        .and_then(Value::as_array)
        .with_context(|| format!("no list in field {field:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_becomes_packages_with_edges_and_targets() {
        let metadata = r#"{
            "workspace_root": "/w", "target_directory": "/w/target",
            "packages": [{
                "name": "top", "manifest_path": "/w/crates/top/Cargo.toml",
                "dependencies": [
                    {"name": "floor", "kind": null, "rename": "ground"},
                    {"name": "aside", "kind": "dev"}
                ],
                "targets": [{"name": "loom", "kind": ["test"], "src_path": "/w/crates/top/tests/loom.rs"}]
            }]
        }"#;
        let workspace = parse(metadata).expect("well formed");
        let top = workspace.package("top").expect("listed");
        assert_eq!(top.folder, Path::new("/w/crates/top"));
        assert_eq!(top.dependencies[0].name, "floor");
        assert_eq!(top.dependencies[0].kind, DependencyKind::Normal);
        assert_eq!(top.dependencies[1].kind, DependencyKind::Dev);
        assert!(top.has_target("test", "loom") && !top.has_target("bin", "loom"));
        assert!(workspace.package("floor").is_none());
    }

    #[test]
    fn metadata_of_another_shape_is_an_error() {
        assert!(parse("{}").is_err());
        assert!(parse("not json").is_err());
    }

    #[test]
    fn the_real_workspace_can_be_read() {
        let workspace = Workspace::load().expect("cargo metadata works here");
        assert!(workspace.package("xtask").is_some_and(|xtask| xtask.has_target("bin", "xtask")));
        assert!(workspace.root.join("Cargo.toml").is_file());
    }
}
