//! Programs that come from the operating system: which are there, and how to get the others.

use std::process::Command;

use anyhow::{Result, bail};

use crate::process;

/// A program that something here needs.
#[derive(Debug)]
pub(crate) struct Tool {
    /// What it is called in messages.
    pub(crate) name: &'static str,
    /// A command line that succeeds if it is there and usable.
    pub(crate) probe: &'static [&'static str],
    /// The Debian packages that bring it.
    pub(crate) packages: &'static [&'static str],
    /// What it is needed for.
    pub(crate) purpose: &'static str,
}

impl Tool {
    /// Whether it is there and usable.
    pub(crate) fn is_there(&self) -> bool {
        let Some((program, arguments)) = self.probe.split_first() else { return true };
        process::succeeds(Command::new(program).args(arguments))
    }
}

/// Sees to it that the tools are there: installs what is missing with apt-get when this process may.
///
/// # Errors
/// When one is missing afterwards. The message says which, what for, and what to install.
pub(crate) fn provide(tools: &[&Tool]) -> Result<()> {
    let is_missing = |tool: &&&Tool| !tool.is_there();
    let missing: Vec<&Tool> = tools.iter().filter(is_missing).copied().collect();
    if missing.is_empty() {
        return Ok(());
    }
    if can_install() {
        install(&missing);
    }
    let missing: Vec<&Tool> = missing.iter().filter(is_missing).copied().collect();
    match missing.is_empty() {
        true => Ok(()),
        false => bail!("{}", advice(&missing)),
    }
}

fn can_install() -> bool {
    let is_root = process::capture(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    is_root && process::succeeds(Command::new("apt-get").arg("--version"))
}

/// Trouble of apt-get is printed by itself; whether it helped is asked afterwards.
fn install(tools: &[&Tool]) {
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive").args(arguments);
        process::run(&mut command).unwrap_or(false)
    };
    apt(&["update", "--quiet"]);
    for tool in tools {
        apt(&[&["install", "--yes", "--quiet", "--no-install-recommends"], tool.packages].concat());
    }
}

fn advice(missing: &[&Tool]) -> String {
    let names: Vec<String> =
        missing.iter().map(|tool| format!("{} (for {})", tool.name, tool.purpose)).collect();
    let packages: Vec<&str> = missing.iter().flat_map(|tool| tool.packages).copied().collect();
    format!(
        "missing: {}; on Debian install with: apt-get install {}",
        names.join(", "),
        packages.join(" ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const THERE: Tool =
        Tool { name: "sh", probe: &["sh", "-c", "exit 0"], packages: &["dash"], purpose: "tests" };
    const BROKEN: Tool = Tool {
        name: "broken",
        probe: &["sh", "-c", "exit 1"],
        packages: &["b-1", "b-2"],
        purpose: "nothing",
    };

    #[test]
    fn a_tool_is_there_if_its_probe_succeeds() {
        assert!(THERE.is_there());
        assert!(!BROKEN.is_there());
        let absent = Tool { probe: &["no-such-program-anywhere"], ..BROKEN };
        assert!(!absent.is_there());
    }

    #[test]
    fn nothing_is_installed_when_nothing_is_missing() {
        assert!(provide(&[&THERE]).is_ok());
    }

    #[test]
    fn advice_names_tools_purposes_and_packages() {
        let advice = advice(&[&BROKEN]);
        for part in ["broken", "for nothing", "apt-get install b-1 b-2"] {
            assert!(advice.contains(part), "{advice}");
        }
    }
}
