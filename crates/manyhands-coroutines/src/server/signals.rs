//! Signals that stop a server: each puts a byte in a socket that the server waits for.

use std::io;

use signal_hook::SigId;
use signal_hook::low_level::{pipe, unregister};

use crate::net::UnixStream;

/// Signals that are watched, until it is dropped.
pub(super) struct Signals {
    /// `None` if there is nothing to watch.
    arrivals: Option<UnixStream>,
    registered: Vec<SigId>,
}

impl Signals {
    /// # Errors
    /// If a signal is none that a program can catch, or there are too many open files.
    pub(super) fn watch(signals: &[i32]) -> io::Result<Signals> {
        let mut watched = Signals { arrivals: None, registered: Vec::new() };
        if signals.is_empty() {
            return Ok(watched);
        }
        let (arrivals, sender) = std::os::unix::net::UnixStream::pair()?;
        for signal in signals {
            watched.registered.push(pipe::register(*signal, sender.try_clone()?)?);
        }
        watched.arrivals = Some(UnixStream::from_std(arrivals)?);
        Ok(watched)
    }

    /// Waits for a signal; for ever, if none is watched.
    pub(super) async fn arrival(&self) {
        if let Some(arrivals) = &self.arrivals
            && arrivals.read_async(&mut [0; 16]).await.is_ok()
        {
            return;
        }
        std::future::pending().await
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        for id in self.registered.drain(..) {
            unregister(id);
        }
    }
}
