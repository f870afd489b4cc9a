//! Frames of the pool's channel that are made of anything.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| manyhands_processes::fuzzing::channel_frames(bytes));
