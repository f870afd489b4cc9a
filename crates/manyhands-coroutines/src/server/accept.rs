//! The accept loop: room, accept, hand over; and what to do when accepting fails.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use manyhands_executor::{InProcess, RejectedReason};
use manyhands_wait::Reason;

use super::connection::hand_over;
use super::control::{Control, Statistics};
use super::listener::Listener;
use super::race::{First, race};
use super::report::{Report, Reporter};
use super::signals::Signals;

static ACCEPT: Reason = Reason::new("connection to a server, or its stop");
static BACK_OFF: Reason = Reason::new("pause of a server that cannot accept");

const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

pub(super) struct Acceptor<L, H> {
    pub(super) listener: L,
    pub(super) handler: Arc<H>,
    pub(super) limit: usize,
    pub(super) signals: Signals,
    pub(super) reporter: Reporter,
    pub(super) control: Arc<Control>,
}

/// What to do about an error of `accept`.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// It was the client's: go on with the next.
    NextClient,
    /// It passes when something changes: wait a while.
    TryLater,
    /// The listener is of no use.
    GiveUp,
}

impl<L, H> Acceptor<L, H>
where
    L: Listener,
    H: Fn(L::Stream, L::Peer) + Send + Sync + 'static,
{
    #[track_caller]
    pub(super) fn run(self, executor: &(impl InProcess + ?Sized)) -> io::Result<Statistics> {
        let orphans = CutOffOnUnwind(&self.control);
        let ended = self.accept_all(executor);
        // Clients that wait to be accepted learn at once that nobody will.
        drop(self.listener);
        let left = self.control.drain();
        if left > 0 {
            self.reporter.tell(&Report::CutOff { connections: left });
            self.control.cut_off();
            self.control.wait_for_cut_off();
        }
        std::mem::forget(orphans);
        ended.map(|()| self.control.statistics())
    }

    #[track_caller]
    fn accept_all(&self, executor: &(impl InProcess + ?Sized)) -> io::Result<()> {
        let mut pause = FIRST_PAUSE;
        while !self.control.stop.is_cancelled() {
            let connection = async {
                self.control.room(self.limit).await;
                self.listener.accept_next().await
            };
            let next = self.unless_stopped(connection);
            let (stream, peer) = match manyhands_io::wait_for(&ACCEPT, None, next) {
                Ok(First::One(Ok(connection))) => connection,
                Ok(First::One(Err(error))) => {
                    self.recover(error, &mut pause)?;
                    continue;
                }
                Ok(First::Other(())) | Err(_) => break,
            };
            if self.control.stop.is_cancelled() {
                // It came in the moment of the stop, and goes with those that were not accepted.
                break;
            }
            pause = FIRST_PAUSE;
            self.accepted(executor, stream, peer)?;
            crate::net::take_turns();
        }
        // A signal stops the server for everybody to see.
        self.control.stop.cancel();
        Ok(())
    }

    fn accepted(
        &self,
        executor: &(impl InProcess + ?Sized),
        stream: L::Stream,
        peer: L::Peer,
    ) -> io::Result<()> {
        let id = self.control.counts.accepted.fetch_add(1, Ordering::AcqRel);
        let handler = Arc::clone(&self.handler);
        let handed = hand_over(executor, &self.control, id, move || handler(stream, peer));
        if let Err(reason) = handed {
            self.reporter.tell(&Report::Refused(&reason));
            if !matches!(reason, RejectedReason::Full) {
                return Err(io::Error::other(format!("the server's executor ended: {reason}")));
            }
        }
        Ok(())
    }

    #[track_caller]
    fn recover(&self, error: io::Error, pause: &mut Duration) -> io::Result<()> {
        match verdict(&error) {
            Verdict::NextClient => Ok(()),
            Verdict::GiveUp => Err(error),
            Verdict::TryLater => {
                self.control.counts.accept_failures.fetch_add(1, Ordering::AcqRel);
                self.reporter.tell(&Report::AcceptFailed { error: &error, pause: *pause });
                let until = Instant::now().checked_add(*pause);
                // A connection that ends gives back what was wanting.
                let sooner = self.unless_stopped(self.control.ended.notified());
                let _either_way = manyhands_io::wait_for(&BACK_OFF, until, sooner);
                *pause = (*pause * 2).min(LONGEST_PAUSE);
                Ok(())
            }
        }
    }

    /// `future`, or the stop of the server.
    async fn unless_stopped<F: Future>(&self, future: F) -> First<F::Output, ()> {
        let stop = race(self.control.stop.cancelled(), self.signals.arrival());
        race(future, async {
            stop.await;
            self.control.stop.cancel();
        })
        .await
    }
}

/// If serving unwinds (it is cancelled, or a deadline passes), the handlers end too.
struct CutOffOnUnwind<'a>(&'a Arc<Control>);

impl Drop for CutOffOnUnwind<'_> {
    fn drop(&mut self) {
        self.0.stop.cancel();
        self.0.cut_off();
    }
}

fn verdict(error: &io::Error) -> Verdict {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Unsupported};
    if matches!(error.kind(), ConnectionAborted | ConnectionReset) {
        return Verdict::NextClient;
    }
    match error.raw_os_error() {
        // Linux hands on errors of the network that have already ended the client's attempt.
        Some(libc::EPROTO | libc::ENETDOWN | libc::EHOSTDOWN | libc::EHOSTUNREACH)
        | Some(libc::ENETUNREACH | libc::ENOPROTOOPT) => Verdict::NextClient,
        Some(libc::EBADF | libc::EINVAL | libc::ENOTSOCK | libc::EOPNOTSUPP | libc::EFAULT) => {
            Verdict::GiveUp
        }
        None if error.kind() == Unsupported => Verdict::GiveUp,
        // Descriptors of the process or the system, memory, buffers; and what nobody foresaw,
        // which at least does not spin.
        _ => Verdict::TryLater,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_told_apart() {
        let of = |code| verdict(&io::Error::from_raw_os_error(code));
        assert_eq!(of(libc::ECONNABORTED), Verdict::NextClient);
        assert_eq!(of(libc::ENETUNREACH), Verdict::NextClient);
        for code in [libc::EMFILE, libc::ENFILE, libc::ENOBUFS, libc::ENOMEM, libc::EPERM] {
            assert_eq!(of(code), Verdict::TryLater);
        }
        assert_eq!(of(libc::EINVAL), Verdict::GiveUp);
    }
}
