//! Tasks that borrow from the stack of whoever spawns them.

use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::TaskError;
use crate::group::Group;
use crate::submit::InProcess;
use crate::task::Task;

/// Runs `f` with a [`Scope`], whose tasks may borrow whatever outlives this call; returns when all
/// of them have ended.
///
/// When a task fails, the others are cancelled, as in a [`Group`]; so they are when the code that
/// calls `scope` is cancelled. When `f` panics, all tasks are cancelled and waited for before the
/// panic goes on.
///
/// # Errors
/// The error of the task that failed first; `f`'s value is dropped then.
///
/// ```
/// use manyhands_executor::{Sequential, scope};
///
/// let executor = Sequential::new();
/// let words = vec!["many".to_owned(), "hands".to_owned()];
/// let length = scope(&executor, |scope| {
///     let first = scope.spawn(|| words[0].len());
///     let second = scope.spawn(|| words[1].len());
///     first.result().unwrap() + second.result().unwrap()
/// });
/// assert_eq!(length.unwrap(), 9);
/// ```
pub fn scope<'env, E, T, F>(executor: &'env E, f: F) -> Result<T, TaskError>
where
    E: InProcess + ?Sized,
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env, E>) -> T,
{
    let scope = Scope { group: Group::new(executor), scope: PhantomData, env: PhantomData };
    // Comes back, by returning or unwinding, only when all tasks have ended.
    scope.group.conclude(|| f(&scope))
}

/// Where tasks with borrows are spawned; made by [`scope`].
pub struct Scope<'scope, 'env: 'scope, E: InProcess + ?Sized> {
    group: Group<'env, E>,
    scope: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

impl<'scope, 'env, E: InProcess + ?Sized> Scope<'scope, 'env, E> {
    /// Runs `f`, which may borrow what outlives the scope.
    pub fn spawn<R, F>(&'scope self, f: F) -> ScopedTask<'scope, R>
    where
        F: FnOnce() -> R + Send + 'scope,
        R: Send + 'scope,
    {
        // The result lives beside the task, not in it: the executor may keep the task's memory for
        // longer than the scope lasts, and must have nothing borrowed in it then.
        let slot = Arc::new(Mutex::new(None));
        let result = Arc::clone(&slot);
        let run: Box<dyn FnOnce() + Send + 'scope> = Box::new(move || {
            let value = f();
            *result.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
        });
        // SAFETY: only the lifetime changes. `scope` returns or unwinds only after every task of
        // the group has ended (`Group::conclude`, whatever happens), and a task has ended
        // only when its closure was called to its end or dropped: so neither the closure nor
        // the `Arc` in it is touched after 'scope.
        let run = unsafe {
            std::mem::transmute::<
                Box<dyn FnOnce() + Send + 'scope>,
                Box<dyn FnOnce() + Send + 'static>,
            >(run)
        };
        ScopedTask { task: self.group.spawn(run), slot, scope: PhantomData }
    }

    /// Cancels the tasks of the scope.
    pub fn cancel(&self) {
        self.group.cancel();
    }
}

impl<E: InProcess + ?Sized> fmt::Debug for Scope<'_, '_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Scope").field(&self.group).finish()
    }
}

/// A task of a [`Scope`].
#[derive(Debug)]
pub struct ScopedTask<'scope, R> {
    task: Task<()>,
    slot: Arc<Mutex<Option<R>>>,
    scope: PhantomData<&'scope ()>,
}

impl<R> ScopedTask<'_, R> {
    /// Waits for the result.
    ///
    /// # Errors
    /// The task's error.
    #[track_caller]
    pub fn result(self) -> Result<R, TaskError> {
        self.task.result()?;
        let value = self.slot.lock().unwrap_or_else(PoisonError::into_inner).take();
        Ok(value.expect("a task that ended well has left its result"))
    }

    /// Whether the task has ended.
    pub fn is_done(&self) -> bool {
        self.task.is_done()
    }

    /// Cancels the task, as [`Task::cancel`] does.
    pub fn cancel(&self) -> crate::Cancellation {
        self.task.cancel()
    }
}
