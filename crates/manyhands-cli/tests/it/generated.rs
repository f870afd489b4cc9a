//! Help, completions and the manual page.

use crate::command::run;

#[test]
fn help_has_examples_and_exit_codes() {
    let help = run(&["compare", "--help"]);
    assert_eq!(help.code, Some(0));
    for part in ["Examples:", "Exit codes:", "--sweep", "130"] {
        assert!(help.stdout.contains(part), "{part}: {}", help.stdout);
    }
    assert!(run(&["--help"]).stdout.contains("Exit codes:"));
    assert!(!run(&["--help"]).stdout.contains("run-model"));
}

#[test]
fn completions_know_the_subcommands() {
    for shell in ["bash", "zsh", "fish"] {
        let script = run(&["completions", shell]);
        assert_eq!(script.code, Some(0));
        assert!(script.stdout.contains("compare") && script.stdout.contains("serve"), "{shell}");
    }
}

#[test]
fn every_manual_page_that_is_referred_to_is_there() {
    let man = run(&["man"]);
    assert_eq!(man.code, Some(0));
    assert!(man.stdout.contains(".TH manyhands 1"), "{}", man.stdout);
    let names = man
        .stdout
        .lines()
        .filter_map(|line| line.strip_prefix("manyhands\\-")?.strip_suffix("(1)"));
    let names: Vec<&str> = names.collect();
    assert!(names.contains(&"compare") && names.contains(&"serve"), "{names:?}");
    assert!(!names.contains(&"run\\-model"), "{names:?}");
    for name in names {
        let page = run(&["man", name]);
        assert_eq!(page.code, Some(0), "{name}: {page:?}");
        assert!(page.stdout.contains(&format!(".TH manyhands-{name} 1")), "{}", page.stdout);
    }
    assert!(run(&["man", "compare"]).stdout.contains("Exit codes:"));
    let unknown = run(&["man", "run-model"]);
    assert_eq!(unknown.code, Some(2));
    assert!(unknown.stderr.contains("compare"), "{}", unknown.stderr);
}
