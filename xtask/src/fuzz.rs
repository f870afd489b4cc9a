//! `cargo xtask fuzz`: everything that reads bytes of other processes, given bytes that nobody means.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::commands::Command;
use crate::options::{OptionSpec, Options};
use crate::process;
use crate::report::{Report, Verdict};
use crate::workspace::Workspace;

pub(crate) static COMMAND: Command = Command {
    name: "fuzz",
    summary: "Run every fuzzer for a while.",
    details: "\
Builds the fuzzers of the folder fuzz/ with coverage and AddressSanitizer (own folders
target/fuzz…) and runs them one after the other. Each begins with what is committed in
fuzz/seeds and with what earlier runs have found, which is kept in fuzz/corpus. A fuzzer
that fails leaves what it was given in fuzz/artifacts and says how to try it again; what
it has shown belongs into the tests and, if it is small, into fuzz/seeds. Needs cargo-fuzz;
on x86_64 Linux only.",
    options: &[OptionSpec {
        name: "--seconds",
        value: Some("N"),
        about: "Run each fuzzer for so long (60 if not given).",
    }],
    run,
};

/// Fuzzers that run without AddressSanitizer. Whether an offset in a request leads to a function is
/// found out by reading whatever is there in the executable, and the sanitizer puts places between
/// its constants that must not be read.
const WITHOUT_SANITIZER: &[&str] = &["manager_requests"];

/// How long each fuzzer runs if nothing is said.
const SECONDS: u32 = 60;

fn run(options: &Options) -> Result<Verdict> {
    if !cfg!(all(target_arch = "x86_64", target_os = "linux")) {
        bail!("fuzzing is set up for x86_64 Linux only");
    }
    let workspace = Workspace::load()?;
    let folder = workspace.root.join("fuzz");
    if !process::succeeds(process::cargo(&folder).args(["fuzz", "--version"])) {
        bail!("cargo-fuzz is missing; install it: cargo install --locked cargo-fuzz");
    }
    let seconds = options.count("--seconds").unwrap_or(SECONDS);
    let mut report = Report::new("fuzz");
    for fuzzer in fuzzers(&folder)? {
        report.step(&format!("{fuzzer} for {seconds} seconds"), || {
            let corpus = [format!("corpus/{fuzzer}"), format!("seeds/{fuzzer}")];
            fs::create_dir_all(folder.join(&corpus[0])).context("making room for the corpus")?;
            let mut cargo = process::cargo(&folder);
            let (sanitizer, target_folder) = match WITHOUT_SANITIZER.contains(&&*fuzzer) {
                true => ("none", "fuzz-without-sanitizer"),
                false => ("address", "fuzz"),
            };
            cargo.args(["fuzz", "run", "--fuzz-dir", ".", "--sanitizer", sanitizer, &fuzzer]);
            cargo.args(corpus.iter().filter(|part| folder.join(part).is_dir()));
            cargo.args(["--".to_owned(), format!("-max_total_time={seconds}")]);
            // The sanitizer is an unstable part of a stable toolchain.
            cargo.env("RUSTC_BOOTSTRAP", "1");
            cargo.env("CARGO_TARGET_DIR", workspace.target_folder.join(target_folder));
            let passed = process::run(&mut cargo)?;
            Ok(if passed { Verdict::Passed } else { Verdict::Failed }.into())
        });
    }
    Ok(report.finish())
}

/// The names of all fuzzers, sorted.
fn fuzzers(folder: &Path) -> Result<Vec<String>> {
    let targets = folder.join("targets");
    let entries =
        fs::read_dir(&targets).with_context(|| format!("reading {}", targets.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "rs")
            && let Some(name) = path.file_stem().and_then(|name| name.to_str())
        {
            names.push(name.to_owned());
        }
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fuzzer_is_a_program_of_the_folder() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
        let manifest =
            fs::read_to_string(folder.join("Cargo.toml")).expect("the manifest is there");
        let fuzzers = fuzzers(&folder).expect("the folder is there");
        assert!(!fuzzers.is_empty());
        for fuzzer in fuzzers {
            assert!(manifest.contains(&format!("name = \"{fuzzer}\"")), "{fuzzer}");
        }
    }
}
