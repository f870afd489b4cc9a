//! `kill -QUIT`: a running program prints what every context waits for.

use std::io;
use std::sync::{Mutex, PoisonError};

/// From now on prints a [`dump`](crate::dump()) to standard error whenever the process gets a `SIGQUIT`
/// (`kill -QUIT`, or Ctrl-\ in its terminal), and goes on. Without this the signal ends the process.
///
/// The signal handler writes to a pipe and does nothing else; a thread of its own prints. Again is the
/// same as once. Other handlers of the signal that are registered through the crate `signal-hook` are
/// called as well.
///
/// # Errors
/// What the operating system says when it grants no pipe or no thread;
/// [`io::ErrorKind::Unsupported`] where there is no such signal.
///
/// ```no_run
/// manyhands_wait::dump_on_sigquit()?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "faulthandler.register")]
pub fn dump_on_sigquit() -> io::Result<()> {
    static IS_ON: Mutex<bool> = Mutex::new(false);
    let mut is_on = IS_ON.lock().unwrap_or_else(PoisonError::into_inner);
    if !*is_on {
        start()?;
        *is_on = true;
    }
    Ok(())
}

#[cfg(unix)]
fn start() -> io::Result<()> {
    use std::io::Write;

    use signal_hook::consts::SIGQUIT;
    use signal_hook::iterator::Signals;

    let mut signals = Signals::new([SIGQUIT])?;
    let print = move || {
        for _ in signals.forever() {
            // Made first, so that nobody who prints something holds up what is looked at. Without a
            // standard error there is nobody to tell.
            let text = crate::dump().to_string();
            let _ = io::stderr().write_all(text.as_bytes());
        }
    };
    std::thread::Builder::new().name("manyhands-dump".to_owned()).spawn(print)?;
    Ok(())
}

#[cfg(not(unix))]
fn start() -> io::Result<()> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "this system has no SIGQUIT"))
}
