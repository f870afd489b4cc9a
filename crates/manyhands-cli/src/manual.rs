//! What is generated from the definition of the arguments: completion scripts and manual pages.

use std::io::{self, Write};

use anyhow::Context;
use clap::CommandFactory;
use clap_complete::Shell;

use crate::args::Arguments;
use crate::exit::{Exit, Usage};

/// Prints the completion script for a shell.
///
/// # Errors
/// When standard output is closed.
pub(crate) fn completions(shell: Shell) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "manyhands", &mut script);
    print(&script)
}

/// Prints the manual page of the command, which refers to those of its subcommands, or the page of
/// one of these.
///
/// # Errors
/// When there is no such subcommand, or standard output is closed.
pub(crate) fn man(subcommand: Option<&str>) -> anyhow::Result<Exit> {
    let mut command = Arguments::command().disable_help_subcommand(true);
    command.build();
    let page = match subcommand {
        None => command,
        Some(name) => page_of(&command, name)?,
    };
    let mut text = Vec::new();
    clap_mangen::Man::new(page).render(&mut text)?;
    print(&text)
}

/// A subcommand, named as its page is: `manyhands-compare`.
fn page_of(command: &clap::Command, name: &str) -> anyhow::Result<clap::Command> {
    let visible = || command.get_subcommands().filter(|subcommand| !subcommand.is_hide_set());
    let Some(subcommand) = visible().find(|subcommand| subcommand.get_name() == name) else {
        let names: Vec<&str> = visible().map(clap::Command::get_name).collect();
        let words = format!("there is no subcommand {name}; there are {}", names.join(", "));
        return Err(Usage(words).into());
    };
    let page: &'static str = Box::leak(format!("manyhands-{name}").into_boxed_str());
    Ok(subcommand.clone().name(page).version(env!("CARGO_PKG_VERSION")))
}

fn print(bytes: &[u8]) -> anyhow::Result<Exit> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush()).context("cannot print")?;
    Ok(Exit::Success)
}
