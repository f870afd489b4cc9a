//! Running programs to their end: everything that they write is read, limits are kept.

use std::future::{Future, poll_fn};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use manyhands_wait::{Layer, Reason};
use tokio::time::{timeout, timeout_at};

use super::builder::Limits;
use super::family::Family;
use super::pipes::{OutputReader, Stop};
use crate::exit_status::ExitStatus;

static END: Reason = Reason::new("end of a program");
static EARLY_END: Reason = Reason::new("end of a program that is being ended early");

/// How long a process may take to be gone after SIGKILL. One that the kernel does not let go (a
/// network file system that is away) is not waited for any longer.
const AFTER_KILL: Duration = Duration::from_secs(5);
/// How long output is still read when everybody who was to be ended has ended: it is there, or it
/// comes from a process that has left the group.
const LAST_OUTPUT: Duration = Duration::from_millis(100);

/// Programs on the way to their end.
pub(super) struct Exchange {
    pub(super) family: Arc<Family>,
    pub(super) stdout: OutputReader,
    pub(super) stderr: Vec<OutputReader>,
    pub(super) limits: Limits,
    /// When the time limit is over.
    pub(super) until: Option<Instant>,
}

/// Why it is over.
#[derive(Debug)]
pub(super) enum Verdict {
    /// The programs have ended, and all of their output is read.
    Ended,
    TimedOut,
    TooMuchOutput,
    /// They could not be waited for or read from.
    Failed(io::Error),
}

/// What came of it.
pub(super) struct Finished {
    pub(super) verdict: Verdict,
    /// How each program ended; `None` if that is not known.
    pub(super) statuses: Vec<Option<ExitStatus>>,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<Vec<u8>>,
}

impl Exchange {
    /// Waits from where the caller stands. If the wait ends early by unwinding, the programs are
    /// ended before that goes on.
    #[track_caller]
    pub(super) fn run_here(mut self) -> Finished {
        let waited =
            catch_unwind(AssertUnwindSafe(|| manyhands_io::wait_for(&END, None, self.run())));
        match waited {
            Ok(verdict) => self.finish(verdict.unwrap_or(Verdict::TimedOut)),
            Err(payload) => {
                // Nothing ends this wait early: it is bounded.
                Layer::new().isolated().enter(|| {
                    let _no_limit = manyhands_io::wait_for(&EARLY_END, None, self.end());
                });
                resume_unwind(payload)
            }
        }
    }

    /// For async code. Dropped early, it kills the programs.
    pub(super) async fn run_async(mut self) -> Finished {
        let verdict = self.run().await;
        self.finish(verdict)
    }

    async fn run(&mut self) -> Verdict {
        let until = self.until;
        let exhausted = match until {
            Some(until) => timeout_at(until.into(), self.exhaust()).await,
            None => Ok(self.exhaust().await),
        };
        let verdict = match exhausted {
            Ok(Ok(())) => return Verdict::Ended,
            Ok(Err(Stop::TooMuch)) => {
                self.readers().for_each(OutputReader::close);
                Verdict::TooMuchOutput
            }
            Ok(Err(Stop::Failed(error))) => Verdict::Failed(error),
            Err(_elapsed) => Verdict::TimedOut,
        };
        self.end().await;
        verdict
    }

    /// Reads all output and waits until all programs have ended.
    async fn exhaust(&mut self) -> Result<(), Stop> {
        let max = self.limits.max_output;
        let family = Arc::clone(&self.family);
        let readings = self.readers().map(|reader| Box::pin(reader.read_all(max)) as Reading<'_>);
        all(readings.collect()).await?;
        family.wait().await.map_err(Stop::Failed)
    }

    /// Ends all programs early: asks them, waits for the grace, kills what is left, and reads what
    /// they have written.
    async fn end(&mut self) {
        // A signal is refused only by what has become somebody else's (setuid).
        let _asked = self.family.signal(libc::SIGTERM);
        // One that is stopped would not notice.
        let _continued = self.family.signal(libc::SIGCONT);
        let grace = self.limits.grace;
        let _gone_or_not = timeout(grace, self.exhaust()).await;
        // Also what they have started and has stayed behind in the group.
        let _killed = self.family.signal(libc::SIGKILL);
        let _bounded = timeout(AFTER_KILL, self.family.wait()).await;
        let _bounded = timeout(LAST_OUTPUT, self.exhaust()).await;
    }

    fn readers(&mut self) -> impl Iterator<Item = &mut OutputReader> {
        std::iter::once(&mut self.stdout).chain(&mut self.stderr)
    }

    fn finish(self, verdict: Verdict) -> Finished {
        Finished {
            verdict,
            statuses: self.family.statuses(),
            stdout: self.stdout.into_bytes(),
            stderr: self.stderr.into_iter().map(OutputReader::into_bytes).collect(),
        }
    }
}

type Reading<'a> = Pin<Box<dyn Future<Output = Result<(), Stop>> + Send + 'a>>;

/// All of them at once; ends with the first that fails.
async fn all(mut readings: Vec<Reading<'_>>) -> Result<(), Stop> {
    poll_fn(|cx| {
        let mut failure = None;
        readings.retain_mut(|reading| match reading.as_mut().poll(cx) {
            Poll::Pending => true,
            Poll::Ready(done) => {
                failure = failure.take().or(done.err());
                false
            }
        });
        match failure {
            Some(failure) => Poll::Ready(Err(failure)),
            None if readings.is_empty() => Poll::Ready(Ok(())),
            None => Poll::Pending,
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::fd::OwnedFd;

    use manyhands_io::Watched;

    use super::*;

    #[test]
    fn a_stream_that_cannot_be_read_is_a_failure_and_not_the_end() {
        // Reading a folder is refused.
        let folder = OwnedFd::from(File::open("/").unwrap());
        let exchange = Exchange {
            family: Arc::new(Family::new(false, None)),
            stdout: OutputReader::new(Some(Watched::new(folder)), None),
            stderr: Vec::new(),
            limits: Limits::NONE,
            until: None,
        };
        let finished = exchange.run_here();
        match finished.verdict {
            Verdict::Failed(error) => assert_eq!(error.raw_os_error(), Some(libc::EISDIR)),
            other => panic!("{other:?}"),
        }
    }
}
