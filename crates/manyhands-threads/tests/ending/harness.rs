//! Tests about a real `main`: as much of a test harness as `cargo test` and cargo-nextest ask of a
//! program without libtest, which runs itself again for each scenario and looks at how that ended.

use std::path::Path;
use std::process::{Command, ExitCode, Output, Stdio};
use std::time::{Duration, Instant};

/// Set to the name of a scenario in a process that plays it.
const PLAYED: &str = "MANYHANDS_SCENARIO";

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

/// The `main` of such a program. In a process that was started to play a scenario, it does; otherwise
/// it lists or runs the scenarios, as the arguments say, and fails if one of them does.
pub(crate) fn main(all: &[Scenario], play: fn(&Scenario) -> Result<(), String>) -> ExitCode {
    if let Ok(name) = std::env::var(PLAYED) {
        return match all.iter().find(|scenario| scenario.name == name) {
            Some(scenario) => (scenario.play)(),
            None => panic!("there is no scenario named {name}"),
        };
    }
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
        match play(scenario) {
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

/// Plays a scenario in a process of its own, of this program.
///
/// # Errors
/// What was not as expected.
pub(crate) fn play(program: &Path, scenario: &Scenario) -> Result<(), String> {
    let mut child = Command::new(program)
        .env(PLAYED, scenario.name)
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| error.to_string())?;
    // What a scenario prints fits into a pipe, so it can be read when it has ended.
    let end = Instant::now() + Duration::from_secs(60);
    while child.try_wait().map_err(|error| error.to_string())?.is_none() {
        if Instant::now() > end {
            child.kill().map_err(|error| error.to_string())?;
            let output = child.wait_with_output().map_err(|error| error.to_string())?;
            return Err(format!("it hangs\n{}", text_of(&output)));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    let output = child.wait_with_output().map_err(|error| error.to_string())?;
    let expected = &scenario.expected;
    let printed = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    let as_expected = output.status.code() == Some(expected.code)
        && printed == expected.printed
        && expected.errors.iter().all(|part| errors.contains(part))
        && (!expected.errors.is_empty() || errors.is_empty());
    match as_expected {
        true => Ok(()),
        false => Err(format!("expected {expected:?}, but\n{}", text_of(&output))),
    }
}

fn text_of(output: &Output) -> String {
    format!(
        "{}\n--- stdout\n{}\n--- stderr\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}
