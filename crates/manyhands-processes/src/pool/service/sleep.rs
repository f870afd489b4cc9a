//! Between turns: spin for a moment, nap while much is going on, or sleep until something happens.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{Ordering, fence};
use std::time::Duration;

use manyhands_wait::Spin;
use rustix::event::{Timespec, epoll};

use crate::bell::Bell;
use crate::pool::channel::now_ns;

use super::Service;

/// What a descriptor belongs to.
const BELL: u64 = u64::MAX;
const OF_VOICE: u64 = 1;

/// When this many results have come in one turn, more will: instead of being woken for the next one
/// the service looks again after a nap.
const MANY: usize = 16;
const NAP: Duration = Duration::from_micros(30);

/// Has the bell wake the service, by each ring.
pub(super) fn listen_to_bell(epoll: &OwnedFd, bell: &Bell) -> io::Result<()> {
    let flags = epoll::EventFlags::IN | epoll::EventFlags::ET;
    Ok(epoll::add(epoll, bell.as_fd(), epoll::EventData::new_u64(BELL), flags)?)
}

impl Service {
    /// Has this descriptor of a worker's process wake the service.
    pub(super) fn listen(&self, number: usize, fd: BorrowedFd<'_>) -> io::Result<()> {
        self.add(number as u64 * 2, fd)
    }

    /// Has what a worker writes to standard error wake the service.
    pub(super) fn listen_to_voice(&self, number: usize, fd: BorrowedFd<'_>) -> io::Result<()> {
        self.add(number as u64 * 2 + OF_VOICE, fd)
    }

    fn add(&self, data: u64, fd: BorrowedFd<'_>) -> io::Result<()> {
        let data = epoll::EventData::new_u64(data);
        Ok(epoll::add(&self.epoll, fd, data, epoll::EventFlags::IN)?)
    }

    pub(super) fn forget(&self, fd: BorrowedFd<'_>) {
        // Closed descriptors are forgotten by themselves.
        let _was_not_there = epoll::delete(&self.epoll, fd);
    }

    /// Waits until there is something to do.
    pub(super) fn rest(&mut self) {
        if Spin::start().until(|| self.has_news()) {
            return;
        }
        let napping = self.last_frames >= MANY && self.bodies.iter().any(|body| !body.has_ended);
        if napping {
            // One nap for each busy turn.
            self.last_frames = 0;
            self.wait_for_events(Some(NAP));
            return;
        }
        self.shared.asleep.store(true, Ordering::Relaxed);
        for body in &self.bodies {
            body.channel.parent_alarm().set();
        }
        fence(Ordering::SeqCst);
        if !self.has_news() {
            let limit = self.next_ns.map(|at| Duration::from_nanos(at.saturating_sub(now_ns())));
            self.wait_for_events(limit);
        }
        self.shared.asleep.store(false, Ordering::Relaxed);
        for body in &self.bodies {
            body.channel.parent_alarm().clear();
        }
    }

    fn has_news(&self) -> bool {
        let shared = &self.shared;
        self.bodies.iter().any(|body| body.has_news())
            || shared.poked.load(Ordering::Acquire)
            || (shared.vacancies.load(Ordering::Relaxed) > 0 && shared.queue.has_jobs())
    }

    fn wait_for_events(&mut self, limit: Option<Duration>) {
        let limit = limit.and_then(|limit| Timespec::try_from(limit).ok());
        let mut space = [epoll::Event {
            flags: epoll::EventFlags::empty(),
            data: epoll::EventData::new_u64(0),
        }; 32];
        let count = epoll::wait(&self.epoll, &mut space, limit.as_ref()).unwrap_or(0);
        for event in &space[..count] {
            let data = event.data.u64();
            if data == BELL {
                continue;
            }
            let number = usize::try_from(data / 2).unwrap_or(usize::MAX);
            let Some(at) = self.bodies.iter().position(|body| body.number == number) else {
                continue;
            };
            if data % 2 == OF_VOICE {
                self.hear(at);
            } else {
                self.bodies[at].process_event();
            }
        }
    }

    /// Takes what a worker has written to standard error.
    fn hear(&mut self, at: usize) {
        let Service { bodies, herald, epoll, .. } = self;
        let Some(voice) = &mut bodies[at].voice else { return };
        if !voice.hear(|bytes| herald.tell(bytes)) {
            // It is closed, by the worker's end or by the worker; the tail stays.
            let _was_there = epoll::delete(epoll, voice.as_fd());
        }
    }
}
