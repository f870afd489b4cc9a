//! What is listed in several places is the same in all of them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::program::any_example;

fn files() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["seeds", "promises"].map(|folder| root.join(folder));
    let entries = folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap());
    let path = entries.map(|entry| entry.unwrap().path());
    let names = path.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned());
    // The gallery is one program in a folder of its own.
    names.chain(["deadlocks".to_owned()]).collect()
}

#[test]
fn every_file_is_an_example_of_the_package() {
    let manifest = include_str!("../../Cargo.toml");
    let examples = manifest.split("[[example]]").skip(1);
    let named = examples.map(|entry| {
        let name = entry.split('"').nth(1).unwrap_or_default();
        let file = if name == "deadlocks" { "main" } else { name };
        assert!(entry.contains(&format!("/{file}.rs\"")), "{entry}");
        name.to_owned()
    });
    assert_eq!(named.collect::<BTreeSet<_>>(), files());
}

#[test]
fn every_example_can_be_run_by_the_tests() {
    let output = any_example().output().unwrap();
    assert!(!output.status.success());
    let message = String::from_utf8(output.stderr).unwrap();
    let (_, names) = message.split_once("There are ").unwrap();
    assert_eq!(names.trim().split(", ").map(str::to_owned).collect::<BTreeSet<_>>(), files());
}

#[test]
fn every_example_is_in_the_readme() {
    let readme = include_str!("../../README.md");
    assert!(readme.contains("(deadlocks/README.md)"));
    for name in files().iter().filter(|name| *name != "deadlocks") {
        assert_eq!(readme.matches(&format!("/{name}.rs)")).count(), 1, "{name}");
    }
}

#[test]
fn what_an_example_does_not_know_is_refused() {
    let example = |arguments: &[&str]| {
        let output = any_example().args(arguments).output();
        let output = output.unwrap();
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    };
    let (succeeded, message) = example(&["t1_start_a_threat"]);
    assert!(!succeeded && message.contains("t1_start_a_threat"), "{message}");
    let (succeeded, message) = example(&["t6_join", "--slow"]);
    assert!(!succeeded && message.contains("--slow"), "{message}");
    let (succeeded, message) = example(&["t6_join", "quickly"]);
    assert!(!succeeded && message.contains("quickly"), "{message}");
}
