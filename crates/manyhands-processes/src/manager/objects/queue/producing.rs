//! The lanes of this process into queues of others: from which of its puts on a queue has one, and
//! which go the other way.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use manyhands_executor::catch_panic;
use serde::Serialize;

use super::lane::{Grant, LaneOut, Put};
use crate::manager::protocol::frame::Target;

/// After so many puts in the ordinary way a lane is worth its memory.
const WORTH_AFTER: u32 = 8;

/// This process's way into one queue.
pub(super) struct Way(Mutex<Stage>);

enum Stage {
    /// So many items went the ordinary way.
    Ordinary(u32),
    /// Somebody asks the owner.
    Asking,
    Lane(LaneOut),
    /// There is no lane to be had: the queue is bounded, closed or gone.
    Never,
}

/// How an item went.
pub(super) enum Went<'a> {
    /// It is in the queue; and whether the owner has to be told.
    There { bell: bool },
    /// It has to go the ordinary way; and perhaps the caller has to ask for a lane first.
    Not(Option<Asking<'a>>),
}

/// Whoever has this asks the owner for a lane. Dropped without an answer, nobody asks again.
pub(super) struct Asking<'a> {
    way: &'a Way,
    grant: Option<Grant>,
}

impl Asking<'_> {
    /// The owner has answered.
    pub(super) fn answered(mut self, grant: Option<Grant>) {
        self.grant = grant;
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        // Without memory for it there is none.
        let lane = self.grant.take().and_then(|grant| LaneOut::open(&grant).ok());
        *self.way.lock() = lane.map_or(Stage::Never, Stage::Lane);
    }
}

/// The way of this process into this queue.
pub(super) fn way(target: Target) -> Arc<Way> {
    /// By the process that has the queue, and its number there.
    type Ways = HashMap<(u64, u64), Arc<Way>>;
    static WAYS: LazyLock<Mutex<Ways>> = LazyLock::new(Mutex::default);
    let mut ways = WAYS.lock().unwrap_or_else(PoisonError::into_inner);
    let key = (target.owner, target.object);
    if let Some(way) = ways.get(&key) {
        return Arc::clone(way);
    }
    // Those of queues that have ended make room for new ones. Nobody uses them: whoever did would have
    // a clone.
    ways.retain(|_, way| Arc::strong_count(way) > 1 || !way.is_over());
    let way = Arc::new(Way(Mutex::new(Stage::Ordinary(0))));
    ways.insert(key, Arc::clone(&way));
    way
}

impl Way {
    /// Puts the item through the lane, if there is one that takes it.
    pub(super) fn put<T: Serialize>(&self, item: &T) -> Went<'_> {
        let mut stage = self.lock();
        match &mut *stage {
            Stage::Ordinary(count) if *count + 1 < WORTH_AFTER => *count += 1,
            Stage::Ordinary(_) => {
                *stage = Stage::Asking;
                return Went::Not(Some(Asking { way: self, grant: None }));
            }
            Stage::Asking | Stage::Never => {}
            Stage::Lane(_) => {
                drop(stage);
                return self.put_through(item);
            }
        }
        Went::Not(None)
    }

    fn put_through<T: Serialize>(&self, item: &T) -> Went<'_> {
        // Outside of a scope for attachments: what would leave some is not encoded, and nothing has
        // happened to it. Without the lock, since it is code of the user.
        let Ok(Ok(encoded)) = catch_panic(|| postcard::to_stdvec(item)) else {
            return Went::Not(None);
        };
        let mut stage = self.lock();
        let Stage::Lane(lane) = &mut *stage else { return Went::Not(None) };
        match lane.put(&encoded, now_ns()) {
            Put::Done { bell } => Went::There { bell },
            Put::NoRoom => Went::Not(None),
            Put::Closed => {
                *stage = Stage::Never;
                Went::Not(None)
            }
        }
    }

    fn is_over(&self) -> bool {
        match &*self.lock() {
            Stage::Ordinary(_) | Stage::Never => true,
            Stage::Asking => false,
            Stage::Lane(lane) => lane.is_closed(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Stage> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A time that all processes of the machine agree about, in nanoseconds.
fn now_ns() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    (now.tv_sec as u64).wrapping_mul(1_000_000_000).wrapping_add(now.tv_nsec as u64)
}
