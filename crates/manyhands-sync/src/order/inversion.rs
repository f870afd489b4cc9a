//! A lock order inversion, as it is reported.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use super::class;

/// Locks that are taken in orders that contradict each other: if the contexts that do so meet, each may
/// hold what the next one waits for. A suspicion, found though nothing has gone wrong yet.
///
/// Comes in a [`Report::Suspicion`](manyhands_wait::Report::Suspicion), once for each pair of
/// [classes of locks](crate::set_lock_order_checks) that closes a cycle:
///
/// ```
/// use std::sync::{Arc, Mutex as StdMutex};
/// use manyhands_sync::{LockOrderInversion, Mutex, set_lock_order_checks};
/// use manyhands_wait::{Report, on_report};
///
/// set_lock_order_checks(true);
/// let found = Arc::new(StdMutex::new(Vec::new()));
/// let _heard = on_report({
///     let found = Arc::clone(&found);
///     move |report| {
///         if let Report::Suspicion(suspicion) = report
///             && let Some(inversion) = suspicion.downcast_ref::<LockOrderInversion>()
///         {
///             found.lock().unwrap().push(inversion.to_string());
///         }
///     }
/// });
/// let (stock, orders) = (Mutex::named("stock", 1), Mutex::named("orders", 1));
/// {
///     let _stock = stock.lock();
///     let _orders = orders.lock();
/// }
/// {
///     let _orders = orders.lock();
///     let _stock = stock.lock(); // the other way round: never a deadlock on one thread
/// }
/// let found = found.lock().unwrap();
/// assert!(found[0].contains("mutex 'orders'") && found[0].contains("mutex 'stock'"));
/// ```
#[derive(Debug, Clone)]
pub struct LockOrderInversion {
    steps: Vec<LockOrderStep>,
}

/// One lock that was taken while another was held, where that was seen first.
#[derive(Debug, Clone)]
pub struct LockOrderStep {
    held: Arc<str>,
    taken: Arc<str>,
    sighting: Sighting,
}

/// The first time that a lock of one class was taken while one of another was held.
#[derive(Debug, Clone)]
pub(super) struct Sighting {
    pub(super) held_at: &'static Location<'static>,
    pub(super) taken_at: &'static Location<'static>,
    pub(super) by: Arc<str>,
}

impl LockOrderInversion {
    /// The steps of the cycle, beginning with the one that was just seen; each takes what the next one
    /// holds.
    pub fn steps(&self) -> impl ExactSizeIterator<Item = &LockOrderStep> {
        self.steps.iter()
    }
}

impl LockOrderStep {
    /// The lock that was held, such as `mutex 'fork'`.
    pub fn held(&self) -> &str {
        &self.held
    }

    /// Where that was taken.
    pub fn held_at(&self) -> &'static Location<'static> {
        self.sighting.held_at
    }

    /// The lock that was taken then.
    pub fn taken(&self) -> &str {
        &self.taken
    }

    /// Where it was taken.
    pub fn taken_at(&self) -> &'static Location<'static> {
        self.sighting.taken_at
    }

    /// Who did so, such as `thread 'main'`.
    pub fn by(&self) -> &str {
        &self.sighting.by
    }
}

/// The report of a cycle of classes: of each step which was held, which was taken, and when that was.
pub(super) fn describe(cycle: &[(usize, usize, Sighting)]) -> LockOrderInversion {
    let name = |index: usize| -> Arc<str> {
        class::key(index).map_or_else(|| "a lock".into(), |key| key.to_string().into())
    };
    let steps = cycle
        .iter()
        .map(|(held, taken, sighting)| LockOrderStep {
            held: name(*held),
            taken: name(*taken),
            sighting: sighting.clone(),
        })
        .collect();
    LockOrderInversion { steps }
}

impl fmt::Display for LockOrderInversion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.steps.len() {
            2 => f.write_str("two locks are taken in either order, which can end in a deadlock")?,
            many => write!(f, "{many} locks are taken in a circle, which can end in a deadlock")?,
        }
        self.steps.iter().try_for_each(|step| write!(f, "\n  {step}"))
    }
}

impl fmt::Display for LockOrderStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LockOrderStep { held, taken, sighting: Sighting { held_at, taken_at, by } } = self;
        write!(f, "{by} held {held} since {held_at} and took {taken} at {taken_at}")
    }
}
