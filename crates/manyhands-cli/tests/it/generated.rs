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
fn the_manual_page_has_every_subcommand() {
    let man = run(&["man"]);
    assert_eq!(man.code, Some(0));
    assert!(man.stdout.contains(".TH manyhands"), "{}", man.stdout);
    for part in ["MANYHANDS COMPARE", "MANYHANDS SERVE", "sweep", "latency"] {
        assert!(man.stdout.contains(part), "{part} is missing");
    }
    assert!(!man.stdout.contains("run\\-model"));
}
