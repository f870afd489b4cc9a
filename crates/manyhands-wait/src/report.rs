//! Who hears of deadlocks and suspicions besides those that they hit, and the switch of the graph.

use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::deadlock::Deadlock;
use crate::holder_ended::HolderEnded;
use crate::quiet::Quiet;
use crate::suspicion::Suspicion;

/// Something that the wait-for graph has found.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Report {
    /// A proven deadlock, which its victim has got as an error too.
    Deadlock(Deadlock),
    /// A suspicion: everybody waits, and nothing is known that will end it.
    Quiet(Quiet),
    /// A suspicion: what somebody waits for is held by a context that has ended.
    HolderEnded(HolderEnded),
    /// A suspicion that a crate above this one has, such as two locks that are taken in either order.
    Suspicion(Suspicion),
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Report::Deadlock(deadlock) => deadlock.fmt(f),
            Report::Quiet(quiet) => quiet.fmt(f),
            Report::HolderEnded(leak) => leak.fmt(f),
            Report::Suspicion(suspicion) => suspicion.fmt(f),
        }
    }
}

type Listener = Arc<dyn Fn(&Report) + Send + Sync>;

static LISTENERS: Mutex<Vec<(u64, Listener)>> = Mutex::new(Vec::new());

/// Has `listener` called with everything that the wait-for graph finds, until the guard is dropped.
///
/// It is called on the stack of whoever finds it, before the victim gets its error, with no lock of
/// the graph held. It should be brief and must not wait for any of the participants. If it panics, the
/// panic hook reports that, and nothing else happens.
///
/// ```
/// let heard = manyhands_wait::on_report(|report| eprintln!("{report}"));
/// // ... the program ...
/// drop(heard);
/// ```
pub fn on_report(listener: impl Fn(&Report) + Send + Sync + 'static) -> ReportListener {
    let mut listeners = LISTENERS.lock().unwrap_or_else(PoisonError::into_inner);
    let key = listeners.last().map_or(0, |(last, _)| last + 1);
    listeners.push((key, Arc::new(listener)));
    ReportListener { key }
}

/// The guard of [`on_report`].
#[must_use = "dropped, the listener hears nothing any more"]
#[derive(Debug)]
pub struct ReportListener {
    key: u64,
}

impl Drop for ReportListener {
    fn drop(&mut self) {
        let mut listeners = LISTENERS.lock().unwrap_or_else(PoisonError::into_inner);
        let removed = listeners.iter().position(|(key, _)| *key == self.key);
        let removed = removed.map(|place| listeners.remove(place));
        drop(listeners);
        drop(removed); // its destructor is the program's code
    }
}

/// Passes a report to everybody who listens. False if nobody does.
pub(crate) fn tell(report: &Report) -> bool {
    #[cfg(feature = "tracing")]
    emit(report);
    let listeners: Vec<Listener> = {
        let listeners = LISTENERS.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.iter().map(|(_, listener)| Arc::clone(listener)).collect()
    };
    let heard = !listeners.is_empty();
    for listener in listeners {
        let call = std::panic::AssertUnwindSafe(|| listener(report));
        if let Err(payload) = std::panic::catch_unwind(call) {
            std::mem::forget(payload); // its destructor might panic as well
        }
    }
    heard
}

/// Passes a suspicion to whoever listens; with nobody, it must not be lost.
pub(crate) fn tell_or_print(report: &Report) {
    if !tell(report) {
        eprintln!("manyhands: {report}");
    }
}

/// A proof is an error, a suspicion a warning.
#[cfg(feature = "tracing")]
fn emit(report: &Report) {
    match report {
        Report::Deadlock(deadlock) => tracing::error!(target: "manyhands", "{deadlock}"),
        suspicion => tracing::warn!(target: "manyhands", "{suspicion}"),
    }
}

const UNKNOWN: u8 = 0;
const ON: u8 = 1;
const OFF: u8 = 2;

static DETECTION: AtomicU8 = AtomicU8::new(UNKNOWN);

/// Switches the detection of deadlocks on or off for the whole process, from now on. It is on unless
/// the environment variable `MANYHANDS_DEADLOCK_DETECTION` is `0` when the first context waits.
///
/// Off, waits are still listed by [`dump`](crate::dump()); nobody looks along who waits for whom.
pub fn set_deadlock_detection(on: bool) {
    DETECTION.store(if on { ON } else { OFF }, Ordering::Relaxed);
}

/// Whether deadlocks are looked for.
pub fn is_deadlock_detection_on() -> bool {
    match DETECTION.load(Ordering::Relaxed) {
        UNKNOWN => {
            let is_off =
                std::env::var_os("MANYHANDS_DEADLOCK_DETECTION").is_some_and(|it| it == "0");
            let found = if is_off { OFF } else { ON };
            // Whoever has set it meanwhile was later than the environment.
            let _ =
                DETECTION.compare_exchange(UNKNOWN, found, Ordering::Relaxed, Ordering::Relaxed);
            DETECTION.load(Ordering::Relaxed) == ON
        }
        known => known == ON,
    }
}
