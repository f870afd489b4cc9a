//! Starting the programs of one run, connected with each other and with us.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

use manyhands_io::Watched;
use rustix::fs::{MemfdFlags, OFlags, SealFlags, fcntl_add_seals, fcntl_setfl, memfd_create};
use rustix::io::fcntl_dupfd_cloexec;
use rustix::pipe::{PipeFlags, pipe_with};

use super::builder::{Command, ProcessGroup};
use super::child::Child;
use super::error::{CommandError, CommandErrorKind};
use super::family::Family;
use super::prepared::{Prepared, failed};
use super::streams::{InputFrom, OutputTo};
use crate::spawn::{FIRST_FREE, Fate, Membership, Plan, Signals, Stream, spawn};
use crate::warden::{self, Kind};

/// Programs that run, and our ends of the pipes to them.
pub(super) struct Launched {
    pub(super) family: Family,
    /// Into the first one.
    pub(super) stdin: Option<Pipe>,
    /// Out of the last one.
    pub(super) stdout: Option<Pipe>,
    /// Out of each.
    pub(super) stderr: Vec<Option<Pipe>>,
}

/// Our end of a pipe, in non-blocking mode.
pub(super) type Pipe = Watched<OwnedFd>;

/// What the verb decides where the command leaves it open.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manner {
    /// Whether output is captured unless it is said where it goes.
    pub(super) captures: bool,
    /// Whether somebody may write to the first one's input while it runs.
    pub(super) feeds: bool,
    /// Whether something may end the programs early.
    pub(super) may_be_ended: bool,
    /// Whether the thread that starts them waits until they have ended.
    pub(super) waits_here: bool,
}

/// Starts them all, the output of each being the input of the next.
///
/// # Errors
/// Why the first that was not started was not; those before it are ended.
pub(super) fn launch(commands: &[Command], manner: Manner) -> Result<Launched, CommandError> {
    let membership = membership(commands, manner);
    let is_ours = membership == Membership::Ours;
    // While a thread waits, the kernel can tie one process to it, which costs nothing. What that has
    // started is tied to nothing; but in our group it is not ours to end.
    let roster = if is_ours && manner.waits_here { None } else { warden::roster() };
    let mut launched = Launched {
        family: Family::new(!is_ours, roster.clone()),
        stdin: None,
        stdout: None,
        stderr: Vec::with_capacity(commands.len()),
    };
    let mut from_previous: Option<OwnedFd> = None;
    for (index, command) in commands.iter().enumerate() {
        let prepared = Prepared::of(command)?;
        let is_last = index + 1 == commands.len();
        let mut ends = Ends { held: Vec::new() };
        let stdin = match from_previous.take() {
            Some(pipe) => ends.hold(command, pipe)?,
            None => {
                let (stream, pipe) = ends.input(command, manner)?;
                launched.stdin = pipe;
                stream
            }
        };
        let (stdout, pipe) = if is_last {
            ends.output(command, "standard output", command.stdout.as_ref(), manner)?
        } else {
            let (reader, writer) =
                new_pipe().map_err(|error| no_stream(command, "pipe", &error))?;
            from_previous = Some(reader);
            (ends.hold(command, writer)?, None)
        };
        launched.stdout = pipe;
        let (stderr, pipe) = match &command.stderr {
            Some(OutputTo::Stdout) => (Stream::AsOutput, None),
            other => ends.output(command, "standard error", other.as_ref(), manner)?,
        };
        launched.stderr.push(pipe);
        let membership = match (membership, launched.family.group()) {
            (Membership::Ours, _) => Membership::Ours,
            (_, Some(leader)) => Membership::Group(leader),
            (first, None) => first,
        };
        let plan = Plan {
            program: &prepared.program,
            arguments: &prepared.arguments,
            environment: &prepared.environment,
            directory: prepared.directory.as_deref(),
            membership,
            streams: [stdin, stdout, stderr],
            line: None,
            signals: Signals::AsExpected,
            fate: match &roster {
                Some(roster) => Fate::OnRoster(roster, entry_of(membership)),
                None if manner.waits_here => Fate::WithThread,
                None => Fate::None,
            },
        };
        let spawned = spawn(&plan).map_err(|(step, error)| failed(command, step, &error))?;
        let leads = matches!(membership, Membership::NewGroup | Membership::NewSession);
        launched.family.push(Child::new(spawned, leads), entry_of(membership));
    }
    Ok(launched)
}

/// What is entered for a program of this membership; nothing for one whose group is entered already.
fn entry_of(membership: Membership) -> Option<Kind> {
    match membership {
        Membership::Ours => Some(Kind::Process),
        Membership::NewGroup | Membership::NewSession => Some(Kind::Group),
        Membership::Group(_) => None,
    }
}

fn membership(commands: &[Command], manner: Manner) -> Membership {
    let Some(first) = commands.first() else { return Membership::Ours };
    match first.group {
        ProcessGroup::Inherit => Membership::Ours,
        ProcessGroup::Own => Membership::NewGroup,
        ProcessGroup::Session => Membership::NewSession,
        ProcessGroup::Automatic => {
            let reads_ours = matches!(first.stdin, Some(InputFrom::Inherit));
            if manner.may_be_ended && !reads_ours { Membership::NewGroup } else { Membership::Ours }
        }
    }
}

/// The child's ends of its streams, kept until it has its own copies.
struct Ends {
    held: Vec<OwnedFd>,
}

impl Ends {
    fn hold(&mut self, command: &Command, end: OwnedFd) -> Result<Stream, CommandError> {
        // Where this program has closed its own standard streams, their numbers are given to
        // whatever is opened next.
        let end = if end.as_raw_fd() < FIRST_FREE {
            fcntl_dupfd_cloexec(&end, FIRST_FREE)
                .map_err(|errno| no_stream(command, "descriptor", &errno.into()))?
        } else {
            end
        };
        let stream = Stream::Descriptor(end.as_raw_fd());
        self.held.push(end);
        Ok(stream)
    }

    fn input(
        &mut self,
        command: &Command,
        manner: Manner,
    ) -> Result<(Stream, Option<Pipe>), CommandError> {
        let failed = |error: &io::Error| no_stream(command, "standard input", error);
        let end = match command.stdin.as_ref().unwrap_or(&InputFrom::Null) {
            InputFrom::Inherit => return Ok((Stream::Inherited, None)),
            InputFrom::Null => null(false).map_err(|error| failed(&error))?,
            InputFrom::Bytes(bytes) if bytes.is_empty() => {
                null(false).map_err(|error| failed(&error))?
            }
            InputFrom::Bytes(bytes) => in_memory(bytes).map_err(|error| failed(&error))?,
            InputFrom::File(path) => {
                open(command, "standard input", path, File::options().read(true))?
            }
            InputFrom::Descriptor(descriptor) => {
                descriptor.get().try_clone().map_err(|error| failed(&error))?
            }
            InputFrom::Pipe if manner.feeds => {
                let (reader, writer) = new_pipe().map_err(|error| failed(&error))?;
                let ours = ours(writer).map_err(|error| failed(&error))?;
                return Ok((self.hold(command, reader)?, Some(ours)));
            }
            InputFrom::Pipe => {
                return Err(CommandError::new(
                    CommandErrorKind::InvalidInput,
                    command.to_string(),
                    "nobody could write into a pipe to the program while it runs to its end; use \
                     `start`, or give bytes",
                ));
            }
        };
        Ok((self.hold(command, end)?, None))
    }

    fn output(
        &mut self,
        command: &Command,
        name: &'static str,
        to: Option<&OutputTo>,
        manner: Manner,
    ) -> Result<(Stream, Option<Pipe>), CommandError> {
        let failed = |error: &io::Error| no_stream(command, name, error);
        let default = if manner.captures { &OutputTo::Capture } else { &OutputTo::Inherit };
        let end = match to.unwrap_or(default) {
            OutputTo::Inherit => return Ok((Stream::Inherited, None)),
            OutputTo::Null => null(true).map_err(|error| failed(&error))?,
            OutputTo::File(path) => {
                open(command, name, path, File::options().write(true).create(true).truncate(true))?
            }
            OutputTo::Append(path) => {
                open(command, name, path, File::options().append(true).create(true))?
            }
            OutputTo::Descriptor(descriptor) => {
                descriptor.get().try_clone().map_err(|error| failed(&error))?
            }
            OutputTo::Capture => {
                let (reader, writer) = new_pipe().map_err(|error| failed(&error))?;
                let ours = ours(reader).map_err(|error| failed(&error))?;
                return Ok((self.hold(command, writer)?, Some(ours)));
            }
            OutputTo::Stdout => {
                return Err(CommandError::new(
                    CommandErrorKind::InvalidInput,
                    command.to_string(),
                    "standard output cannot be merged into itself; `OutputTo::Stdout` is for \
                     standard error",
                ));
            }
        };
        Ok((self.hold(command, end)?, None))
    }
}

fn new_pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(pipe_with(PipeFlags::CLOEXEC)?)
}

/// Our end does not block; that of the program, which is another open file, does.
fn ours(end: OwnedFd) -> io::Result<Pipe> {
    fcntl_setfl(&end, OFlags::NONBLOCK)?;
    Ok(Watched::new(end))
}

fn null(writes: bool) -> io::Result<OwnedFd> {
    Ok(File::options().read(!writes).write(writes).open("/dev/null")?.into())
}

/// A file in memory with these bytes, which the program cannot change.
fn in_memory(bytes: &[u8]) -> io::Result<OwnedFd> {
    let file = memfd_create("input", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    let mut written = 0;
    while written < bytes.len() {
        // At an offset: the program is to find the position at the beginning.
        let rest = &bytes[written..];
        written += match rustix::io::pwrite(&file, rest, written as u64) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(length) => length,
            Err(rustix::io::Errno::INTR) => 0,
            Err(errno) => return Err(errno.into()),
        };
    }
    fcntl_add_seals(
        &file,
        SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL,
    )?;
    Ok(file)
}

fn open(
    command: &Command,
    name: &str,
    path: &Path,
    options: &OpenOptions,
) -> Result<OwnedFd, CommandError> {
    options.open(path).map(OwnedFd::from).map_err(|error| {
        let what = format!(
            "the program {:?} was not started, because {} for its {name} was not opened",
            command.program,
            path.display()
        );
        CommandError::system(CommandErrorKind::NotStarted, command.to_string(), what, &error)
    })
}

fn no_stream(command: &Command, name: &str, error: &io::Error) -> CommandError {
    CommandError::system(
        CommandErrorKind::NotStarted,
        command.to_string(),
        format_args!("the program {:?} was not started: no {name} for it", command.program),
        error,
    )
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn bytes_in_memory_are_read_from_the_beginning_and_cannot_be_changed() {
        let file = in_memory(b"hello").unwrap();
        let mut buffer = [0; 16];
        assert_eq!(rustix::io::read(file.as_fd(), &mut buffer).unwrap(), 5);
        assert_eq!(&buffer[..5], b"hello");
        assert!(rustix::io::pwrite(&file, b"x", 0).is_err());
    }
}
