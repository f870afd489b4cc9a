//! Both sides of the handshake with anything said by the other, for fuzzers.

use std::io::Write;
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::OnceLock;

use super::handshake::{self, Answer, Decoded, Hello, LENGTH_BYTES, Payload};
use super::pidfd::PidFd;
use super::starting::Starting;
use super::ticket::{Door, Ticket};
use crate::image::Identity;

/// What a child makes of these bytes as its greeting. An even first byte puts a true length and
/// identity before the others, which are hard to guess.
pub fn handshake_child(bytes: &[u8]) {
    let _nonsense = Ticket::parse(bytes);
    let Some((theirs, ours)) = line_with(bytes) else { return };
    drop(theirs);
    let Ok((frame, fds)) = super::arrival::receive(&ours) else { return };
    assert!(fds.is_empty() && frame.len() <= handshake::FRAME_MAX);
    match handshake::decode::<Hello>(Identity::of_this_process(), &frame) {
        Ok(Decoded::Same(hello)) => {
            assert!(hello.name.len() <= frame.len());
            if let Payload::Inline(payload) = &hello.payload {
                assert!(payload.len() <= frame.len());
            }
            let again = handshake::encode(Identity::of_this_process(), &hello);
            let again = again.expect("what was decoded from a frame fits into one");
            let decoded = handshake::decode(Identity::of_this_process(), &again[LENGTH_BYTES..]);
            assert_eq!(decoded, Ok(Decoded::Same(hello)));
        }
        Ok(Decoded::Other(identity)) => assert_ne!(&identity, Identity::of_this_process()),
        Err(why) => assert!(!why.is_empty()),
    }
}

/// What a parent makes of these bytes as the answer of a child that ends then.
pub fn handshake_parent(bytes: &[u8]) {
    let Some((theirs, ours)) = line_with(bytes) else { return };
    let (Ok((service, _)), Ok(())) = (UnixStream::pair(), ours.set_nonblocking(true)) else {
        return;
    };
    let Some(pidfd) = of_one_that_has_ended() else { return };
    let process = PidFd::new(pidfd, 1);
    let mut starting = Starting::new("fuzzed", Door::BeforeMain, process, ours, service, None);
    if let Ok(None) = starting.try_finish() {
        panic!("the line is closed, so there is nothing to wait for");
    }
    drop(theirs);
}

/// A line on which all of this was said, and nothing more will be.
fn line_with(bytes: &[u8]) -> Option<(UnixStream, UnixStream)> {
    let (choice, bytes) = bytes.split_first()?;
    let mut said = Vec::new();
    if choice % 2 == 0 {
        // With an identity before it, whatever follows.
        let frame = handshake::encode(Identity::of_this_process(), &Answer::Ready).ok()?;
        let identity = &frame[LENGTH_BYTES..frame.len() - 1];
        said.extend_from_slice(&u32::try_from(identity.len() + bytes.len()).ok()?.to_le_bytes());
        said.extend_from_slice(identity);
    }
    said.extend_from_slice(bytes);
    let (mut theirs, ours) = UnixStream::pair().ok()?;
    // More than the buffer of a socket takes is more than any frame has.
    theirs.set_nonblocking(true).ok()?;
    theirs.write_all(&said).ok()?;
    theirs.shutdown(Shutdown::Write).ok()?;
    Some((theirs, ours))
}

/// The descriptor of a process that was there once: signals to it do nothing.
fn of_one_that_has_ended() -> Option<OwnedFd> {
    static ENDED: OnceLock<OwnedFd> = OnceLock::new();
    let ended = ENDED.get_or_init(|| {
        let mut child =
            std::process::Command::new("true").spawn().expect("there is a program `true`");
        let pid = rustix::process::Pid::from_child(&child);
        let flags = rustix::process::PidfdFlags::empty();
        let pidfd = rustix::process::pidfd_open(pid, flags).expect("the child was not reaped");
        child.wait().expect("nobody else reaps it");
        pidfd
    });
    ended.try_clone().ok()
}
