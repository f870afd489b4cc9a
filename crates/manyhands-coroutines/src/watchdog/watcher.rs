//! The watchdog's thread: looks at every hub now and then, sleeps while none has a turn.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::AtomicU8;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use super::hold::{Hold, Verdict};
use super::pulse::Progress;
use super::question::{Reply, Wanted};
use super::report::{Activity, Report};
use super::{Backtrace, delivery, proc, settings, signal};
use crate::hub::Remote;

/// When no hub had a turn for so long, the watchdog goes to sleep.
const QUIET: Duration = Duration::from_secs(1);
/// It looks no more often than this.
const TICK_MIN: Duration = Duration::from_millis(1);
/// While nothing but holds is there that were reported, it looks no more seldom than this.
const TICK_MAX: Duration = Duration::from_secs(1);
/// How long it waits for a thread's answer: a loaded machine may take its time.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// Whether the hubs must wake it.
static STATE: AtomicU8 = AtomicU8::new(AWAKE);
const AWAKE: u8 = 0;
const ASLEEP: u8 = 1;

/// The hubs there are, and the thread that looks at them once there is one.
static WATCHED: Mutex<Watched> =
    Mutex::new(Watched { hubs: BTreeMap::new(), next: 0, has_changed: false, watcher: None });

struct Watched {
    /// By number, in the order in which they came.
    hubs: BTreeMap<u64, Arc<Hub>>,
    /// The number of the next one.
    next: u64,
    /// Whether hubs have come or gone since the watcher has caught up.
    has_changed: bool,
    watcher: Option<Thread>,
}

/// A hub as the watchdog knows it.
struct Hub {
    remote: Arc<Remote>,
    thread: i32,
    name: Arc<str>,
}

fn watched() -> MutexGuard<'static, Watched> {
    WATCHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The hub of this thread is watched from now on.
pub(crate) fn watch(remote: &Arc<Remote>) {
    signal::install();
    let thread = rustix::thread::gettid().as_raw_nonzero().get();
    let name = match thread::current().name() {
        Some(name) => name.into(),
        None => format!("thread {thread}").into(),
    };
    let mut watched = watched();
    let number = watched.next;
    watched.next += 1;
    watched.hubs.insert(number, Arc::new(Hub { remote: Arc::clone(remote), thread, name }));
    watched.has_changed = true;
    start_if_needed(&mut watched);
}

/// This hub has ended.
pub(crate) fn forget(remote: &Arc<Remote>) {
    let mut watched = watched();
    watched.hubs.retain(|_, hub| !Arc::ptr_eq(&hub.remote, remote));
    watched.has_changed = true;
}

/// The settings have changed.
pub(super) fn look_again() {
    let mut watched = watched();
    start_if_needed(&mut watched);
    if let Some(watcher) = &watched.watcher {
        STATE.store(AWAKE, SeqCst);
        watcher.unpark();
    }
}

/// Called at the begin of every turn.
#[inline]
pub(super) fn wake_if_asleep() {
    if STATE.load(SeqCst) == ASLEEP {
        wake();
    }
}

#[cold]
fn wake() {
    if STATE.swap(AWAKE, SeqCst) == ASLEEP
        && let Some(watcher) = &watched().watcher
    {
        watcher.unpark();
    }
}

/// Starts the thread with the first hub that is to be watched. Without memory for a thread there is
/// no watchdog until the next hub asks for one.
fn start_if_needed(watched: &mut Watched) {
    if watched.watcher.is_none() && !watched.hubs.is_empty() && settings::limit().is_some() {
        let thread = thread::Builder::new().name("manyhands-watchdog".into());
        let started: io::Result<_> = thread.spawn(|| Watcher::default().run());
        watched.watcher = started.ok().map(|handle| handle.thread().clone());
    }
}

#[derive(Default)]
struct Watcher {
    known: BTreeMap<u64, Known>,
}

struct Known {
    hub: Arc<Hub>,
    hold: Hold,
    /// What was told of the hold.
    told: Option<Report>,
}

/// What a round of looks has shown.
struct Round {
    /// Somebody has a turn, or had one since the last round.
    is_busy: bool,
    /// The shortest of the holds, if nothing else is going on.
    only_holds: Option<Duration>,
}

impl Watcher {
    fn run(mut self) {
        signal::block_all();
        signal::warm_up();
        let mut quiet = Duration::ZERO;
        let mut passed = Duration::ZERO;
        loop {
            let Some(limit) = settings::limit() else {
                self.forget_all();
                STATE.store(AWAKE, SeqCst); // nobody needs to wake it
                if settings::limit().is_none() {
                    thread::park();
                }
                continue;
            };
            let begun = Instant::now();
            let round = self.look(passed, limit);
            quiet = if round.is_busy { Duration::ZERO } else { quiet + passed };
            if quiet >= QUIET.max(2 * limit) {
                self.sleep();
                (quiet, passed) = (Duration::ZERO, Duration::ZERO);
                continue;
            }
            let tick = (limit / 4).max(TICK_MIN);
            let tick = match round.only_holds {
                Some(held) => (held / 16).clamp(tick, TICK_MAX.max(tick)),
                None => tick,
            };
            let looked = Instant::now();
            thread::park_timeout(tick);
            // One that slept for longer was stopped with the whole process, most likely.
            passed = looked.elapsed().min(2 * tick) + (looked - begun);
        }
    }

    /// Sleeps until a hub begins a turn.
    fn sleep(&mut self) {
        STATE.store(ASLEEP, SeqCst);
        // Whoever has begun one before that has not seen it.
        let is_in_turn = |hub: &Arc<Hub>| hub.remote.progress().is_in_turn();
        if watched().hubs.values().any(is_in_turn) {
            STATE.store(AWAKE, SeqCst);
        }
        while STATE.load(SeqCst) == ASLEEP && settings::limit().is_some() {
            thread::park();
        }
        // How long it was says nothing of anybody.
        self.forget_all();
    }

    fn forget_all(&mut self) {
        self.known.clear();
        watched().has_changed = true;
    }

    /// Looks at every hub.
    fn look(&mut self, passed: Duration, limit: Duration) -> Round {
        self.catch_up();
        let mut round = Round { is_busy: false, only_holds: Some(Duration::MAX) };
        for known in self.known.values_mut() {
            known.look(passed, limit, &mut round);
        }
        round.only_holds = round.only_holds.filter(|held| *held != Duration::MAX);
        round
    }

    /// Takes up the hubs that are new, and lets go of those that have ended.
    fn catch_up(&mut self) {
        let mut watched = watched();
        if !std::mem::take(&mut watched.has_changed) {
            return;
        }
        let ended: Vec<Known> = self
            .known
            .extract_if(.., |number, _| !watched.hubs.contains_key(number))
            .map(|it| it.1)
            .collect();
        for (number, hub) in &watched.hubs {
            self.known.entry(*number).or_insert_with(|| Known::new(Arc::clone(hub)));
        }
        drop(watched);
        for mut known in ended {
            if let Some(report) = known.told.take() {
                tell_end(report, known.hold.held());
            }
        }
    }
}

impl Known {
    fn new(hub: Arc<Hub>) -> Known {
        Known { hub, hold: Hold::default(), told: None }
    }

    fn look(&mut self, passed: Duration, limit: Duration, round: &mut Round) {
        let progress = self.hub.remote.progress();
        round.is_busy |= progress.is_in_turn() || self.hold.is_other_than(progress);
        let thread = self.hub.thread;
        match self.hold.look(progress, passed, limit, || proc::probe(thread)) {
            Verdict::Held => {
                if let Some(report) = self.ask(progress) {
                    self.hold.reported();
                    delivery::deliver(&report);
                    self.told = Some(report);
                }
            }
            Verdict::Ended(held) => {
                if let Some(report) = self.told.take() {
                    tell_end(report, held);
                }
            }
            Verdict::Fine => {}
        }
        if progress.is_in_turn() {
            let held = self.told.as_ref().map(|_| self.hold.held());
            round.only_holds = round.only_holds.zip(held).map(|(least, held)| least.min(held));
        }
    }

    /// Asks the thread who holds the hub, and where. `None` if nobody does any more.
    fn ask(&self, progress: Progress) -> Option<Report> {
        // Before the signal, which takes the thread out of what it waits for.
        let activity = proc::probe(self.hub.thread).map_or(Activity::Unknown, |now| now.activity);
        let mut report = Report {
            name: None,
            id: None,
            thread: Arc::clone(&self.hub.name),
            held_for: self.hold.held(),
            has_ended: false,
            activity,
            backtrace: Backtrace::default(),
            answered: false,
        };
        let question = &self.hub.remote.pulse().question;
        let wanted = Wanted { progress, backtrace: settings::backtraces() };
        let asked = question.ask(wanted) && signal::send(self.hub.thread);
        let begun = Instant::now();
        while asked && begun.elapsed() < ANSWER_WITHIN {
            let reply = question.reply(|answer| {
                let frames = answer.frames[..answer.depth].to_vec();
                (answer.id, answer.name.take(), answer.at, frames)
            });
            match reply {
                Reply::Pending | Reply::UnderWay => thread::sleep(TICK_MIN),
                Reply::Declined => return None,
                Reply::Answered((id, name, at, frames)) => {
                    if wanted.backtrace {
                        report.backtrace = Backtrace::resolve(&frames, at);
                    }
                    report.answered = true;
                    report.id = (id != 0).then_some(id);
                    report.name = name;
                    break;
                }
            }
        }
        let is_known = report.answered || self.hub.remote.progress() == progress;
        is_known.then_some(report)
    }
}

fn tell_end(report: Report, held_for: Duration) {
    delivery::deliver(&Report { has_ended: true, held_for, ..report });
}
