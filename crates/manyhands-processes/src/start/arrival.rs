//! What a worker does first: hears what it is for, and puts its house in order.

use std::fs::{self, File};
use std::io::{self, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use rustix::process::{Resource, Rlimit, setrlimit};

use super::handshake::{self, Answer, Decoded, Hello, LENGTH_BYTES, Payload};
use super::origin::{self, Origin};
use super::parent_watch;
use super::takeover::Arrived;
use super::ticket::Ticket;
use crate::image::Identity;

/// Why a worker cannot begin.
pub(super) enum Failed {
    /// The parent is gone.
    Orphaned,
    /// The parent was told.
    Told,
}

/// How much likelier the kernel ends a worker than its parent when memory is short; of 1000.
const OOM_SCORE: i32 = 500;

/// How many descriptors can come with a message.
const FDS_MAX: usize = 253;

/// Hears what the process is for. To be called once, before there are other threads.
pub(super) fn arrive(ticket: Ticket) -> Result<Arrived, Failed> {
    fill_standard_descriptors();
    // SAFETY: the ticket says that the descriptor is ours, and it was found to be a socket; this is
    // called once.
    let control = unsafe { OwnedFd::from_raw_fd(ticket.control) };
    let _closed_by_execve = rustix::io::fcntl_setfd(&control, rustix::io::FdFlags::CLOEXEC);
    let control = UnixStream::from(control);
    let (frame, fds) = receive(&control).map_err(|_closed| Failed::Orphaned)?;
    let ours = Identity::of_this_process();
    let hello = match handshake::decode::<Hello>(ours, &frame) {
        Ok(Decoded::Same(hello)) => hello,
        // The answer says what we are; more need not be said.
        Ok(Decoded::Other(_)) => return Err(refuse(&control, "another binary")),
        Err(why) => return Err(refuse(&control, &why)),
    };
    match settle(hello, fds, ticket.depth) {
        Ok((role, name, fds, payload)) => {
            Ok(Arrived { role, origin: Origin { control, fds, payload, name } })
        }
        Err(why) => Err(refuse(&control, &why)),
    }
}

/// Tells the parent that the role begins.
pub(super) fn answer_ready(origin: &Origin) -> io::Result<()> {
    answer(&origin.control, &Answer::Ready)
}

type Settled = (super::role::Role, String, Vec<OwnedFd>, Vec<u8>);

/// Does what the parent has said.
fn settle(hello: Hello, fds: Vec<OwnedFd>, depth: u32) -> Result<Settled, String> {
    let mut fds = fds.into_iter();
    let mut next = |what: &str| fds.next().ok_or_else(|| format!("{what} did not arrive"));
    let parent = next("the parent's descriptor")?;
    let service = UnixStream::from(next("the service socket")?);
    let payload = match hello.payload {
        Payload::Inline(payload) => payload,
        Payload::Beside(length) => read_payload(next("the payload")?, length)
            .map_err(|error| format!("a payload of {length} bytes was not read: {error}"))?,
    };
    let mut fds: Vec<_> = fds.collect();
    if fds.len() != usize::from(hello.fds) {
        let (came, sent) = (fds.len(), hello.fds);
        return Err(format!(
            "{came} of {sent} descriptors arrived: the worker may have too few, see `ulimit -n`"
        ));
    }
    if hello.role.ends_with_parent() {
        parent_watch::start(parent).map_err(|error| format!("no thread was started: {error}"))?;
        be_likelier_to_be_killed();
    } else {
        fds.insert(0, parent);
    }
    name_process(&hello.name);
    if let Some(bytes) = hello.memory_limit {
        let limit = Rlimit { current: Some(bytes), maximum: Some(bytes) };
        setrlimit(Resource::As, limit)
            .map_err(|error| format!("the memory limit of {bytes} bytes was refused: {error}"))?;
    }
    origin::set(depth, service);
    Ok((hello.role, hello.name, fds, payload))
}

fn refuse(control: &UnixStream, why: &str) -> Failed {
    match answer(control, &Answer::Refused(why.to_owned())) {
        Ok(()) => Failed::Told,
        Err(_) => Failed::Orphaned,
    }
}

fn answer(mut control: &UnixStream, answer: &Answer) -> io::Result<()> {
    let frame = handshake::encode(Identity::of_this_process(), answer).map_err(io::Error::other)?;
    control.write_all(&frame)
}

/// One frame without its length, and the descriptors that came with it.
pub(super) fn receive(mut control: &UnixStream) -> io::Result<(Vec<u8>, Vec<OwnedFd>)> {
    let mut length = [0; LENGTH_BYTES];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FDS_MAX))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let came = rustix::io::retry_on_intr(|| {
        let mut slices = [IoSliceMut::new(&mut length)];
        recvmsg(control, &mut slices, &mut ancillary, RecvFlags::CMSG_CLOEXEC)
    })?;
    let mut fds = Vec::new();
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            fds.extend(rights);
        }
    }
    control.read_exact(&mut length[came.bytes..])?;
    let length = handshake::decode_length(length).map_err(io::Error::other)?;
    let mut frame = vec![0; length];
    control.read_exact(&mut frame)?;
    Ok((frame, fds))
}

fn read_payload(file: OwnedFd, length: u64) -> io::Result<Vec<u8>> {
    let mut file = File::from(file);
    let there = file.metadata()?.len();
    if there != length {
        return Err(io::Error::other(format!("{there} bytes are there")));
    }
    io::Seek::rewind(&mut file)?;
    let mut payload = Vec::new();
    payload
        .try_reserve_exact(usize::try_from(length).unwrap_or(usize::MAX))
        .map_err(io::Error::other)?;
    file.take(length).read_to_end(&mut payload)?;
    Ok(payload)
}

/// Standard input is empty: a worker would take away what its parent is to read. Output and
/// error must be something, or the next files that are opened would take their numbers.
fn fill_standard_descriptors() {
    let Ok(null) = File::options().read(true).write(true).open("/dev/null") else { return };
    let _replaced = rustix::stdio::dup2_stdin(&null);
    // SAFETY: the numbers are looked at, and nothing is done with them.
    let is_open = |fd| unsafe { libc::fcntl(fd, libc::F_GETFD) } >= 0;
    if !is_open(libc::STDOUT_FILENO) {
        let _replaced = rustix::stdio::dup2_stdout(&null);
    }
    if !is_open(libc::STDERR_FILENO) {
        let _replaced = rustix::stdio::dup2_stderr(&null);
    }
    // If one of the three was free, the file itself may be what fills it.
    if std::os::fd::AsRawFd::as_raw_fd(&null) <= libc::STDERR_FILENO {
        std::mem::forget(null);
    }
}

/// When memory is short, a worker is the smaller loss. Where this is not allowed, it is as likely as
/// others.
fn be_likelier_to_be_killed() {
    const FILE: &str = "/proc/self/oom_score_adj";
    let now = fs::read_to_string(FILE).ok().and_then(|text| text.trim().parse::<i32>().ok());
    let raised = now.unwrap_or(0).max(OOM_SCORE);
    let _allowed = fs::write(FILE, raised.to_string());
}

/// Shows the name in lists of processes, where the kernel keeps 15 bytes of it.
fn name_process(name: &str) {
    let shown: Vec<u8> = name.bytes().filter(|byte| *byte != 0).take(15).collect();
    if let Ok(shown) = std::ffi::CString::new(shown) {
        let _shown = rustix::thread::set_name(&shown);
    }
}
