//! The plan of a test run: which cargo commands, with which environment, and what is left out why.

use crate::process;
use crate::workspace::Workspace;

/// The crates whose protocols are model-checked, if they have a test target named `loom`.
const LOOM_CRATES: &[&str] = &["manyhands-wait", "manyhands-executor"];

/// One part of the run.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) name: String,
    pub(crate) work: Work,
    /// Whether the command takes `--no-run`.
    pub(crate) can_build_alone: bool,
}

/// What a stage does.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// Calls cargo.
    Cargo { arguments: Vec<String>, environment: Vec<(&'static str, String)> },
    /// Does nothing, for this reason.
    Skip(String),
}

/// The program that runs unit and integration tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Runner {
    Nextest,
    CargoTest,
}

impl Runner {
    /// nextest if it is installed; says so if it is not.
    pub(crate) fn detect(workspace: &Workspace) -> Runner {
        if process::succeeds(process::cargo(&workspace.root).args(["nextest", "--version"])) {
            return Runner::Nextest;
        }
        println!("cargo-nextest is not installed, so cargo test runs the tests");
        println!("(to have it: cargo install --locked cargo-nextest)");
        Runner::CargoTest
    }

    /// The words that run the selected tests and go on after a failure.
    pub(crate) fn arguments(self, selection: &[&str]) -> Vec<String> {
        let (first, last): (&[&str], &[&str]) = match self {
            Runner::Nextest => (&["nextest", "run"], &["--no-fail-fast", "--no-tests=pass"]),
            Runner::CargoTest => (&["test"], &["--no-fail-fast"]),
        };
        owned(&[first, selection, last].concat())
    }
}

/// The stages of a run; `quick` leaves out the models.
pub(crate) fn plan(workspace: &Workspace, runner: Runner, quick: bool) -> Vec<Stage> {
    let mut stages = vec![
        Stage {
            name: "unit and integration tests".to_owned(),
            work: Work::Cargo {
                arguments: runner.arguments(&["--workspace", "--lib", "--bins", "--tests"]),
                environment: Vec::new(),
            },
            can_build_alone: true,
        },
        examples(workspace, runner),
        Stage {
            name: "documentation tests".to_owned(),
            work: Work::Cargo {
                arguments: owned(&["test", "--doc", "--workspace", "--no-fail-fast"]),
                environment: Vec::new(),
            },
            can_build_alone: false,
        },
    ];
    stages.extend(LOOM_CRATES.iter().map(|name| models(workspace, name, quick)));
    stages
}

/// The tests inside the example programs; the first stage has run those in the library beside them.
fn examples(workspace: &Workspace, runner: Runner) -> Stage {
    let has_examples = workspace.packages.iter().any(|package| package.has_any("example"));
    let work = if has_examples {
        let arguments = runner.arguments(&["--workspace", "--examples"]);
        Work::Cargo { arguments, environment: Vec::new() }
    } else {
        Work::Skip("no package has example targets".to_owned())
    };
    Stage { name: "tests in the examples".to_owned(), work, can_build_alone: true }
}

fn models(workspace: &Workspace, name: &str, quick: bool) -> Stage {
    let exists = workspace.package(name).is_some_and(|package| package.has_target("test", "loom"));
    let work = if quick {
        Work::Skip("left out by --quick".to_owned())
    } else if !exists {
        Work::Skip(format!("{name} has no test target named loom"))
    } else {
        let folder = workspace.target_folder.join("loom");
        Work::Cargo {
            arguments: owned(&["test", "--release", "-p", name, "--test", "loom"]),
            environment: vec![
                ("RUSTFLAGS", with_inherited_flags("--cfg manyhands_loom")),
                ("CARGO_TARGET_DIR", folder.to_string_lossy().into_owned()),
            ],
        }
    };
    Stage { name: format!("loom models of {name}"), work, can_build_alone: true }
}

/// `flags` after those that the caller's `RUSTFLAGS` asks for.
pub(crate) fn with_inherited_flags(flags: &str) -> String {
    let inherited = std::env::var("RUSTFLAGS").unwrap_or_default();
    format!("{inherited} {flags}").trim().to_owned()
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::{Package, Target};

    fn workspace(targets: &[(&str, &str, &str)]) -> Workspace {
        let package = |(package, kind, name): &(&str, &str, &str)| Package {
            name: (*package).to_owned(),
            folder: format!("crates/{package}").into(),
            dependencies: Vec::new(),
            targets: vec![Target {
                name: (*name).to_owned(),
                kinds: vec![(*kind).to_owned()],
                source: "x.rs".into(),
            }],
        };
        Workspace {
            root: "/w".into(),
            target_folder: "/w/target".into(),
            packages: targets.iter().map(package).collect(),
        }
    }

    fn words(stage: &Stage) -> String {
        match &stage.work {
            Work::Cargo { arguments, .. } => arguments.join(" "),
            Work::Skip(why) => format!("skip: {why}"),
        }
    }

    #[test]
    fn a_full_run_has_tests_examples_documentation_and_models() {
        let workspace = workspace(&[
            ("manyhands-wait", "test", "loom"),
            ("manyhands-executor", "test", "loom"),
            ("examples", "example", "crawler"),
        ]);
        let stages = plan(&workspace, Runner::Nextest, false);
        let lines: Vec<String> = stages.iter().map(words).collect();
        assert!(lines[0].starts_with("nextest run --workspace --lib --bins --tests"));
        assert!(lines[1].starts_with("nextest run --workspace --examples"));
        assert!(lines[2].starts_with("test --doc --workspace"));
        assert_eq!(lines[3], "test --release -p manyhands-wait --test loom");
        assert_eq!(lines[4], "test --release -p manyhands-executor --test loom");
        let Work::Cargo { environment, .. } = &stages[4].work else { panic!("not run") };
        assert!(environment[0].1.ends_with("--cfg manyhands_loom"));
        assert_eq!(environment[1], ("CARGO_TARGET_DIR", "/w/target/loom".to_owned()));
    }

    #[test]
    fn without_nextest_cargo_runs_the_same_tests() {
        let stages = plan(&workspace(&[]), Runner::CargoTest, false);
        assert!(words(&stages[0]).starts_with("test --workspace --lib --bins --tests"));
    }

    #[test]
    fn what_is_left_out_says_why() {
        let partly =
            workspace(&[("manyhands-wait", "test", "loom"), ("manyhands-executor", "test", "it")]);
        let lines: Vec<String> = plan(&partly, Runner::Nextest, false).iter().map(words).collect();
        assert_eq!(lines[1], "skip: no package has example targets");
        assert!(lines[3].starts_with("test --release"));
        assert_eq!(lines[4], "skip: manyhands-executor has no test target named loom");
        let quick = plan(&partly, Runner::Nextest, true);
        assert!(quick[3..].iter().all(|stage| words(stage) == "skip: left out by --quick"));
    }
}
