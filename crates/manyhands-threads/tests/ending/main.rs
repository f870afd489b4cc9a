//! The end of the process: what is waited for, and what is not. After CPython's
//! `test_concurrent_futures/test_shutdown.py` and `test_threading.py`.
//!
//! These tests are about what happens when a real `main` returns, panics or exits, so this program
//! has a `main` of its own. It runs itself again for each scenario and looks at how that ended. The
//! arguments that test runners give are understood as far as they are needed.

mod harness;
mod scenarios;

use std::process::ExitCode;

fn main() -> ExitCode {
    harness::main(scenarios::ALL, |scenario| {
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        harness::play(&program, scenario)
    })
}
