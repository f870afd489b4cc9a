//! What a server tells its operator.

use std::fmt;
use std::io;
use std::time::Duration;

use manyhands_executor::RejectedReason;

/// Something that an operator should know, given to what was set with
/// [`on_report`](super::StreamServer::on_report). Its text is one line.
#[derive(Debug)]
#[non_exhaustive]
pub enum Report<'a> {
    /// No connection can be accepted at present; it is tried again.
    AcceptFailed {
        /// What the system says.
        error: &'a io::Error,
        /// After how long it is tried again, if no connection ends before.
        pause: Duration,
    },
    /// A connection was accepted and closed again, because the executor did not take it.
    Refused(&'a RejectedReason),
    /// Handlers did not end in time after a stop and are cancelled now.
    CutOff {
        /// How many.
        connections: usize,
    },
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Report::AcceptFailed { error, pause } => {
                write!(f, "no connection can be accepted, trying again in {pause:?}: {error}")
            }
            Report::Refused(reason) => write!(f, "a connection was refused: {reason}"),
            Report::CutOff { connections } => {
                write!(f, "{connections} connections did not end in time and are cut off")
            }
        }
    }
}

type Callback = Box<dyn Fn(&Report<'_>) + Send + Sync>;

/// Whom to tell.
#[derive(Default)]
pub(super) struct Reporter(Option<Callback>);

impl Reporter {
    pub(super) fn calling(f: impl Fn(&Report<'_>) + Send + Sync + 'static) -> Reporter {
        Reporter(Some(Box::new(f)))
    }

    pub(super) fn tell(&self, report: &Report<'_>) {
        match &self.0 {
            Some(f) => f(report),
            None => eprintln!("manyhands: server: {report}"),
        }
    }
}
