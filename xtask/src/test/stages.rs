//! The plan of a test run: which cargo commands, with which environment, and what is left out why.

use std::path::Path;

use crate::process;
use crate::workspace::Workspace;

/// The crates whose protocols are model-checked, if they have a test target named `loom`.
const LOOM_CRATES: &[&str] =
    &["manyhands-wait", "manyhands-sync", "manyhands-executor", "manyhands-coroutines"];

/// One part of the run.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) name: String,
    pub(crate) work: Work,
}

/// What a stage does.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// Lets a runner run the tests that `selection` names.
    Tests { runner: Runner, selection: Vec<String>, environment: Vec<(&'static str, String)> },
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

    /// The words for cargo that run the selected tests and go on after a failure.
    pub(crate) fn run_arguments(self, selection: &[String]) -> Vec<String> {
        self.arguments(selection, "--no-fail-fast")
    }

    /// The words for cargo that only build the selected tests; documentation tests cannot be built
    /// without running them.
    pub(crate) fn build_arguments(self, selection: &[String]) -> Option<Vec<String>> {
        let is_documentation = selection.iter().any(|word| word == "--doc");
        (!is_documentation).then(|| self.arguments(selection, "--no-run"))
    }

    /// Whether a line of output (without colours) sums up or names a failed test.
    pub(crate) fn is_closing_line(self, line: &str) -> bool {
        let text = line.trim_start();
        let sums_up = match self {
            Runner::Nextest => text.starts_with("Summary ["),
            Runner::CargoTest => text.starts_with("test result: "),
        };
        let gives_up = ["test", "could not", "command", "no "]
            .iter()
            .any(|what| text.strip_prefix("error: ").is_some_and(|error| error.starts_with(what)));
        let names_failure = match self {
            // `FAIL [`, `SIGABRT [`, `TIMEOUT [` and the like; `TRY 2 FAIL [` after a retry.
            Runner::Nextest => {
                let is_state =
                    |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || " +-".contains(c);
                let after_state = text.trim_start_matches(is_state);
                let is_state_line = after_state.starts_with('[') && after_state.len() < text.len();
                is_state_line
                    && !["PASS", "SLOW", "START", "SETUP"].iter().any(|fine| text.starts_with(fine))
            }
            Runner::CargoTest => {
                text.starts_with("test ") && text.trim_end().ends_with("... FAILED")
            }
        };
        sums_up || gives_up || names_failure
    }

    fn arguments(self, selection: &[String], last: &str) -> Vec<String> {
        let first: &[&str] = match self {
            Runner::Nextest => &["nextest", "run"],
            Runner::CargoTest => &["test"],
        };
        [owned(first), selection.to_vec(), owned(&[last])].concat()
    }
}

/// The stages of a run; `quick` leaves out the models.
pub(crate) fn plan(workspace: &Workspace, runner: Runner, quick: bool) -> Vec<Stage> {
    let mut stages = vec![
        Stage {
            name: "unit and integration tests".to_owned(),
            work: Work::Tests {
                runner,
                selection: owned(&["--workspace", "--lib", "--bins", "--tests"]),
                environment: Vec::new(),
            },
        },
        examples(workspace, runner, &holds_tests),
        Stage {
            name: "documentation tests".to_owned(),
            work: Work::Tests {
                runner: Runner::CargoTest,
                selection: owned(&["--doc", "--workspace"]),
                environment: Vec::new(),
            },
        },
    ];
    stages.extend(LOOM_CRATES.iter().map(|name| models(workspace, name, quick)));
    stages
}

/// The tests inside the example programs, where there are any; those of the library and the
/// integration tests beside them belong to the first stage.
fn examples(workspace: &Workspace, runner: Runner, holds_tests: &dyn Fn(&Path) -> bool) -> Stage {
    let examples: Vec<&str> = workspace
        .packages
        .iter()
        .flat_map(|package| &package.targets)
        .filter(|target| target.is("example") && holds_tests(&target.source))
        .flat_map(|target| ["--example", &target.name])
        .collect();
    let work = if examples.is_empty() {
        Work::Skip("no example has tests inside".to_owned())
    } else {
        let selection = owned(&[&["--workspace"], &examples[..]].concat());
        Work::Tests { runner, selection, environment: Vec::new() }
    };
    Stage { name: "tests inside the examples".to_owned(), work }
}

/// Whether a source file has unit tests; one that cannot be read has none, and cargo will say so.
fn holds_tests(source: &Path) -> bool {
    std::fs::read_to_string(source).is_ok_and(|text| text.contains("#[test]"))
}

fn models(workspace: &Workspace, name: &str, quick: bool) -> Stage {
    let exists = workspace.package(name).is_some_and(|package| package.has_target("test", "loom"));
    let work = if quick {
        Work::Skip("left out by --quick".to_owned())
    } else if !exists {
        Work::Skip(format!("{name} has no test target named loom"))
    } else {
        let folder = workspace.target_folder.join("loom");
        Work::Tests {
            runner: Runner::CargoTest,
            selection: owned(&["--release", "-p", name, "--test", "loom"]),
            environment: vec![
                ("RUSTFLAGS", with_inherited_flags("--cfg manyhands_loom")),
                ("CARGO_TARGET_DIR", folder.to_string_lossy().into_owned()),
            ],
        }
    };
    Stage { name: format!("loom models of {name}"), work }
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
            Work::Tests { runner, selection, .. } => runner.run_arguments(selection).join(" "),
            Work::Skip(why) => format!("skip: {why}"),
        }
    }

    #[test]
    fn a_full_run_has_tests_examples_documentation_and_models() {
        let workspace =
            workspace(&[("manyhands-wait", "test", "loom"), ("manyhands-sync", "test", "loom")]);
        let stages = plan(&workspace, Runner::Nextest, false);
        let lines: Vec<String> = stages.iter().map(words).collect();
        assert!(lines[0].starts_with("nextest run --workspace --lib --bins --tests"));
        assert!(lines[2].starts_with("test --doc --workspace"));
        assert_eq!(lines[3], "test --release -p manyhands-wait --test loom --no-fail-fast");
        assert_eq!(lines[4], "test --release -p manyhands-sync --test loom --no-fail-fast");
        let Work::Tests { environment, .. } = &stages[4].work else { panic!("not run") };
        assert!(environment[0].1.ends_with("--cfg manyhands_loom"));
        assert_eq!(environment[1], ("CARGO_TARGET_DIR", "/w/target/loom".to_owned()));
    }

    #[test]
    fn examples_with_tests_inside_are_run() {
        let workspace = workspace(&[("a", "example", "one"), ("a", "bin", "two")]);
        let stage = examples(&workspace, Runner::Nextest, &|_| true);
        assert_eq!(words(&stage), "nextest run --workspace --example one --no-fail-fast");
        let stage = examples(&workspace, Runner::Nextest, &|_| false);
        assert_eq!(words(&stage), "skip: no example has tests inside");
    }

    #[test]
    fn without_nextest_cargo_runs_the_same_tests() {
        let stages = plan(&workspace(&[]), Runner::CargoTest, false);
        assert!(words(&stages[0]).starts_with("test --workspace --lib --bins --tests"));
    }

    #[test]
    fn what_is_left_out_says_why() {
        let partly =
            workspace(&[("manyhands-wait", "test", "loom"), ("manyhands-sync", "test", "it")]);
        let lines: Vec<String> = plan(&partly, Runner::Nextest, false).iter().map(words).collect();
        assert_eq!(lines[1], "skip: no example has tests inside");
        assert!(lines[3].starts_with("test --release"));
        assert_eq!(lines[4], "skip: manyhands-sync has no test target named loom");
        let quick = plan(&partly, Runner::Nextest, true);
        assert!(quick[3..].iter().all(|stage| words(stage) == "skip: left out by --quick"));
    }

    #[test]
    fn building_alone_takes_the_same_selection() {
        for stage in plan(&workspace(&[]), Runner::Nextest, false) {
            let Work::Tests { runner, selection, .. } = &stage.work else { continue };
            match runner.build_arguments(selection) {
                None => assert_eq!(stage.name, "documentation tests"),
                Some(arguments) => {
                    assert!(selection.iter().all(|word| arguments.contains(word)));
                    assert_eq!(arguments.last().map(String::as_str), Some("--no-run"));
                    assert!(!arguments.iter().any(|word| word == "--no-fail-fast"));
                }
            }
        }
    }

    #[test]
    fn closing_lines_of_both_runners_are_known() {
        for (runner, line) in [
            (
                Runner::Nextest,
                "     Summary [   0.512s] 12 tests run: 11 passed, 1 failed, 0 skipped",
            ),
            (Runner::Nextest, "        FAIL [   0.004s] ( 9/59) xtask layers::tests::table"),
            (Runner::Nextest, "  TRY 2 FAIL [   0.004s] ( 9/59) xtask layers::tests::table"),
            (Runner::Nextest, "     SIGABRT [   0.004s] ( 9/59) xtask layers::tests::table"),
            (Runner::Nextest, "     TIMEOUT [ 180.004s] ( 9/59) xtask layers::tests::table"),
            (Runner::Nextest, "        LEAK [   2.004s] ( 9/59) xtask layers::tests::table"),
            (Runner::Nextest, "error: test run failed"),
            (Runner::CargoTest, "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured"),
            (Runner::CargoTest, "test layers::tests::table ... FAILED"),
            (Runner::CargoTest, "error: could not compile `xtask` (bin) due to 1 previous error"),
        ] {
            assert!(runner.is_closing_line(line), "{line}");
        }
        for (runner, line) in [
            (Runner::Nextest, "        PASS [   0.004s] ( 9/59) xtask a"),
            (Runner::Nextest, "        SLOW [> 60.000s] xtask a"),
            (Runner::Nextest, "    test result: FAILED. 0 passed; 1 failed"),
            (Runner::Nextest, "[2025-01-01] something that a test printed"),
            (Runner::CargoTest, "test layers::table ... ok"),
            (Runner::CargoTest, "running 3 tests"),
        ] {
            assert!(!runner.is_closing_line(line), "{line}");
        }
    }
}
