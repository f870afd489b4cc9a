//! Signs that tasks give each other and the test without sharing memory: files in a directory.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::patience::{LONG, eventually};

/// A directory for signs.
pub(crate) struct Signs(TempDir);

impl Signs {
    pub(crate) fn new() -> Signs {
        Signs(tempfile::tempdir().expect("there is room"))
    }

    /// The sign of this name, to be sent to a task.
    pub(crate) fn sign(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Gives the sign of this name.
    pub(crate) fn give(&self, name: &str) {
        give(&self.sign(name));
    }

    /// Whether the sign was given.
    pub(crate) fn is_given(&self, name: &str) -> bool {
        self.sign(name).exists()
    }

    /// Waits until the sign was given.
    #[track_caller]
    pub(crate) fn see(&self, name: &str) {
        eventually(name, || self.is_given(name));
    }
}

/// Gives a sign.
pub(crate) fn give(sign: &Path) {
    std::fs::write(sign, "").expect("there is room");
}

/// Waits for a sign, in a way that suspends a coroutine and can be cancelled.
pub(crate) fn wait_for(sign: &Path) {
    let end = Instant::now() + LONG;
    while !sign.exists() {
        assert!(Instant::now() < end, "there was no sign {}", sign.display());
        manyhands::sleep(Duration::from_millis(1));
    }
}

/// The portable task of giving one sign and waiting for another.
pub(crate) fn give_and_wait((own, other): (PathBuf, PathBuf)) {
    give(&own);
    wait_for(&other);
}
