//! A quiet process: everybody waits, and nothing is known that will end any of it.
//!
//! No proof: a thread that has never waited through manyhands is not known here, and what a wait for an
//! unknown future comes to nobody can tell. So it is a report, and nothing is done about it.

use std::fmt;
use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::agent::Agent;
use crate::context::{known_thread, look_at_all};
use crate::dump::{Dump, dump};
use crate::publication::{Publication, publish};
use crate::reason::Reason;
use crate::report::{Report, tell_or_print};
use crate::slot::Mark;

static IDLE: Reason = Reason::new("something to do");

/// The least that is worth looking at.
const AFTER_MIN: Duration = Duration::from_millis(10);
/// A process that uses less of its time than one part in so many does nothing.
const CPU_SHARE: u32 = 20;

/// Reports a process in which nothing goes on: for `after` (10 ms at least) every known context has been
/// in one and the same wait, none of these waits has an end in time or is for something from outside
/// (a socket, a child process, a future of unknown make), and hardly any processor time was used.
///
/// The [report](crate::Report::Quiet) lists every wait with its reason, place and age, and goes to those
/// who have asked with [`on_report`](crate::on_report()); without anybody who has, to standard error.
/// What one would get elsewhere is Go's "all goroutines are asleep" or gevent's `LoopExit`, without the
/// answers. It is a suspicion: threads that have never waited through manyhands are not known, and
/// one of them may still have something to say. So nobody's wait is ended. The same state is reported
/// once.
///
/// A thread of its own looks twice in `after`, until the guard is dropped.
///
/// # Errors
/// If the operating system refuses the thread.
///
/// ```
/// # use std::time::Duration;
/// let _watch = manyhands_wait::report_when_quiet(Duration::from_secs(10))?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[doc(alias = "LoopExit")]
pub fn report_when_quiet(after: Duration) -> io::Result<QuietWatch> {
    let after = after.max(AFTER_MIN);
    let shared = Arc::new(Shared { ended: Mutex::new(false), changed: Condvar::new() });
    let thread = {
        let shared = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("manyhands-quiet".to_owned())
            .spawn(move || shared.watch(after))?
    };
    Ok(QuietWatch { shared, thread: Some(thread) })
}

/// The guard of [`report_when_quiet`].
#[must_use = "dropped, it ends the watch"]
#[derive(Debug)]
pub struct QuietWatch {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// A process in which nothing goes on, as [`report_when_quiet`] has found it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Quiet {
    /// For how long at least nothing has changed.
    pub since: Duration,
    /// Every context and its wait.
    pub dump: Dump,
}

/// Shows, while `f` runs, that this context has nothing to do: a worker of a pool that sleeps. Does
/// nothing for a context that is not known yet.
pub fn while_idle<R>(f: impl FnOnce() -> R) -> R {
    if known_thread().is_none() {
        return f();
    }
    let publication = Publication::new(&IDLE, std::panic::Location::caller().into(), None, None);
    let _published = publish(&publication);
    f()
}

#[derive(Debug)]
struct Shared {
    ended: Mutex<bool>,
    changed: Condvar,
}

/// What is compared: who is in which wait.
type Picture = Vec<(Agent, Mark)>;

impl Shared {
    fn watch(&self, after: Duration) {
        let mut before: Option<(Picture, Instant)> = None;
        let mut reported = false;
        let mut cpu = cpu_time();
        while !self.ended_within(after / 2) {
            let (cpu_before, now) = (cpu, Instant::now());
            cpu = cpu_time();
            let is_busy = cpu.saturating_sub(cpu_before) > after / 2 / CPU_SHARE;
            let picture = picture().filter(|_| !is_busy);
            match (&before, picture) {
                (Some((same, since)), Some(picture)) if *same == picture => {
                    let quiet_for = now - *since;
                    if quiet_for >= after && !reported {
                        reported = true;
                        tell_or_print(&Report::Quiet(Quiet { since: quiet_for, dump: dump() }));
                        // What the listeners have done is none of the process's business.
                        cpu = cpu_time();
                    }
                }
                (_, picture) => {
                    before = picture.map(|picture| (picture, now));
                    reported = false;
                }
            }
        }
    }

    fn ended_within(&self, time: Duration) -> bool {
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(ended, time, |ended| !*ended);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

/// Everybody's wait, if everybody waits, somebody for more than work, and nothing from outside or in time
/// will end any of it.
fn picture() -> Option<Picture> {
    let own = known_thread();
    let mut somebody = false;
    let mut picture = Vec::new();
    for seen in look_at_all() {
        if Some(seen.agent) == own {
            continue; // a listener has made this thread known
        }
        let wait = seen.wait?;
        if wait.until.is_some() || wait.is_from_outside {
            return None;
        }
        somebody |= !std::ptr::eq(wait.reason, &IDLE);
        picture.push((seen.agent, seen.mark?));
    }
    somebody.then_some(picture)
}

/// What all threads of the process have used.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

impl Drop for QuietWatch {
    fn drop(&mut self) {
        *self.shared.ended.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.shared.changed.notify_all();
        let Some(thread) = self.thread.take() else { return };
        // A listener may drop the guard, on the very thread that it would wait for.
        if thread.thread().id() != std::thread::current().id() {
            let _panics_of_listeners_are_contained = thread.join();
        }
    }
}

impl fmt::Display for Quiet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "nothing has gone on for {:.3} s: everybody waits, and nothing is known that will end it",
            self.since.as_secs_f64()
        )?;
        write!(f, "{}", self.dump)
    }
}
