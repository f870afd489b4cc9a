//! `cargo xtask tsan`: the primitives under ThreadSanitizer.

use anyhow::{Result, bail};

use crate::commands::Command;
use crate::options::Options;
use crate::process;
use crate::report::{Report, Verdict};
use crate::test::{self, Runner};
use crate::toolchain::Component;
use crate::workspace::Workspace;

pub(crate) static COMMAND: Command = Command {
    name: "tsan",
    summary: "Run the tests of the primitives under ThreadSanitizer.",
    details: "\
Builds manyhands-wait, manyhands-sync, manyhands-executor and manyhands-threads together with
the standard library with -Zsanitizer=thread (own folder target/tsan) and runs their unit and
integration tests; a data race fails the test in which it is seen. The standard library has to be built
too, because ThreadSanitizer takes every use of a lock it did not instrument for a race: the
component rust-src is added through rustup if it is missing. What ThreadSanitizer cannot
understand is named, with the reason, in xtask/tsan-suppressions.txt.
On x86_64 Linux only.",
    options: &[],
    run,
};

const TARGET: &str = "x86_64-unknown-linux-gnu";
const CRATES: &[&str] =
    &["manyhands-wait", "manyhands-sync", "manyhands-executor", "manyhands-threads"];

fn run(_: &Options) -> Result<Verdict> {
    if !cfg!(all(target_arch = "x86_64", target_os = "linux")) {
        bail!("ThreadSanitizer is set up for {TARGET} only");
    }
    let workspace = Workspace::load()?;
    Component::Sources.provide(&workspace)?;
    let runner = Runner::detect(&workspace);
    let mut report = Report::new("tsan");
    for name in CRATES {
        report.step(&format!("{name} under ThreadSanitizer"), || {
            let selection = ["-p", name, "--lib", "--tests", "-Zbuild-std", "--target", TARGET];
            let mut cargo = process::cargo(&workspace.root);
            cargo.args(runner.run_arguments(&selection.map(str::to_owned)));
            test::run_tests(runner, cargo.envs(environment(&workspace)))
        });
    }
    Ok(report.finish())
}

fn environment(workspace: &Workspace) -> Vec<(&'static str, String)> {
    let suppressions = workspace.root.join("xtask/tsan-suppressions.txt");
    vec![
        // The sanitizer and building the standard library are unstable parts of a stable toolchain.
        ("RUSTC_BOOTSTRAP", "1".to_owned()),
        ("RUSTFLAGS", test::with_inherited_flags("-Zsanitizer=thread")),
        ("CARGO_TARGET_DIR", workspace.target_folder.join("tsan").to_string_lossy().into_owned()),
        ("TSAN_OPTIONS", format!("suppressions='{}'", suppressions.display())),
    ]
}
