//! The site as a process of its own, so that its CPU time and memory are not those of any model.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, bail};
use std::os::unix::process::CommandExt;
use url::Url;

/// A running site. Dropping it ends the process and waits until it is gone.
///
/// The child reads a pipe whose other end only this process holds: whatever ends this process, a
/// `SIGKILL` too, closes the pipe, and the child ends by itself.
#[derive(Debug)]
pub(crate) struct SiteProcess {
    child: Child,
    base: Url,
}

impl SiteProcess {
    /// Starts the site on any free port with every wait scaled by `latency`, and waits until it
    /// listens.
    ///
    /// # Errors
    /// When this program cannot be started again, or the child ends without telling its address.
    pub(crate) fn start(latency: f64) -> anyhow::Result<SiteProcess> {
        let program = std::env::current_exe().context("cannot find this program's own file")?;
        let mut child = Command::new(&program)
            .args(["serve", "--until-eof", "--latency", &latency.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // A Ctrl-C at the terminal is for the parent, which ends the site when it is done.
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {} serve", program.display()))?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout)
                .read_line(&mut line)
                .context("cannot read the site's address")?;
        }
        match Url::parse(line.trim_end()) {
            Ok(base) => Ok(SiteProcess { child, base }),
            Err(_) => {
                drop(child.stdin.take());
                let status = child.wait().context("cannot wait for the site")?;
                bail!("the site did not start: {status}");
            }
        }
    }

    /// The address of a page, given its path.
    ///
    /// # Errors
    /// When the path cannot be part of an address.
    pub(crate) fn url(&self, path: &str) -> anyhow::Result<Url> {
        self.base.join(path).with_context(|| format!("{path:?} cannot be a path of the site"))
    }
}

impl Drop for SiteProcess {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // There is nothing left to do about a child that cannot be waited for.
        let _ = self.child.wait();
    }
}
