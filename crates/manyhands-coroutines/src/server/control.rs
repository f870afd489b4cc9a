//! What a running server and its handles share: the stop, the counts, the handlers under way.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use manyhands_executor::TaskHandle;
use manyhands_wait::{CancelToken, Reason};
use tokio::sync::Notify;

static DRAIN: Reason = Reason::new("handlers of a stopped server");
static CUT_OFF: Reason = Reason::new("cancelled handlers of a stopped server");

const DEFAULT_STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// How long cancelled handlers are waited for: until their destructors have run.
const CUT_OFF_WITHIN: Duration = Duration::from_secs(1);

/// What a server did and does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// Connections accepted since the start.
    pub accepted: u64,
    /// Connections whose handlers have not ended.
    pub under_way: usize,
    /// Handlers that panicked.
    pub panicked: u64,
    /// Connections that were accepted and closed again, because the executor did not take them.
    pub refused: u64,
    /// Handlers that were ended by a cancellation.
    pub cut_off: u64,
    /// How often accepting failed and was put off.
    pub accept_failures: u64,
}

#[derive(Default)]
pub(super) struct Counts {
    pub(super) accepted: AtomicU64,
    pub(super) panicked: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) cut_off: AtomicU64,
    pub(super) accept_failures: AtomicU64,
}

pub(super) struct Control {
    pub(super) stop: CancelToken,
    pub(super) counts: Counts,
    /// Woken when a connection ends, and when a stop becomes more urgent. Only the server waits.
    pub(super) ended: Notify,
    under_way: AtomicUsize,
    handlers: Mutex<HashMap<u64, TaskHandle>>,
    /// Set before what is left is cancelled.
    is_cutting_off: AtomicBool,
    stop_timeout: Mutex<Duration>,
}

impl Control {
    pub(super) fn new() -> Control {
        Control {
            stop: CancelToken::new(),
            counts: Counts::default(),
            ended: Notify::new(),
            under_way: AtomicUsize::new(0),
            handlers: Mutex::default(),
            is_cutting_off: AtomicBool::new(false),
            stop_timeout: Mutex::new(DEFAULT_STOP_TIMEOUT),
        }
    }

    pub(super) fn set_stop_timeout(&self, limit: Duration) {
        *self.stop_timeout.lock().unwrap_or_else(PoisonError::into_inner) = limit;
        self.ended.notify_one();
    }

    fn stop_timeout(&self) -> Duration {
        *self.stop_timeout.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn under_way(&self) -> usize {
        self.under_way.load(Ordering::Acquire)
    }

    pub(super) fn is_cutting_off(&self) -> bool {
        self.is_cutting_off.load(Ordering::Acquire)
    }

    /// Notes a connection that is about to be handed to the executor.
    pub(super) fn begin(&self) {
        self.under_way.fetch_add(1, Ordering::AcqRel);
    }

    /// Notes the task of a connection, to cancel it if need be.
    pub(super) fn remember(&self, id: u64, task: TaskHandle) {
        self.handlers().insert(id, task);
    }

    /// Notes that a connection has ended.
    pub(super) fn end(&self, id: u64) {
        let task = self.handlers().remove(&id);
        // Outside the lock: it may be the last handle.
        drop(task);
        self.under_way.fetch_sub(1, Ordering::AcqRel);
        self.ended.notify_one();
    }

    /// Waits until fewer than `limit` connections are under way.
    pub(super) async fn room(&self, limit: usize) {
        while self.under_way() >= limit {
            self.ended.notified().await;
        }
    }

    /// Waits until every handler has ended, for as long as they are given. Returns how many have
    /// not.
    #[track_caller]
    pub(super) fn drain(&self) -> usize {
        let stopped = Instant::now();
        while self.under_way() > 0 {
            // Looked at each time: a second stop may be more urgent.
            let until = stopped.checked_add(self.stop_timeout());
            if until.is_some_and(|until| until <= Instant::now()) {
                break;
            }
            let _either_way = manyhands_wait::wait_for(&DRAIN, until, self.ended.notified());
        }
        self.under_way()
    }

    /// Cancels the handlers that are left.
    pub(super) fn cut_off(&self) {
        self.is_cutting_off.store(true, Ordering::Release);
        let left: Vec<TaskHandle> = self.handlers().values().cloned().collect();
        for task in left {
            task.cancel();
        }
    }

    /// Waits until cancelled handlers have ended.
    #[track_caller]
    pub(super) fn wait_for_cut_off(&self) {
        let until = Instant::now().checked_add(CUT_OFF_WITHIN);
        let all = async {
            while self.under_way() > 0 {
                self.ended.notified().await;
            }
        };
        // Who is not done by now does not wait for anything, so it cannot be ended.
        let _left_to_itself = manyhands_wait::wait_for(&CUT_OFF, until, all);
    }

    pub(super) fn statistics(&self) -> Statistics {
        let read = |count: &AtomicU64| count.load(Ordering::Acquire);
        Statistics {
            accepted: read(&self.counts.accepted),
            under_way: self.under_way(),
            panicked: read(&self.counts.panicked),
            refused: read(&self.counts.refused),
            cut_off: read(&self.counts.cut_off),
            accept_failures: read(&self.counts.accept_failures),
        }
    }

    fn handlers(&self) -> MutexGuard<'_, HashMap<u64, TaskHandle>> {
        self.handlers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Stops a server and tells what it does, from any thread or coroutine. Clones are the same.
#[derive(Clone)]
pub struct ServerHandle {
    control: Arc<Control>,
}

impl ServerHandle {
    pub(super) fn new(control: Arc<Control>) -> ServerHandle {
        ServerHandle { control }
    }

    /// Stops the server: no connection is accepted any more, and handlers have their
    /// [time](super::StreamServer::stop_timeout) to end. Does not wait; `serve` returns when all is
    /// done. Again is the same as once. Not for signal handlers: see
    /// [`stop_on_signals`](super::StreamServer::stop_on_signals).
    #[doc(alias = "shutdown")]
    pub fn stop(&self) {
        self.control.stop.cancel();
    }

    /// Like [`stop`](Self::stop), with another time for handlers, also while a stop is under way;
    /// zero cancels them at once.
    pub fn stop_within(&self, limit: Duration) {
        self.control.set_stop_timeout(limit);
        self.stop();
    }

    /// Whether the server was stopped. It may still wait for handlers.
    pub fn is_stopped(&self) -> bool {
        self.control.stop.is_cancelled()
    }

    /// What the server did and does.
    pub fn statistics(&self) -> Statistics {
        self.control.statistics()
    }
}

impl fmt::Debug for ServerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerHandle")
            .field("is_stopped", &self.is_stopped())
            .field("statistics", &self.statistics())
            .finish()
    }
}
