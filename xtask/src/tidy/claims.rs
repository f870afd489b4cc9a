//! What a command line in a document takes for granted, and whether it holds.

use crate::commands::COMMANDS;
use crate::workspace::Package;

/// The program that users install, as it is typed.
pub(crate) const PROGRAM: &str = "manyhands";

/// What a document is compared with.
pub(crate) struct Facts<'a> {
    pub(crate) packages: &'a [Package],
    /// Whether a path from the root exists.
    pub(crate) exists: &'a dyn Fn(&str) -> bool,
    /// The help of a (sub)command of the program; the error says why there is none.
    pub(crate) help: &'a dyn Fn(&[String]) -> Result<String, String>,
}

/// Something that a command takes for granted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// `cargo xtask` understands these words.
    Xtask(Vec<String>),
    /// The program understands these words.
    Program(Vec<String>),
    /// A package of the workspace.
    Package(String),
    /// A target of some package: its kind and name.
    Target(&'static str, String),
    /// A file or folder of the repository.
    Path(String),
}

/// What a simple command takes for granted; nothing for programs that are not ours.
pub(crate) fn claims(words: &[String]) -> Vec<Claim> {
    let Some((program, rest)) = words.split_first() else { return Vec::new() };
    let is_built = program.trim_start_matches("./").starts_with("target/");
    match program.as_str() {
        "cargo" => claims_of_cargo(rest),
        "sh" | "bash" | "python3" => rest
            .first()
            .filter(|file| !file.starts_with('-'))
            .map(|file| as_path(file))
            .into_iter()
            .collect(),
        name if name == PROGRAM || (is_built && name.ends_with(&format!("/{PROGRAM}"))) => {
            vec![Claim::Program(rest.to_vec())]
        }
        path if path.contains('/') && !is_built && !path.starts_with(['/', '~', '$']) => {
            vec![as_path(program)]
        }
        _ => Vec::new(),
    }
}

fn claims_of_cargo(words: &[String]) -> Vec<Claim> {
    let words = match words.first() {
        Some(toolchain) if toolchain.starts_with('+') => &words[1..],
        _ => words,
    };
    let Some((verb, rest)) = words.split_first() else { return Vec::new() };
    if verb == "xtask" {
        return vec![Claim::Xtask(rest.to_vec())];
    }
    let end = rest.iter().position(|word| word == "--");
    let (own, passed_on) = match end {
        Some(end) => (&rest[..end], &rest[end + 1..]),
        None => (rest, &[][..]),
    };
    let mut claims = options_with_values(own);
    if matches!(verb.as_str(), "install" | "add" | "remove") {
        let ours = own.iter().filter(|word| word.starts_with(PROGRAM));
        claims.extend(ours.map(|name| Claim::Package(without_version(name))));
    }
    let runs_another = claims.iter().any(|claim| match claim {
        Claim::Target(kind, name) => *kind != "bin" || name != PROGRAM,
        Claim::Package(name) => name != &format!("{PROGRAM}-cli"),
        _ => false,
    });
    if matches!(verb.as_str(), "run" | "r") && !runs_another {
        claims.push(Claim::Program(passed_on.to_vec()));
    }
    claims
}

/// The claims that stand in options of cargo such as `--example NAME` and `--package=NAME`.
fn options_with_values(words: &[String]) -> Vec<Claim> {
    let mut claims = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let (option, attached) = match word.split_once('=') {
            Some((option, value)) => (option, Some(value.to_owned())),
            None => (word.as_str(), None),
        };
        let claim: fn(String) -> Claim = match option {
            "-p" | "--package" => Claim::Package,
            "--bin" => |name| Claim::Target("bin", name),
            "--example" => |name| Claim::Target("example", name),
            "--test" => |name| Claim::Target("test", name),
            "--bench" => |name| Claim::Target("bench", name),
            "--path" | "--manifest-path" => |path| as_path(&path),
            _ => continue,
        };
        claims.extend(attached.or_else(|| words.next().cloned()).map(claim));
    }
    claims
}

fn as_path(word: &str) -> Claim {
    Claim::Path(word.trim_start_matches("./").to_owned())
}

fn without_version(name: &str) -> String {
    name.split('@').next().unwrap_or_default().to_owned()
}

impl Claim {
    /// Why the claim does not hold, if it does not.
    pub(crate) fn fault(&self, facts: &Facts<'_>) -> Option<String> {
        match self {
            Claim::Xtask(words) => fault_of_xtask(words),
            Claim::Program(words) => fault_of_program(words, facts.help),
            Claim::Package(name) => {
                let exists = facts.packages.iter().any(|package| package.name == *name);
                (!exists).then(|| format!("there is no package {name}"))
            }
            Claim::Target(kind, name) => {
                let exists = facts.packages.iter().any(|package| package.has_target(kind, name));
                (!exists).then(|| format!("there is no {kind} named {name}"))
            }
            Claim::Path(path) => {
                (!(facts.exists)(path)).then(|| format!("there is no {path} in the repository"))
            }
        }
    }
}

fn fault_of_xtask(words: &[String]) -> Option<String> {
    let (name, options) = words.split_first()?;
    if name == "help" || name.starts_with('-') {
        return None;
    }
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        return Some(format!("there is no `cargo xtask {name}`"));
    };
    let help = command.help();
    unknown_option(options, &help).map(|option| format!("`cargo xtask {name}` knows no {option}"))
}

/// Follows the words down the subcommands and compares the long options with the help there.
fn fault_of_program(
    words: &[String],
    help: &dyn Fn(&[String]) -> Result<String, String>,
) -> Option<String> {
    let mut path: Vec<String> = Vec::new();
    let mut rest = words;
    loop {
        let text = match help(&path) {
            Ok(text) => text,
            Err(why) => return Some(format!("no help to compare `{PROGRAM}` with: {why}")),
        };
        let known = subcommands(&text);
        if let Some(first) = rest.first().filter(|first| !first.starts_with('-'))
            && path.is_empty()
            && !known.contains(first)
        {
            return Some(format!("`{PROGRAM}` has no subcommand {first}"));
        }
        // Options of the program itself, and their values, may stand in front of a subcommand.
        let place = rest.iter().position(|word| known.contains(word));
        let in_front = &rest[..place.unwrap_or(rest.len())];
        if let Some(option) = unknown_option(in_front, &text) {
            let here = [&[PROGRAM.to_owned()][..], &path].concat().join(" ");
            return Some(format!("`{here}` knows no {option}"));
        }
        let place = place?;
        path.push(rest[place].clone());
        rest = &rest[place + 1..];
    }
}

/// The first long option before a `--` that the help does not name.
fn unknown_option<'a>(words: &'a [String], help: &str) -> Option<&'a str> {
    words
        .iter()
        .take_while(|word| *word != "--")
        .filter(|word| word.starts_with("--"))
        .map(|word| word.split('=').next().unwrap_or(word))
        .find(|option| !names_option(help, option))
}

fn names_option(help: &str, option: &str) -> bool {
    let goes_on = |c: char| c.is_alphanumeric() || c == '-';
    help.match_indices(option).any(|(start, _)| {
        let before = help[..start].chars().next_back();
        let after = help[start + option.len()..].chars().next();
        !before.is_some_and(goes_on) && !after.is_some_and(goes_on)
    })
}

/// The names in the section `Commands:` of a help text.
fn subcommands(help: &str) -> Vec<String> {
    help.lines()
        .skip_while(|line| line.trim() != "Commands:")
        .skip(1)
        .take_while(|line| line.is_empty() || line.starts_with(' '))
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::shell;
    use crate::workspace::Target;

    const HELP: &str = "\
One line about it

Usage: manyhands [OPTIONS] <COMMAND>

Commands:
  fetch    Fetches
           (more about it)
  compare  Compares
  help     Print this message

Options:
      --json     As JSON
      --color <WHEN>
  -h, --help     Print help
";
    const HELP_OF_FETCH: &str = "Fetches\n\nOptions:\n  -j, --jobs <N>\n      --per-host <N>\n";

    fn faults(command: &str) -> Vec<String> {
        let help = |path: &[String]| match path.join(" ").as_str() {
            "" => Ok(HELP.to_owned()),
            "fetch" => Ok(HELP_OF_FETCH.to_owned()),
            other => Err(format!("cannot run {other}")),
        };
        let target = |kind: &str, name: &str| Target {
            name: name.to_owned(),
            kinds: vec![kind.to_owned()],
            source: "main.rs".into(),
        };
        let package = |name: &str, targets| Package {
            name: name.to_owned(),
            folder: name.into(),
            dependencies: Vec::new(),
            targets,
        };
        let packages = [
            package("manyhands-cli", vec![target("bin", "manyhands")]),
            package("examples", vec![target("example", "crawler")]),
        ];
        let exists = |path: &str| path == ".ci/run";
        let facts = Facts { packages: &packages, exists: &exists, help: &help };
        let markdown = format!("```sh\n{command}\n```\n");
        let simple = shell::commands(&markdown);
        assert!(!simple.is_empty(), "{command} is no command");
        simple
            .iter()
            .flat_map(|simple| claims(&simple.words))
            .filter_map(|claim| claim.fault(&facts))
            .collect()
    }

    #[test]
    fn commands_that_exist_are_fine() {
        for command in [
            "cargo xtask test --stress 3",
            "cargo xtask --help",
            "cargo xtask tidy && cargo xtask layers",
            "cargo run --release -- fetch urls.txt -j 8 --per-host=4 | jq .",
            "cargo run --release -p manyhands-cli -- --json fetch --jobs 3",
            "cargo run -- --color always fetch",
            "cargo run --release --example crawler -- --depth 3",
            "cargo install manyhands-cli",
            "manyhands fetch -- --whatever",
            "./target/release/manyhands fetch",
            "cat urls | manyhands --help",
            ".ci/run",
            "./.ci/run",
            "git clone --depth 1 https://example.org/x",
            "cargo nextest run -p examples",
        ] {
            assert_eq!(faults(command), Vec::<String>::new(), "{command}");
        }
    }

    #[test]
    fn commands_that_do_not_exist_are_found() {
        for (command, part) in [
            ("cargo xtask frobnicate", "no `cargo xtask frobnicate`"),
            ("cargo xtask test --slow", "knows no --slow"),
            ("cargo run --release -- crawl x", "no subcommand crawl"),
            ("cargo run --release -- fetch --hosts 3", "`manyhands fetch` knows no --hosts"),
            ("cargo run --release -- fetch --job 3", "knows no --job"),
            ("manyhands --jason fetch", "`manyhands` knows no --jason"),
            ("manyhands crawl fetch x", "no subcommand crawl"),
            ("manyhands compare x", "cannot run compare"),
            ("target/debug/manyhands gather", "no subcommand gather"),
            ("cargo run --example spider", "no example named spider"),
            ("cargo run -p manyhand -- fetch", "no package manyhand"),
            ("cargo install manyhands", "no package manyhands"),
            ("cargo bench -p examples --bench all", "no bench named all"),
            ("scripts/setup", "no scripts/setup"),
            ("sh ./setup.sh", "no setup.sh"),
        ] {
            let found = faults(command);
            assert!(found.iter().any(|fault| fault.contains(part)), "{command}: {found:?}");
        }
    }
}
