//! Ctrl-C: the first asks the command to stop and print what it has, the second ends it at once.

use std::io;
use std::process;

use anyhow::Context;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tokio::sync::watch;

use crate::exit::Exit;

/// Tells whether, and by which signal, the command has been asked to stop.
///
/// A thread of its own receives the signals, so this works beside any runtime or none. Child
/// processes that hold a pipe of ours end by themselves when the second signal ends this process.
#[derive(Debug, Clone)]
pub(crate) struct Interrupt {
    signal: watch::Receiver<Option<i32>>,
}

impl Interrupt {
    /// Takes over `SIGINT` and `SIGTERM` for the rest of the process; call it once.
    ///
    /// # Errors
    /// When the system refuses the handlers or the thread.
    pub(crate) fn install() -> anyhow::Result<Interrupt> {
        let signals = Signals::new([SIGINT, SIGTERM]).context("cannot install signal handlers")?;
        let (sender, signal) = watch::channel(None);
        listen(signals, sender).context("cannot start the thread that receives signals")?;
        Ok(Interrupt { signal })
    }

    /// The signal that asked the command to stop, if one has.
    pub(crate) fn signal(&self) -> Option<i32> {
        *self.signal.borrow()
    }

    /// Completes when the command is asked to stop; at once if it was already.
    pub(crate) async fn requested(&self) {
        let mut signal = self.signal.clone();
        if signal.wait_for(Option::is_some).await.is_err() {
            // The listening thread is gone, so no signal will ever be told.
            std::future::pending::<()>().await;
        }
    }
}

fn listen(mut signals: Signals, sender: watch::Sender<Option<i32>>) -> io::Result<()> {
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        for signal in signals.forever() {
            if let Some(first) = sender.send_replace(Some(signal)) {
                sender.send_replace(Some(first));
                process::exit(i32::from(Exit::Interrupted(signal).code()));
            }
        }
    })?;
    Ok(())
}
