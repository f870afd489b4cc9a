//! Components of the Rust toolchain that some commands need and a minimal installation lacks.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process;
use crate::workspace::Workspace;

/// A component that rustup can add.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Component {
    Rustfmt,
    Clippy,
    /// The sources of the standard library.
    Sources,
}

impl Component {
    /// Sees to it that the component is there, through rustup where it is missing.
    ///
    /// # Errors
    /// When it is missing afterwards; the message says what to install.
    pub(crate) fn provide(self, workspace: &Workspace) -> Result<()> {
        if self.is_there(workspace)? {
            return Ok(());
        }
        let mut rustup = Command::new("rustup");
        rustup.current_dir(&workspace.root).args(["component", "add", self.name()]);
        if let Err(trouble) = process::run(&mut rustup) {
            eprintln!("{trouble:#}");
        }
        if !self.is_there(workspace)? {
            bail!(
                "the component {0} is missing; install it: rustup component add {0}",
                self.name()
            );
        }
        Ok(())
    }

    fn name(self) -> &'static str {
        match self {
            Component::Rustfmt => "rustfmt",
            Component::Clippy => "clippy",
            Component::Sources => "rust-src",
        }
    }

    fn is_there(self, workspace: &Workspace) -> Result<bool> {
        let answers = |subcommand: &str| {
            process::succeeds(process::cargo(&workspace.root).args([subcommand, "--version"]))
        };
        Ok(match self {
            Component::Rustfmt => answers("fmt"),
            Component::Clippy => answers("clippy"),
            Component::Sources => {
                let mut rustc = Command::new("rustc");
                rustc.current_dir(&workspace.root).args(["--print", "sysroot"]);
                let sysroot = process::capture(&mut rustc).context("asking for the sysroot")?;
                Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library/Cargo.toml").is_file()
            }
        })
    }
}
