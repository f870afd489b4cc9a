//! A command made ready for the kernel: strings with their ends, the program found.

use std::ffi::{CString, OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use super::builder::Command;
use super::error::{CommandError, CommandErrorKind};
use crate::spawn::Step;

/// Where programs are looked for without a `PATH`.
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// What the child will need, but its standard streams.
pub(super) struct Prepared {
    pub(super) program: CString,
    pub(super) arguments: Vec<CString>,
    pub(super) environment: Vec<CString>,
    pub(super) directory: Option<CString>,
}

impl Prepared {
    /// # Errors
    /// What makes no sense, and a program that does not exist.
    pub(super) fn of(command: &Command) -> Result<Prepared, CommandError> {
        let line = || command.to_string();
        let invalid = |why: String| CommandError::new(CommandErrorKind::InvalidInput, line(), why);
        let c_string = |bytes: &[u8], what: &dyn Fn() -> String| {
            CString::new(bytes).map_err(|_| invalid(format!("{} contains a NUL byte", what())))
        };
        if command.program.is_empty() {
            return Err(invalid("the name of the program is empty".to_owned()));
        }
        let name = c_string(command.program.as_bytes(), &|| {
            format!("the name of the program {:?}", command.program)
        })?;
        let mut arguments = vec![name];
        for (number, argument) in (1..).zip(&command.arguments) {
            arguments.push(c_string(argument.as_bytes(), &|| {
                format!("argument {number} of {:?}, {argument:?},", command.program)
            })?);
        }
        for variable in command.environment.names() {
            if variable.is_empty() || variable.as_bytes().contains(&b'=') {
                return Err(invalid(format!(
                    "{variable:?} cannot be the name of an environment variable"
                )));
            }
        }
        let mut environment = Vec::new();
        for (variable, value) in command.environment.apply() {
            let mut pair = variable.as_bytes().to_vec();
            pair.push(b'=');
            pair.extend_from_slice(value.as_bytes());
            environment
                .push(c_string(&pair, &|| format!("the environment variable {variable:?}"))?);
        }
        let directory = match &command.directory {
            Some(path) => Some(c_string(path.as_bytes(), &|| format!("the directory {path:?}"))?),
            None => None,
        };
        let program = find(command)?;
        let program = c_string(program.as_bytes(), &|| "PATH".to_owned())?;
        Ok(Prepared { program, arguments, environment, directory })
    }
}

/// The file to be run. One that is named with a slash is taken as it is.
fn find(command: &Command) -> Result<OsString, CommandError> {
    let name = &command.program;
    if name.as_bytes().contains(&b'/') {
        return Ok(name.clone());
    }
    let path = command.environment.get("PATH").unwrap_or_else(|| DEFAULT_PATH.into());
    let mut forbidden: Option<PathBuf> = None;
    for folder in std::env::split_paths(&path) {
        // An empty entry is the working directory, and so is "." for the program after its `chdir`.
        let folder = if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder };
        let candidate = folder.join(name);
        let here = seen_from_here(command, &candidate);
        if !here.is_file() {
            continue;
        }
        if access(&here, Access::EXEC_OK).is_ok() {
            return Ok(candidate.into_os_string());
        }
        forbidden.get_or_insert(candidate);
    }
    Err(match forbidden {
        Some(file) => CommandError::new(
            CommandErrorKind::NotExecutable,
            command.to_string(),
            format!(
                "the program {name:?} cannot be run: {} is not executable by this user",
                file.display()
            ),
        ),
        None => CommandError::new(
            CommandErrorKind::NotFound,
            command.to_string(),
            format!(
                "the program {name:?} was not found in PATH ({}); is it installed?",
                path.display()
            ),
        ),
    })
}

/// What the program, after its change of directory, calls `path`.
fn seen_from_here(command: &Command, path: &Path) -> PathBuf {
    match &command.directory {
        Some(directory) => Path::new(directory).join(path),
        None => path.to_owned(),
    }
}

/// The error for a step that failed on the way to the program.
pub(super) fn failed(command: &Command, step: Step, error: &io::Error) -> CommandError {
    let line = command.to_string();
    let name = &command.program;
    match step {
        Step::Clone | Step::Membership | Step::Streams => CommandError::system(
            CommandErrorKind::NotStarted,
            line,
            format_args!("no process was made for the program {name:?}"),
            error,
        ),
        Step::Directory => CommandError::system(
            CommandErrorKind::NoDirectory,
            line,
            format_args!(
                "the program {name:?} was not started, because its working directory {:?} cannot \
                 be entered",
                command.directory.as_deref().unwrap_or(OsStr::new("."))
            ),
            error,
        ),
        Step::Exec => {
            let file = seen_from_here(command, Path::new(name));
            let named = name.as_bytes().contains(&b'/');
            let (kind, why) = match error.raw_os_error() {
                Some(libc::ENOENT | libc::ENOTDIR) if named && !file.exists() => {
                    (CommandErrorKind::NotFound, "does not exist")
                }
                Some(libc::ENOENT) => (
                    CommandErrorKind::NotExecutable,
                    "cannot be run, because the interpreter that it names (in its first line, or \
                     as its loader) does not exist",
                ),
                Some(libc::EACCES) if file.is_dir() => {
                    (CommandErrorKind::NotExecutable, "cannot be run, because it is a directory")
                }
                Some(libc::EACCES | libc::EPERM) => (
                    CommandErrorKind::NotExecutable,
                    "cannot be run, because it is not executable by this user",
                ),
                Some(libc::ENOEXEC) => (
                    CommandErrorKind::NotExecutable,
                    "cannot be run, because it is in no format that the system knows (a script \
                     needs a first line such as `#!/bin/sh`)",
                ),
                Some(libc::E2BIG) => (
                    CommandErrorKind::NotStarted,
                    "was not started, because its arguments and environment are too long",
                ),
                _ => (CommandErrorKind::NotStarted, "was not started"),
            };
            CommandError::system(kind, line, format_args!("the program {name:?} {why}"), error)
        }
    }
}
