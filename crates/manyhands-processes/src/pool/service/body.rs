//! One worker's process, as the service has it.

use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use rustix::process::Signal;

use crate::pool::channel::{Channel, now_ns};
use crate::pool::seat::Seat;
use crate::pool::stderr::Voice;
use crate::start::{PidFd, Starting};

use super::endings::Escalation;
use super::remind;

/// One worker's process. Dropped, it is killed.
pub(super) struct Body {
    pub(super) number: usize,
    pub(super) life: Life,
    pub(super) channel: Channel,
    /// How far the worker had written when it was looked at last.
    seen: u64,
    pub(super) voice: Option<Voice>,
    pub(super) escalation: Option<Escalation>,
    /// By when it must have started.
    pub(super) start_by_ns: u64,
    /// By when it must have ended, once it was told to.
    leave_by_ns: Option<u64>,
    /// Whether its descriptor says that it has ended.
    pub(super) has_ended: bool,
    /// Whether it may have reported since it was looked at.
    pub(super) stirred: bool,
    /// Whether it was killed on purpose.
    pub(super) unwanted: bool,
    /// When its memory was looked at last.
    pub(super) weighed_ns: u64,
}

pub(super) enum Life {
    /// It has not reported yet.
    Starting(Starting),
    Running {
        process: PidFd,
        control: Arc<UnixStream>,
    },
}

impl Body {
    pub(super) fn new(number: usize, starting: Starting, channel: Channel, by_ns: u64) -> Body {
        Body {
            number,
            life: Life::Starting(starting),
            channel,
            seen: 0,
            voice: None,
            escalation: None,
            start_by_ns: by_ns,
            leave_by_ns: None,
            has_ended: false,
            stirred: false,
            unwanted: false,
            weighed_ns: 0,
        }
    }

    pub(super) fn pid(&self) -> u32 {
        match &self.life {
            Life::Starting(starting) => starting.pid(),
            Life::Running { process, .. } => process.pid(),
        }
    }

    /// Whether the worker has written since [`remember_position`](Self::remember_position).
    pub(super) fn has_news(&self) -> bool {
        self.channel.result_position() != self.seen
    }

    /// Everything that it has written up to now is about to be taken.
    pub(super) fn remember_position(&mut self) {
        self.seen = self.channel.result_position();
    }

    pub(super) fn signal(&self, signal: Signal) {
        if let Life::Running { process, .. } = &self.life {
            // A process that has changed its user cannot be helped; one that has ended need not be.
            let _refused = process.signal(signal);
        }
    }

    /// Kills it. Its end is seen to when it comes.
    pub(super) fn kill(&mut self) {
        self.unwanted = true;
        match &self.life {
            // Dropping it kills it; nothing has been given to it yet.
            Life::Starting(_) => self.has_ended = true,
            Life::Running { .. } => self.signal(Signal::KILL),
        }
    }

    /// Tells the worker to end, which has no task any more.
    pub(super) fn dismiss(&mut self, seat: &mut Seat, by_ns: u64) {
        if self.leave_by_ns.is_some() {
            return;
        }
        self.leave_by_ns = Some(by_ns);
        seat.channel.order_to_retire();
        let alarm = seat.channel.worker_alarm();
        if alarm.take() {
            alarm.wake();
        }
    }

    pub(super) fn kill_if_late(&mut self, next_ns: &mut Option<u64>) {
        match self.leave_by_ns {
            Some(by_ns) if by_ns <= now_ns() => self.signal(Signal::KILL),
            Some(by_ns) => remind(next_ns, by_ns),
            None => {}
        }
    }

    /// What is readable when the process has ended; while it starts, when it has reported.
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        match &self.life {
            Life::Starting(starting) => starting.as_fd(),
            Life::Running { process, .. } => process.as_fd(),
        }
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        // Has no effect on one that has ended; `Starting` kills by itself, `PidFd` reaps.
        self.signal(Signal::KILL);
    }
}
