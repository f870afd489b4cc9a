//! The list of commands, their help, and the way from the words of a command line to one of them.

use std::process::ExitCode;

use anyhow::Result;

use crate::options::{self, OptionSpec, Options};
use crate::report::Verdict;
use crate::{asan, bench_setup, ci, fuzz, layers, stress, test, tidy, tsan};

/// Every command, in the order in which the help shows them.
pub(crate) static COMMANDS: &[&Command] = &[
    &test::COMMAND,
    &ci::COMMAND,
    &layers::COMMAND,
    &tidy::COMMAND,
    &tsan::COMMAND,
    &asan::COMMAND,
    &fuzz::COMMAND,
    &stress::COMMAND,
    &bench_setup::COMMAND,
];

/// One verb of `cargo xtask`: the same definition gives the help, the parser and the code to run.
pub(crate) struct Command {
    /// The word that is typed.
    pub(crate) name: &'static str,
    /// One line for the list of commands.
    pub(crate) summary: &'static str,
    /// What it does, in full sentences, for its own help.
    pub(crate) details: &'static str,
    /// The options it understands besides `--help`.
    pub(crate) options: &'static [OptionSpec],
    /// The work itself; an `Err` is trouble on the way, a failed check is a [`Verdict`].
    pub(crate) run: fn(&Options) -> Result<Verdict>,
}

impl Command {
    /// The text of `cargo xtask NAME --help`.
    pub(crate) fn help(&self) -> String {
        let mut text = format!("{}\n\nUsage: cargo xtask {}", self.summary, self.name);
        if !self.options.is_empty() {
            text.push_str(" [OPTIONS]");
        }
        text.push_str(&format!("\n\n{}\n\nOptions:\n", self.details.trim()));
        let help = OptionSpec { name: "--help", value: None, about: "Show this help." };
        for option in self.options.iter().chain([&help]) {
            text.push_str(&format!("  {:<14} {}\n", option.usage(), option.about));
        }
        text
    }
}

/// Runs the command that `arguments` name.
///
/// Exit codes: 0 when everything passed, 1 when a check failed or could not be made, 2 when the
/// command line is wrong.
pub(crate) fn dispatch(arguments: &[String]) -> ExitCode {
    match understand(arguments) {
        Request::Show(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Request::Refuse(text) => {
            eprint!("{text}");
            ExitCode::from(2)
        }
        Request::Run(command, options) => match (command.run)(&options) {
            Ok(Verdict::Passed) => ExitCode::SUCCESS,
            Ok(Verdict::Failed) => ExitCode::FAILURE,
            Err(trouble) => {
                eprintln!("error: cargo xtask {}: {trouble:#}", command.name);
                ExitCode::FAILURE
            }
        },
    }
}

/// What a command line asks for.
enum Request {
    Show(String),
    Refuse(String),
    Run(&'static Command, Options),
}

fn understand(arguments: &[String]) -> Request {
    let Some((first, rest)) = arguments.split_first() else {
        return Request::Refuse(overview());
    };
    let asks_help = |words: &[String]| words.iter().any(|word| word == "--help" || word == "-h");
    match first.as_str() {
        "--help" | "-h" => return Request::Show(overview()),
        "help" => {
            return match rest.first() {
                None => Request::Show(overview()),
                Some(name) => match find(name) {
                    Some(command) => Request::Show(command.help()),
                    None => unknown(name),
                },
            };
        }
        _ => {}
    }
    let Some(command) = find(first) else { return unknown(first) };
    if asks_help(rest) {
        return Request::Show(command.help());
    }
    match options::parse(command.options, rest) {
        Ok(options) => Request::Run(command, options),
        Err(complaint) => Request::Refuse(format!("error: {complaint}\n\n{}", command.help())),
    }
}

fn find(name: &str) -> Option<&'static Command> {
    COMMANDS.iter().copied().find(|command| command.name == name)
}

fn unknown(name: &str) -> Request {
    Request::Refuse(format!("error: there is no command {name:?}\n\n{}", overview()))
}

fn overview() -> String {
    let mut text = String::from(
        "The daily verbs of the manyhands workspace\n\nUsage: cargo xtask COMMAND [OPTIONS]\n\nCommands:\n",
    );
    for command in COMMANDS {
        text.push_str(&format!("  {:<12} {}\n", command.name, command.summary));
    }
    text.push_str("  help         Show this list, or the help of one command.\n");
    text.push_str("\n`cargo xtask COMMAND --help` tells what a command does and its options.\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    fn refused(line: &str) -> String {
        match understand(&words(line)) {
            Request::Refuse(text) => text,
            Request::Show(_) | Request::Run(..) => panic!("{line:?} was accepted"),
        }
    }

    #[test]
    fn an_unknown_command_is_refused_with_the_list() {
        let text = refused("frobnicate");
        assert!(text.contains("frobnicate"));
        for command in COMMANDS {
            assert!(text.contains(command.name), "{} is not listed in:\n{text}", command.name);
        }
        assert!(refused("help frobnicate").contains("frobnicate"));
    }

    #[test]
    fn no_command_at_all_is_refused_with_the_list() {
        assert!(refused("").contains("Commands:"));
    }

    #[test]
    fn an_unknown_option_is_refused_with_the_help_of_its_command() {
        let text = refused("test --slow");
        assert!(text.contains("--slow") && text.contains("--stress"), "{text}");
    }

    #[test]
    fn help_is_shown_wherever_it_is_asked_for() {
        for line in ["--help", "-h", "help", "help test", "test --help", "test --quick -h"] {
            assert!(matches!(understand(&words(line)), Request::Show(_)), "{line}");
        }
    }

    #[test]
    fn the_help_of_a_command_documents_each_of_its_options() {
        for command in COMMANDS {
            let help = command.help();
            for option in command.options {
                assert!(help.contains(&option.usage()) && help.contains(option.about));
            }
        }
    }

    #[test]
    fn a_known_command_runs_with_its_options() {
        let Request::Run(command, options) = understand(&words("test --quick --stress 3")) else {
            panic!("not understood")
        };
        assert_eq!(command.name, "test");
        assert!(options.has("--quick"));
        assert_eq!(options.count("--stress"), Some(3));
    }
}
