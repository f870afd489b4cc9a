//! `ManagedValue`: one value that several processes read and replace.

use manyhands_executor::Portable;
use manyhands_wait::Reason;

use super::{callable, handle};
use crate::manager::error::ManagerError;
use crate::manager::handle::Handle;
use crate::manager::object::Plain;

static CALL: Reason = Reason::new("call of a managed value");

/// A value of a [`Manager`](crate::Manager) that is read and replaced as a whole. Each method is one
/// step for everybody else.
///
/// Every method fails if the value is gone or cannot be reached, or if it cannot be encoded or decoded
/// ([`ManagerError`]).
///
/// ```
/// let manager = manyhands_processes::Manager::new();
/// let temperature = manager.value(20.5);
/// assert_eq!(temperature.replace(21.0)?, 20.5);
/// assert_eq!(temperature.update(|degrees, more| *degrees += more, 0.5)?, 21.5);
/// # Ok::<(), manyhands_processes::ManagerError>(())
/// ```
#[doc(alias = "ValueProxy")]
pub struct ManagedValue<T: Send + 'static>(Handle<Plain<T>>);

handle!(ManagedValue<T: Portable>, Plain<T>);
callable!(ManagedValue<T>, T, "value", T: Portable);

#[allow(clippy::missing_errors_doc, reason = "the same for all of them, said at the type")]
impl<T: Portable> ManagedValue<T> {
    /// Sets the value.
    #[track_caller]
    pub fn set(&self, value: T) -> Result<(), ManagerError> {
        self.run(value, |place, value| *place = value)
    }

    /// Sets the value and returns the one before.
    #[track_caller]
    pub fn replace(&self, value: T) -> Result<T, ManagerError> {
        self.run(value, std::mem::replace)
    }
}

#[allow(clippy::missing_errors_doc, reason = "the same for all of them, said at the type")]
impl<T: Portable + Clone> ManagedValue<T> {
    /// The value.
    #[track_caller]
    pub fn get(&self) -> Result<T, ManagerError> {
        self.run((), |value, ()| value.clone())
    }

    /// Changes the value where it is, with a function that captures nothing, and returns what it is
    /// then.
    #[track_caller]
    pub fn update<A, F>(&self, f: F, argument: A) -> Result<T, ManagerError>
    where
        A: Portable,
        F: Fn(&mut T, A) + Copy + Send + Sync + 'static,
    {
        let changed = move |value: &mut T, argument| {
            f(value, argument);
            value.clone()
        };
        self.run(argument, changed)
    }
}
