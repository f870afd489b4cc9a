//! The process's side: calls the function and sends back what it returned.

use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use manyhands_executor::Entry;
use rustix::net::SendFlags;

use crate::image::EntryOffsets;
use crate::memory::attachments::{Attachments, Travel};
use crate::memory::{MemoryError, beside, message};
use crate::start::Origin;

/// How many descriptors an outcome has at most; the operating system's limit is 253.
pub(super) const FDS_MAX: usize = 251;

/// What the process exits with if its function panicked; as a program whose `main` panics.
const PANICKED: i32 = 101;

/// What it exits with if it could not call the function, or nobody is left to hear of it.
const NOT_CALLED: i32 = 114;

/// What a process gets to call, and the descriptors that go with it.
pub(super) fn encode(
    function: EntryOffsets,
    argument: &[u8],
    attachments: Attachments,
) -> Result<(Vec<u8>, Vec<Arc<OwnedFd>>), MemoryError> {
    let payload = postcard::to_extend(&function, Vec::with_capacity(32));
    let mut payload = payload.expect("two numbers can be encoded, and a vector grows");
    let fds = message::pack(argument, attachments, &mut payload)?;
    Ok((payload, fds))
}

/// Calls the function and ends the process, as a program ends whose `main` returns.
pub(crate) fn run(origin: Origin) -> ! {
    let Origin { control, payload, fds, .. } = origin;
    let fds = fds.into_iter().map(Arc::new).collect();
    let called = postcard::take_from_bytes::<EntryOffsets>(&payload)
        .map_err(|error| error.to_string())
        .and_then(|(function, argument)| {
            let (argument, attachments) =
                message::unpack(argument, fds).map_err(|error| error.to_string())?;
            Ok((function.entry().map_err(|error| error.to_string())?, argument, attachments))
        });
    let (entry, argument, attachments) = match called {
        Ok(called) => called,
        Err(why) => {
            eprintln!("manyhands: a process does not know what to call: {why}");
            std::process::exit(NOT_CALLED);
        }
    };
    let mut travel = Travel::with(attachments);
    let outcome = entry.call_encoded_with(&argument, &mut travel);
    let code = if Entry::is_failure(&outcome) { PANICKED } else { 0 };
    match send(&control, &outcome, travel.outgoing) {
        Ok(()) => std::process::exit(code),
        Err(why) => {
            eprintln!("manyhands: what a process returned was not sent: {why}");
            std::process::exit(NOT_CALLED);
        }
    }
}

/// Sends the outcome as a message after its length; the descriptors go with the first byte.
fn send(
    mut control: &UnixStream,
    outcome: &[u8],
    attachments: Attachments,
) -> Result<(), Box<dyn std::error::Error>> {
    let mut bytes = vec![0; 8];
    let fds = message::pack(outcome, attachments, &mut bytes)?;
    if fds.len() > FDS_MAX {
        return Err(format!("it has {} handles, at most {FDS_MAX} can be sent", fds.len()).into());
    }
    let length = (bytes.len() - 8) as u64;
    bytes[..8].copy_from_slice(&length.to_le_bytes());
    let fds: Vec<_> = fds.iter().map(|fd| fd.as_fd()).collect();
    let send = || beside::send(control, &bytes, &fds, SendFlags::empty());
    let sent = rustix::io::retry_on_intr(send)?;
    control.write_all(&bytes[sent..])?;
    Ok(())
}
