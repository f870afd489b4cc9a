//! The parent's side of a start: everything up to the moment at which the process exists.

use std::ffi::CString;
use std::fs::File;
use std::io::{IoSlice, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::net::UnixStream;

use rustix::fs::{MemfdFlags, memfd_create};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{PidfdFlags, getpid, pidfd_open};

use super::environment::Environment;
use super::error::{StartError, StartErrorKind};
use super::handshake::{self, Hello, Payload};
use super::pidfd::PidFd;
use super::role::Role;
use super::starting::Starting;
use super::takeover;
use super::ticket::{Door, Ticket, VARIABLE};
use super::{executable, origin};
use crate::image::Identity;
use crate::spawn::{self, FIRST_FREE, Fate, Membership, Plan, Signals, Spawned, Stream};

/// A process to be started.
#[derive(Debug)]
pub(crate) struct Launch<'a> {
    /// What for.
    pub(crate) role: Role,
    /// What it is called in messages and in lists of processes.
    pub(crate) name: &'a str,
    pub(crate) env: &'a Environment,
    /// Whether the environment begins empty instead of as ours.
    pub(crate) clean_env: bool,
    /// How many bytes of addresses it may have.
    pub(crate) memory_limit: Option<u64>,
    /// Descriptors for the role.
    pub(crate) fds: &'a [BorrowedFd<'a>],
    pub(crate) stderr: Stderr,
    /// Data for the role, of any length.
    pub(crate) payload: &'a [u8],
}

/// Where a process's standard error goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stderr {
    /// To ours.
    Inherit,
    /// Into a pipe that [`Started::stderr`](super::Started::stderr) reads.
    Pipe,
    /// Nowhere, and standard output too.
    Null,
}

/// How many processes may have started one another.
const DEPTH_MAX: u32 = 8;

/// How many descriptors fit beside one message; the kernel's limit.
const FDS_MAX: usize = 253;

/// Payloads up to this length are in the message itself.
const INLINE_MAX: usize = 16 * 1024;

/// Longer names are refused: they go with every message.
const NAME_MAX: usize = 1024;

/// Starts a process of this program. Returns as soon as there is one; whether it is what it should
/// be turns out later.
pub(crate) fn launch(launch: &Launch<'_>) -> Result<Starting, StartError> {
    let depth = origin::depth() + 1;
    check(launch, depth)?;
    let refused = |error: std::io::Error| {
        StartError::system(&format!("no process was started for '{}'", launch.name), &error)
    };
    let (control, control_there) = UnixStream::pair().map_err(refused)?;
    let (service, service_there) = UnixStream::pair().map_err(refused)?;
    control.set_nonblocking(true).map_err(refused)?;
    service.set_nonblocking(true).map_err(refused)?;
    let (stderr, stderr_there) = match launch.stderr {
        Stderr::Inherit => (None, None),
        Stderr::Pipe => {
            let (read, write) = pipe_with(PipeFlags::CLOEXEC).map_err(|e| refused(e.into()))?;
            (Some(read), Some(write))
        }
        Stderr::Null => {
            let null = File::options().write(true).open("/dev/null").map_err(refused)?;
            (None, Some(null.into()))
        }
    };
    // It is said before there is anybody to hear it, so that the child never has to wait for it.
    greet(launch, &control, service_there.as_fd())?;
    let is_warden = launch.role == Role::Warden;
    let door = if is_warden { Door::BeforeMain } else { takeover::door_of_children() };
    let ticket = Ticket { control: FIRST_FREE, depth, door };
    let base = (!launch.clean_env).then(std::env::vars_os).into_iter().flatten();
    let environment = launch.env.applied(base, (VARIABLE, &ticket.to_string()))?;
    let line = above_targets(control_there.as_fd()).map_err(refused)?;
    let errors = stderr_there.as_ref().map(|end| above_targets(end.as_fd())).transpose();
    let errors = errors.map_err(refused)?;
    let errors =
        errors.as_ref().map(AsRawFd::as_raw_fd).map_or(Stream::Inherited, Stream::Descriptor);
    let output = if launch.stderr == Stderr::Null { errors } else { Stream::Inherited };
    let plan = Plan {
        program: &executable::path(),
        arguments: &if is_warden { vec![c"manyhands-warden".to_owned()] } else { arguments() },
        environment: &environment,
        directory: None,
        // What ends all of this program that is in front of a terminal must not end its warden.
        membership: if is_warden { Membership::NewSession } else { Membership::Ours },
        streams: [Stream::Inherited, output, errors],
        line: Some(line.as_raw_fd()),
        signals: Signals::Blocked,
        fate: Fate::None,
    };
    let Spawned { pid, pidfd } = spawn::spawn(&plan).map_err(|(_, error)| refused(error))?;
    let process = PidFd::new(pidfd, pid.unsigned_abs());
    Ok(Starting::new(launch.name, ticket.door, process, control, service, stderr))
}

fn check(launch: &Launch<'_>, depth: u32) -> Result<(), StartError> {
    let refused = |kind, why: String| Err(StartError::new(kind, why));
    takeover::check_may_launch()?;
    // A warden starts nothing.
    if depth > DEPTH_MAX && launch.role != Role::Warden {
        return refused(
            StartErrorKind::TooDeep,
            format!(
                "workers have started workers {DEPTH_MAX} levels deep, and '{}' would be one more: \
                 does a function that runs in a worker start the pool or process that runs it?",
                launch.name
            ),
        );
    }
    if launch.name.len() > NAME_MAX {
        let length = launch.name.len();
        return refused(
            StartErrorKind::System,
            format!("the name of a process has {length} bytes; at most {NAME_MAX} are possible"),
        );
    }
    // Beside the role's go the pidfd, the service socket and perhaps the payload.
    if launch.fds.len() + 3 > FDS_MAX {
        let count = launch.fds.len();
        return refused(
            StartErrorKind::System,
            format!("{count} descriptors cannot be given to '{}' at once", launch.name),
        );
    }
    Ok(())
}

/// Sends the first message with everything that belongs to it.
fn greet(
    launch: &Launch<'_>,
    control: &UnixStream,
    service: BorrowedFd<'_>,
) -> Result<(), StartError> {
    let refused = |error: std::io::Error| {
        StartError::system(&format!("the start of '{}' was not prepared", launch.name), &error)
    };
    let parent = pidfd_open(getpid(), PidfdFlags::empty()).map_err(|e| refused(e.into()))?;
    let beside = (launch.payload.len() > INLINE_MAX).then(|| beside(launch.payload));
    let beside = beside.transpose().map_err(refused)?;
    let payload = match &beside {
        None => Payload::Inline(launch.payload.to_vec()),
        Some(_) => Payload::Beside(launch.payload.len() as u64),
    };
    let hello = Hello {
        role: launch.role,
        name: launch.name.to_owned(),
        memory_limit: launch.memory_limit,
        fds: launch.fds.len() as u8,
        payload,
    };
    let frame = handshake::encode(Identity::of_this_process(), &hello)
        .map_err(|why| StartError::new(StartErrorKind::System, why))?;
    let mut fds = vec![parent.as_fd(), service];
    fds.extend(beside.as_ref().map(AsFd::as_fd));
    fds.extend_from_slice(launch.fds);
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FDS_MAX))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let fits = ancillary.push(SendAncillaryMessage::ScmRights(&fds));
    debug_assert!(fits, "`check` lets no more through than there is room for");
    let sent = sendmsg(control, &[IoSlice::new(&frame)], &mut ancillary, SendFlags::NOSIGNAL)
        .map_err(|e| refused(e.into()))?;
    if sent == frame.len() {
        return Ok(());
    }
    // Socket buffers are set absurdly small here; nobody reads yet, so waiting would be in vain.
    Err(StartError::new(
        StartErrorKind::System,
        format!("a socket takes only {sent} of {} bytes: see net.core.wmem_default", frame.len()),
    ))
}

/// The payload in a file in memory, from its beginning.
fn beside(payload: &[u8]) -> std::io::Result<OwnedFd> {
    let mut file = File::from(memfd_create("manyhands-start", MemfdFlags::CLOEXEC)?);
    file.write_all(payload)?;
    Ok(file.into())
}

/// A copy that is none of the descriptors which the child begins with: those would be overwritten
/// while they are moved.
fn above_targets(fd: BorrowedFd<'_>) -> std::io::Result<OwnedFd> {
    Ok(rustix::io::fcntl_dupfd_cloexec(fd, FIRST_FREE + 1)?)
}

/// The arguments of this process, which are those of the child too.
fn arguments() -> Vec<CString> {
    // Arguments come from C strings, so there is no NUL byte in them.
    let of_this_process = std::env::args_os().filter_map(|one| CString::new(one.into_vec()).ok());
    let mut arguments: Vec<_> = of_this_process.collect();
    if arguments.is_empty() {
        arguments.push(c"manyhands-worker".to_owned());
    }
    arguments
}
