//! A worker that hears anything as its greeting.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| manyhands_processes::fuzzing::handshake_child(bytes));
