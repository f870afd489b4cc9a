//! The one thread of a process that serves requests of the processes it has started, and that
//! receives answers for those in this process who sleep.
//!
//! After a request it looks for the next one for some microseconds, as long as nobody else wants the
//! core, and sleeps then: whoever asks again at once is answered without a thread being woken.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use std::os::fd::OwnedFd;

use manyhands_wait::Spin;
use rustix::event::{Timespec, epoll};
use rustix::io::Errno;

use super::link::Link;
use super::serving::{Serving, Turn};
use super::upstream::Upstream;

/// After so many turns of one line the others are looked at.
const TURNS: u32 = 16;
/// How many events are taken at once.
const EVENTS: usize = 64;

static SERVICE: OnceLock<Service> = OnceLock::new();
static STARTING: Mutex<()> = Mutex::new(());

struct Service {
    epoll: OwnedFd,
    lines: Mutex<HashMap<u64, Line>>,
}

#[derive(Clone)]
enum Line {
    Serving(Arc<Serving>),
    Upstream(Arc<Upstream>),
}

/// Has requests on this line served, until it ends.
pub(crate) fn serve(serving: Arc<Serving>) -> io::Result<()> {
    let service = Service::started()?;
    let link = Arc::clone(serving.link());
    service.add(&link, Line::Serving(serving), epoll::EventFlags::IN)
}

/// Has answers received on this line whenever [`watch`] asks for it.
pub(crate) fn receive(upstream: Arc<Upstream>) -> io::Result<()> {
    let service = Service::started()?;
    let link = Arc::clone(upstream.link());
    service.add(&link, Line::Upstream(upstream), epoll::EventFlags::empty())
}

/// Has a line looked at when something can be received, and sent when there is room.
pub(crate) fn watch(link: &Link) {
    if let Some(service) = SERVICE.get() {
        let line = service.lines().get(&link.number()).cloned();
        if let Some(line) = line {
            service.rearm(&line);
        }
    }
}

impl Service {
    fn started() -> io::Result<&'static Service> {
        if let Some(service) = SERVICE.get() {
            return Ok(service);
        }
        let _starting = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(service) = SERVICE.get() {
            return Ok(service);
        }
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        // The thread first: without it nobody would be served, and the next caller would not know.
        let serve = || SERVICE.wait().run();
        std::thread::Builder::new().name("manyhands-manager".to_owned()).spawn(serve)?;
        Ok(SERVICE.get_or_init(|| Service { epoll, lines: Mutex::default() }))
    }

    fn lines(&self) -> MutexGuard<'_, HashMap<u64, Line>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, link: &Arc<Link>, line: Line, events: epoll::EventFlags) -> io::Result<()> {
        self.lines().insert(link.number(), line);
        let data = epoll::EventData::new_u64(link.number());
        let flags = if events.is_empty() { epoll::EventFlags::ONESHOT } else { events };
        let added = epoll::add(&self.epoll, &**link, data, flags);
        if added.is_err() {
            self.lines().remove(&link.number());
        }
        Ok(added?)
    }

    /// Says anew what is waited for on a line.
    fn rearm(&self, line: &Line) {
        let (link, mut flags) = match line {
            // Who does not take answers is not served until it does.
            Line::Serving(serving) if serving.is_behind() => {
                (serving.link(), epoll::EventFlags::empty())
            }
            Line::Serving(serving) => (serving.link(), epoll::EventFlags::IN),
            Line::Upstream(upstream) => {
                (upstream.link(), epoll::EventFlags::IN | epoll::EventFlags::ONESHOT)
            }
        };
        if link.backlog() > 0 {
            flags |= epoll::EventFlags::OUT;
        }
        let data = epoll::EventData::new_u64(link.number());
        // It fails only for a line that was given up meanwhile.
        let _given_up = epoll::modify(&self.epoll, &**link, data, flags);
    }

    fn give_up(&self, link: &Link) {
        // Taken out before the descriptor is closed; nobody else closes it.
        let _not_there = epoll::delete(&self.epoll, link);
        let line = self.lines().remove(&link.number());
        drop(line);
    }

    fn run(&self) {
        let mut ready = Vec::with_capacity(EVENTS);
        let mut hot: Option<Arc<Serving>> = None;
        loop {
            // What was found while staying with one line is not found again.
            if ready.is_empty() {
                self.poll(&mut ready, hot.is_some());
            }
            if ready.is_empty() {
                hot = None;
                continue;
            }
            for event in ready.drain(..) {
                if let Some(serving) = self.handle(event) {
                    hot = Some(serving);
                }
            }
            if let Some(serving) = &hot
                && !self.stay(serving, &mut ready)
            {
                hot = None;
            }
        }
    }

    /// Serves a line that was just active for as long as more comes at once. `false` if nothing came
    /// for a while.
    fn stay(&self, serving: &Serving, ready: &mut Vec<epoll::Event>) -> bool {
        for _ in 0..TURNS {
            let mut others = false;
            let found = Spin::start().until(|| match serving.turn() {
                Turn::Served => true,
                // Seen again by the poll of all lines.
                Turn::End => {
                    others = true;
                    true
                }
                Turn::Idle => {
                    self.poll(ready, true);
                    others = !ready.is_empty();
                    others
                }
            });
            if !found {
                return false;
            }
            if others {
                break;
            }
        }
        true
    }

    /// Looks for events; waits for one unless it is only to look.
    fn poll(&self, ready: &mut Vec<epoll::Event>, only_look: bool) {
        ready.clear();
        ready.reserve(EVENTS);
        let no_time = Timespec { tv_sec: 0, tv_nsec: 0 };
        let timeout = only_look.then_some(&no_time);
        match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(ready), timeout) {
            Ok(_) | Err(Errno::INTR) => {}
            // The descriptor is ours and the buffer is not empty; should the kernel say no for
            // want of memory, it is asked again a moment later.
            Err(_) => std::thread::sleep(std::time::Duration::from_millis(1)),
        }
    }

    /// Looks at a line; returns it if requests of it were served.
    fn handle(&self, event: epoll::Event) -> Option<Arc<Serving>> {
        let number = event.data.u64();
        let line = self.lines().get(&number).cloned()?;
        match &line {
            Line::Serving(serving) => {
                let was_behind = serving.link().backlog() > 0;
                if was_behind {
                    serving.link().send_more();
                }
                let turn = serving.turn();
                if turn == Turn::End {
                    self.give_up(serving.link());
                    serving.gone();
                    return None;
                }
                if was_behind || serving.link().backlog() > 0 {
                    self.rearm(&line);
                }
                (turn == Turn::Served).then(|| Arc::clone(serving))
            }
            Line::Upstream(upstream) => {
                upstream.link().send_more();
                if upstream.receive_all() {
                    if upstream.is_awaited() || upstream.link().backlog() > 0 {
                        self.rearm(&line);
                    }
                } else {
                    self.give_up(upstream.link());
                }
                None
            }
        }
    }
}
