//! Where a body goes: nowhere, to standard output, or to a file that has its name only when it is
//! complete.

use std::ffi::OsString;
use std::fs::Permissions;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use manyhands::http::Head;
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use super::names::with_number;

/// What becomes of one body.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Destination {
    /// It is counted.
    Nowhere,
    /// It is written to standard output as it comes.
    Stdout,
    /// It becomes a file.
    File {
        /// Where: a path that need not be text.
        directory: OsString,
        /// What it is called.
        name: String,
    },
}

impl Destination {
    /// What opens a writer for each attempt. A body with an error status is stored in no file.
    pub(crate) fn opener(&self) -> impl FnMut(&Head) -> io::Result<Option<Writer>> + Send + use<> {
        let destination = self.clone();
        let mut begun = false;
        move |head| match &destination {
            Destination::Nowhere => Ok(None),
            Destination::Stdout if begun => Err(io::Error::other(
                "the connection broke in the middle of it, and what was printed cannot be taken \
                 back; with --output it would be fetched again",
            )),
            Destination::Stdout => {
                begun = true;
                Ok(Some(Writer::Stdout(io::stdout())))
            }
            Destination::File { .. } if is_failure(head.status().as_u16()) => Ok(None),
            Destination::File { directory, name } => {
                let directory = Path::new(directory);
                let file = temporary(directory)?;
                Ok(Some(Writer::File(file, directory.join(name))))
            }
        }
    }
}

/// Whether a response of this status counts as failed.
pub(crate) fn is_failure(status: u16) -> bool {
    status >= 400
}

/// Takes one body.
#[derive(Debug)]
pub(crate) enum Writer {
    /// Prints it.
    Stdout(io::Stdout),
    /// Keeps it in a file that is gone if this is dropped, until it is put in its place.
    File(NamedTempFile, PathBuf),
}

impl Writer {
    /// Puts the file in its place, now that it is complete. If somebody else has taken its name in
    /// the meantime it gets another. Returns the path.
    ///
    /// # Errors
    /// If the file cannot be given its name.
    pub(crate) fn finish(self) -> io::Result<Option<PathBuf>> {
        let Writer::File(mut file, wanted) = self else { return Ok(None) };
        let name = wanted.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut number = 1;
        loop {
            let path = wanted.with_file_name(with_number(&name, number));
            match file.persist_noclobber(&path) {
                Ok(_) => return Ok(Some(path)),
                Err(taken) if taken.error.kind() == io::ErrorKind::AlreadyExists => {
                    file = taken.file;
                    number += 1;
                }
                Err(failed) => return Err(failed.error),
            }
        }
    }
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Writer::Stdout(stdout) => stdout.write(bytes),
            Writer::File(file, _) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Writer::Stdout(stdout) => stdout.flush(),
            Writer::File(file, _) => file.flush(),
        }
    }
}

/// A file in the same directory, and so on the same file system, as the one that it will be.
fn temporary(directory: &Path) -> io::Result<NamedTempFile> {
    tempfile::Builder::new()
        .prefix(".manyhands-")
        .suffix(".part")
        // As for any new file: what the umask leaves.
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(directory: &Path, name: &str) -> Writer {
        let mut writer = Writer::File(temporary(directory).expect("room"), directory.join(name));
        writer.write_all(b"all of it").expect("room");
        writer
    }

    fn files(directory: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(directory).expect("it is there");
        let mut names: Vec<_> = entries
            .map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_has_its_name_only_when_it_is_complete() {
        let directory = tempfile::tempdir().expect("room");
        let writer = written(directory.path(), "x.txt");
        assert!(!files(directory.path()).contains(&"x.txt".to_owned()));
        let path = writer.finish().expect("it can be named").expect("it is a file");
        assert_eq!(std::fs::read(&path).expect("it is there"), b"all of it");
        assert_eq!(files(directory.path()), ["x.txt"]);

        drop(written(directory.path(), "y.txt"));
        assert_eq!(files(directory.path()), ["x.txt"], "nothing is left of what was given up");
    }

    #[test]
    fn a_name_taken_in_the_meantime_is_left_alone() {
        let directory = tempfile::tempdir().expect("room");
        let writer = written(directory.path(), "x.txt");
        std::fs::write(directory.path().join("x.txt"), "theirs").expect("room");
        let path = writer.finish().expect("it can be named").expect("it is a file");
        assert_eq!(path.file_name().expect("a name"), "x-2.txt");
        assert_eq!(std::fs::read(directory.path().join("x.txt")).expect("there"), b"theirs");
    }
}
