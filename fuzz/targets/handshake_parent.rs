//! A parent that hears anything as the answer of a worker that it has started.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| manyhands_processes::fuzzing::handshake_parent(bytes));
