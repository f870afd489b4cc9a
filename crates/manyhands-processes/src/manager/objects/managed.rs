//! `Managed<T>`: any value, and functions that run on it at its owner.

use manyhands_executor::Portable;
use manyhands_wait::Reason;

use super::handle;
use crate::manager::error::ManagerError;
use crate::manager::handle::Handle;
use crate::manager::object::Plain;

static CALL: Reason = Reason::new("call of a managed object");

/// A value of a [`Manager`](crate::Manager), on which functions run where it is.
///
/// A function has the value to itself while it runs, so that reading, computing and writing is one
/// step for everybody else, from whichever process.
///
/// ```
/// use manyhands_processes::Manager;
///
/// let manager = Manager::new();
/// let text = manager.manage(String::from("many"));
/// let length = text.call(|text, more: String| { text.push_str(&more); text.len() }, " hands".into());
/// assert_eq!(length, Ok(10));
/// ```
///
/// A function that captures something would have to take it along:
///
/// ```compile_fail
/// use manyhands_processes::Manager;
///
/// let manager = Manager::new();
/// let number = manager.manage(1);
/// let more = std::env::args().count();
/// number.call(move |number, ()| *number += more, ()).unwrap();
/// ```
#[doc(alias = "BaseProxy")]
#[doc(alias = "Namespace")]
pub struct Managed<T: Send + 'static>(Handle<Plain<T>>);

handle!(Managed<T: Send>, Plain<T>);

impl<T: Send + 'static> Managed<T> {
    /// Calls `f` on the value, in the process that has it, and waits for what it returns.
    ///
    /// `f` is a function item or a closure that captures nothing (anything else does not compile);
    /// what it needs comes as its argument. In the process that has the value it runs on the caller's
    /// thread; called from another process it runs on the one thread that serves all of them, so it
    /// should be short, and must not wait for anything. It cannot use managed objects itself.
    ///
    /// From threads and coroutines; async code uses [`call_async`](Self::call_async). If the caller is
    /// cancelled while it waits, `f` may have run or may still run.
    ///
    /// # Errors
    /// If `f` panics: the value stays as `f` left it, and others go on using it. If the argument or
    /// the result cannot be encoded or decoded, if the object is gone or cannot be reached.
    #[track_caller]
    pub fn call<A, R, F>(&self, f: F, argument: A) -> Result<R, ManagerError>
    where
        A: Portable,
        R: Portable,
        F: Fn(&mut T, A) -> R + Copy + Send + Sync + 'static,
    {
        self.0.call(argument, f).wait(&CALL)
    }

    /// Like [`call`](Self::call), for async code.
    ///
    /// # Errors
    /// Like [`call`](Self::call).
    pub async fn call_async<A, R, F>(&self, f: F, argument: A) -> Result<R, ManagerError>
    where
        A: Portable,
        R: Portable,
        F: Fn(&mut T, A) -> R + Copy + Send + Sync + 'static,
    {
        self.0.call(argument, f).await
    }
}
