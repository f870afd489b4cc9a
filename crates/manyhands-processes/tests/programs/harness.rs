//! As much of a test harness as `cargo test` and cargo-nextest ask of a program without libtest.

use std::process::ExitCode;

/// One way in which a process comes to its end.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    /// What the process does; the result is that of its `main`.
    pub(crate) play: fn() -> ExitCode,
    pub(crate) expected: Expected,
}

/// How the process is to end.
#[derive(Debug)]
pub(crate) struct Expected {
    pub(crate) code: i32,
    /// All of standard output.
    pub(crate) printed: &'static str,
    /// Parts of standard error; nothing means that it is empty.
    pub(crate) errors: &'static [&'static str],
}

/// Lists or runs the scenarios, as the arguments say. Fails if one of them does.
pub(crate) fn run(all: &[Scenario], play: fn(&str, &Expected) -> Result<(), String>) -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |option: &str| arguments.iter().any(|argument| argument == option);
    let ignored_only = has("--ignored");
    let filters: Vec<&String> = arguments.iter().filter(|text| !text.starts_with('-')).collect();
    let chosen = |name: &str| {
        let matches = |filter: &&String| match has("--exact") {
            true => name == filter.as_str(),
            false => name.contains(filter.as_str()),
        };
        // `--format terse` leaves its value among the filters.
        let filters: Vec<_> = filters.iter().copied().filter(|text| *text != "terse").collect();
        !ignored_only && (filters.is_empty() || filters.iter().any(matches))
    };
    let chosen: Vec<&Scenario> = all.iter().filter(|scenario| chosen(scenario.name)).collect();
    if has("--list") {
        chosen.iter().for_each(|scenario| println!("{}: test", scenario.name));
        return ExitCode::SUCCESS;
    }
    println!("\nrunning {} tests", chosen.len());
    let mut failed = 0;
    for scenario in &chosen {
        match play(scenario.name, &scenario.expected) {
            Ok(()) => println!("test {} ... ok", scenario.name),
            Err(why) => {
                failed += 1;
                println!("test {} ... FAILED\n{why}", scenario.name);
            }
        }
    }
    let (verdict, code) = match failed {
        0 => ("ok", ExitCode::SUCCESS),
        _ => ("FAILED", ExitCode::FAILURE),
    };
    println!("\ntest result: {verdict}. {} passed; {failed} failed\n", chosen.len() - failed);
    code
}
