//! `cargo xtask bench-setup`: the rivals that the benches measure us against.

use std::path::{Path, PathBuf};
use std::process::Command as Process;

use anyhow::{Result, bail};

use crate::commands::Command;
use crate::options::{OptionSpec, Options};
use crate::process;
use crate::report::Verdict;
use crate::system::{self, Tool};
use crate::workspace::Workspace;

pub(crate) static COMMAND: Command = Command {
    name: "bench-setup",
    summary: "Install the rivals that the benches compare with.",
    details: "\
Makes a Python environment under target/bench-venv and installs aiohttp, requests,
grequests, gevent, greenlet, flask, loky and pebble there; installs Python and curl with apt-get when they are
missing and this runs as root. Prints what is there, with versions, and what is missing.
A rival that cannot be had is no failure: the benches leave it out and say so.",
    options: &[OptionSpec {
        name: "--all",
        value: None,
        about: "Also install the optional programs: Go and nginx.",
    }],
    run,
};

const PYTHON: Tool = Tool {
    name: "python3",
    probe: &["python3", "-c", "import venv, ensurepip"],
    packages: &["python3", "python3-venv"],
    purpose: "the rivals in Python",
};
const CURL: Tool = Tool {
    name: "curl",
    probe: &["curl", "--version"],
    packages: &["curl", "ca-certificates"],
    purpose: "the rival `curl --parallel`",
};
const GO: Tool = Tool {
    name: "go",
    probe: &["go", "version"],
    packages: &["golang-go"],
    purpose: "the rival in Go",
};
const NGINX: Tool = Tool {
    name: "nginx",
    probe: &["nginx", "-v"],
    packages: &["nginx-light"],
    purpose: "a server that is not ours",
};

/// What pip installs: the names are those of PyPI.
const LIBRARIES: &[&str] =
    &["aiohttp", "requests", "grequests", "gevent", "greenlet", "flask", "loky", "pebble"];

fn run(options: &Options) -> Result<Verdict> {
    let workspace = Workspace::load()?;
    let wanted: &[&Tool] = match options.has("--all") {
        true => &[&PYTHON, &CURL, &GO, &NGINX],
        false => &[&PYTHON, &CURL],
    };
    for tool in wanted {
        if let Err(trouble) = system::provide(&[tool]) {
            eprintln!("{trouble:#}");
        }
    }
    let environment = workspace.target_folder.join("bench-venv");
    if let Err(trouble) = fill(&environment) {
        eprintln!("the rivals in Python cannot be installed: {trouble:#}");
    }

    println!("\nrivals:");
    for tool in [&PYTHON, &CURL, &GO, &NGINX] {
        let state = if tool.is_there() { "installed" } else { "missing" };
        println!("  {:<10} {state} (for {})", tool.name, tool.purpose);
    }
    for library in LIBRARIES {
        let state = version(&environment, library).unwrap_or_else(|| "missing".to_owned());
        println!("  {library:<10} {state} (in {})", environment.display());
    }
    Ok(Verdict::Passed)
}

/// Makes the environment if need be and installs each library by itself, so that one that does not
/// install does not take the others with it.
fn fill(environment: &Path) -> Result<()> {
    let python = python_of(environment);
    if !process::succeeds(Process::new(&python).args(["-m", "pip", "--version"])) {
        let mut venv = Process::new("python3");
        if !process::run(venv.args(["-m", "venv", "--clear"]).arg(environment))? {
            bail!("{} failed", process::line(&venv));
        }
    }
    for library in LIBRARIES {
        let mut pip = Process::new(&python);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", library]);
        if !process::run(&mut pip)? {
            eprintln!("{library} could not be installed");
        }
    }
    Ok(())
}

fn version(environment: &Path, library: &str) -> Option<String> {
    let ask = format!("from importlib.metadata import version; print(version({library:?}))");
    let answer = process::capture(Process::new(python_of(environment)).args(["-c", &ask])).ok()?;
    Some(answer.trim().to_owned())
}

fn python_of(environment: &Path) -> PathBuf {
    environment.join("bin/python3")
}
