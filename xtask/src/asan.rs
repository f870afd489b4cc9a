//! `cargo xtask asan`: the coroutines under AddressSanitizer.

use anyhow::{Result, bail};

use crate::commands::Command;
use crate::options::Options;
use crate::process;
use crate::report::{Report, Verdict};
use crate::test::{self, Runner};
use crate::workspace::Workspace;

pub(crate) static COMMAND: Command = Command {
    name: "asan",
    summary: "Run the tests of the coroutines under AddressSanitizer.",
    details: "\
Builds manyhands-coroutines with -Zsanitizer=address and corosensei told of it (own folder
target/asan) and runs its unit and integration tests; a use of freed memory, or of memory
beyond its bounds, on any stack fails the test in which it is seen. Left out are two tests
that the sanitizer itself cannot stand, see xtask/src/asan.rs. Needs cargo-nextest. On x86_64
Linux only.",
    options: &[],
    run,
};

const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Tests that cannot pass here, for reasons that are the sanitizer's.
const LEFT_OUT: &[&str] = &[
    // It uses up all mappings of the process, and the sanitizer's allocator needs some.
    "the_error_names_the_limit_of_mappings",
    // It fills a stack to within what its frames need; the sanitizer makes them larger.
    "a_stack_that_is_almost_full_has_no_room_for_the_handler_and_needs_none",
];

fn run(_: &Options) -> Result<Verdict> {
    if !cfg!(all(target_arch = "x86_64", target_os = "linux")) {
        bail!("AddressSanitizer is set up for {TARGET} only");
    }
    let workspace = Workspace::load()?;
    let runner = Runner::detect(&workspace);
    if runner != Runner::Nextest {
        bail!("some tests have to be left out, for which cargo-nextest is needed");
    }
    let mut report = Report::new("asan");
    report.step("manyhands-coroutines under AddressSanitizer", || {
        let left_out: Vec<String> = LEFT_OUT.iter().map(|name| format!("test({name})")).collect();
        let kept = format!("not ({})", left_out.join(" + "));
        let selection = ["-p", "manyhands-coroutines", "--lib", "--tests", "--target", TARGET];
        let sanitized = ["--features", "corosensei/sanitizer", "-E", &kept];
        let selection = [selection.as_slice(), sanitized.as_slice()].concat();
        let selection: Vec<String> = selection.into_iter().map(str::to_owned).collect();
        let mut cargo = process::cargo(&workspace.root);
        cargo.args(runner.run_arguments(&selection));
        test::run_tests(runner, cargo.envs(environment(&workspace)))
    });
    Ok(report.finish())
}

fn environment(workspace: &Workspace) -> Vec<(&'static str, String)> {
    // Suspended coroutines of ended threads are leaked on purpose, and the crate has a handler for
    // SIGSEGV and alternate stacks of its own, which are part of what is tested.
    let options = "detect_leaks=0:handle_segv=0:handle_sigbus=0:use_sigaltstack=0:\
                   detect_stack_use_after_return=0";
    vec![
        // The sanitizer is an unstable part of a stable toolchain.
        ("RUSTC_BOOTSTRAP", "1".to_owned()),
        ("RUSTFLAGS", test::with_inherited_flags("-Zsanitizer=address")),
        ("CARGO_TARGET_DIR", workspace.target_folder.join("asan").to_string_lossy().into_owned()),
        ("ASAN_OPTIONS", options.to_owned()),
    ]
}
