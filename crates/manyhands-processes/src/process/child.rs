//! The process's side: calls the function and sends back what it returned.

use std::io::{self, Write};
use std::os::unix::net::UnixStream;

use manyhands_executor::Entry;

use crate::image::EntryOffsets;
use crate::start::Origin;

/// What the process exits with if its function panicked; as a program whose `main` panics.
const PANICKED: i32 = 101;

/// What it exits with if it could not call the function, or nobody is left to hear of it.
const NOT_CALLED: i32 = 114;

/// What a process gets to call.
pub(super) fn encode(function: EntryOffsets, argument: &[u8]) -> Vec<u8> {
    let payload = postcard::to_extend(&function, Vec::with_capacity(32 + argument.len()));
    let mut payload = payload.expect("two numbers can be encoded, and a vector grows");
    payload.extend_from_slice(argument);
    payload
}

/// Calls the function and ends the process, as a program ends whose `main` returns.
pub(crate) fn run(origin: Origin) -> ! {
    let Origin { control, payload, .. } = origin;
    let called = postcard::take_from_bytes::<EntryOffsets>(&payload)
        .map_err(|error| error.to_string())
        .and_then(|(function, argument)| {
            Ok((function.entry().map_err(|error| error.to_string())?, argument))
        });
    let (entry, argument) = match called {
        Ok(called) => called,
        Err(why) => {
            eprintln!("manyhands: a process does not know what to call: {why}");
            std::process::exit(NOT_CALLED);
        }
    };
    let outcome = entry.call_encoded(argument);
    let code = if Entry::is_failure(&outcome) { PANICKED } else { 0 };
    match send(&control, &outcome) {
        Ok(()) => std::process::exit(code),
        Err(_) => std::process::exit(NOT_CALLED),
    }
}

fn send(mut control: &UnixStream, outcome: &[u8]) -> io::Result<()> {
    control.write_all(&(outcome.len() as u64).to_le_bytes())?;
    control.write_all(outcome)
}
