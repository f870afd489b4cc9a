//! The service of managed objects, of which anything is asked.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| manyhands_processes::fuzzing::manager_requests(bytes));
