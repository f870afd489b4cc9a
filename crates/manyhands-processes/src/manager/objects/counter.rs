//! `ManagedCounter`: a number that several processes count with.

use manyhands_wait::Reason;

use super::handle;
use crate::manager::error::ManagerError;
use crate::manager::handle::Handle;
use crate::manager::object::Plain;

static CALL: Reason = Reason::new("call of a managed counter");

/// A number of a [`Manager`](crate::Manager). Each method is one step for everybody else, and fails if
/// the counter is gone or cannot be reached ([`ManagerError`]).
///
/// Every call of another process is a message. Where that is too slow, use a counter in shared memory.
///
/// ```
/// let manager = manyhands_processes::Manager::new();
/// let counter = manager.counter(0);
/// assert_eq!(counter.add(5)?, 5);
/// assert_eq!(counter.add(-2)?, 3);
/// # Ok::<(), manyhands_processes::ManagerError>(())
/// ```
pub struct ManagedCounter(Handle<Plain<i64>>);

handle!(ManagedCounter, Plain<i64>);

#[allow(clippy::missing_errors_doc, reason = "the same for all of them, said at the type")]
impl ManagedCounter {
    /// Adds this much and returns the sum. At the ends of the range it begins again at the other end.
    #[track_caller]
    pub fn add(&self, amount: i64) -> Result<i64, ManagerError> {
        let add = |counter: &mut i64, amount| {
            *counter = counter.wrapping_add(amount);
            *counter
        };
        self.0.call(amount, add).wait(&CALL)
    }

    /// The number.
    #[track_caller]
    pub fn get(&self) -> Result<i64, ManagerError> {
        self.0.call((), |counter: &mut i64, ()| *counter).wait(&CALL)
    }

    /// Sets the number and returns the one before.
    #[track_caller]
    pub fn set(&self, value: i64) -> Result<i64, ManagerError> {
        self.0.call(value, std::mem::replace).wait(&CALL)
    }
}
