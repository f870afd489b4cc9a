//! Negative dependency rules: what must not be found anywhere in the tree of a crate.

use anyhow::Result;

use crate::process;
use crate::workspace::Workspace;

/// `library` must not be reachable from `package` with these features, on any platform, through
/// dependencies and build-dependencies.
pub(crate) struct Absence {
    pub(crate) package: &'static str,
    pub(crate) features: Features,
    pub(crate) library: &'static str,
}

/// The features a rule is checked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Features {
    None,
    Default,
    All,
}

impl Absence {
    /// Asks `cargo tree`; if the library is there, the fault says by which way it came in.
    pub(crate) fn fault(&self, workspace: &Workspace) -> Result<Option<String>> {
        if workspace.package(self.package).is_none() {
            return Ok(None); // The comparison with the table reports a missing crate.
        }
        let tree = process::capture(self.tree(workspace).args(["--prefix", "none"]))?;
        if !contains(&tree, self.library) {
            return Ok(None);
        }
        let way = process::capture(self.tree(workspace).args(["--invert", self.library]))
            .unwrap_or_else(|trouble| format!("(the way is not known: {trouble:#})"));
        Ok(Some(format!(
            "{} with {} pulls in {}, which must stay out of it:\n{}",
            self.package,
            self.features.name(),
            self.library,
            way.trim_end()
        )))
    }

    fn tree(&self, workspace: &Workspace) -> std::process::Command {
        let mut command = process::cargo(&workspace.root);
        command.args(["tree", "--quiet", "--package", self.package, "--target", "all"]);
        command.args(["--edges", "normal,build"]).args(self.features.arguments());
        command
    }
}

impl Features {
    fn arguments(self) -> &'static [&'static str] {
        match self {
            Features::None => &["--no-default-features"],
            Features::Default => &[],
            Features::All => &["--all-features"],
        }
    }

    fn name(self) -> &'static str {
        match self {
            Features::None => "no default features",
            Features::Default => "its default features",
            Features::All => "all features",
        }
    }
}

/// Whether a tree printed with `--prefix none` (one `name vX.Y.Z` per line) holds the library.
fn contains(tree: &str, library: &str) -> bool {
    tree.lines().any(|line| line.split_whitespace().next() == Some(library))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_is_found_by_its_whole_name() {
        let tree = "floor v0.1.0\ntokio-util v0.7.1\nserde v1.0.2 (*)\n";
        assert!(contains(tree, "serde"));
        assert!(!contains(tree, "tokio"));
    }

    #[test]
    fn a_rule_that_is_broken_names_the_way_in() {
        let workspace = Workspace::load().expect("cargo metadata works here");
        let broken = |library| Absence { package: "xtask", features: Features::All, library };
        let fault = broken("serde_json").fault(&workspace).expect("cargo tree works here");
        let fault = fault.expect("xtask does depend on serde_json");
        assert!(fault.contains("xtask") && fault.contains("serde_json v"), "{fault}");
        assert!(broken("tokio").fault(&workspace).expect("cargo tree works here").is_none());
    }
}
