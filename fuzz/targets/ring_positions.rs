//! The ring of the pool's channel, whose other side writes whatever and wherever it wants.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| manyhands_processes::fuzzing::ring_positions(bytes));
