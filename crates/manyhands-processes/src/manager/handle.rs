//! What all handles of managed objects are inside: the number of the object, who has it, and the way
//! there.

use std::sync::Arc;

use manyhands_executor::{Portable, catch_panic};
use manyhands_wait::check_cancelled;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::error::{ManagerError, ManagerErrorKind};
use super::object::{self, Object, Plain, State};
use super::pending::Pending;
use super::protocol::frame::Target;
use super::protocol::function::{Deferred, function_of};
use super::upstream::{self, Upstream};

/// A handle of an object whose state is an `S`.
pub(crate) struct Handle<S: State> {
    target: Target,
    route: Route<S>,
}

enum Route<S: State> {
    /// The object is in this process.
    Here(Arc<Object<S>>),
    /// It is in one of those that started this process.
    There(Arc<Upstream>),
    /// It cannot be reached, and why.
    Nowhere(ManagerError),
}

impl<S: State> Handle<S> {
    /// Of an object of this process.
    pub(crate) fn of(object: Arc<Object<S>>) -> Handle<S> {
        let target = Target { owner: object::this_process(), object: object.id() };
        Handle { target, route: Route::Here(object) }
    }

    fn to(target: Target) -> Handle<S> {
        let route = if target.owner == object::this_process() {
            match object::find_typed(target.object) {
                Some(object) => Route::Here(object),
                None => Route::Nowhere(ManagerError::closed()),
            }
        } else {
            match upstream::current() {
                Ok(upstream) => Route::There(Arc::clone(upstream)),
                Err(error) => Route::Nowhere(error),
            }
        };
        Handle { target, route }
    }

    /// Of the same object, reached over this line.
    #[cfg(test)]
    pub(crate) fn over(&self, upstream: &Arc<Upstream>) -> Handle<S> {
        Handle { target: self.target, route: Route::There(Arc::clone(upstream)) }
    }

    pub(crate) fn target(&self) -> Target {
        self.target
    }

    /// The object, if it is in this process.
    pub(crate) fn here(&self) -> Option<&Arc<Object<S>>> {
        match &self.route {
            Route::Here(object) => Some(object),
            _ => None,
        }
    }

    /// Whether it is in another process, and can be reached.
    pub(crate) fn is_elsewhere(&self) -> bool {
        matches!(self.route, Route::There(_))
    }

    /// Calls a function that answers now or later. Here it gets the argument as it is; elsewhere the
    /// argument stays in its place, and is encoded.
    pub(crate) fn begin<A, R, F>(&self, argument: &mut Option<A>, f: F) -> Pending<S, R>
    where
        A: Portable,
        R: Portable,
        F: Deferred<S, A, R>,
    {
        check_cancelled();
        match &self.route {
            Route::Here(object) => {
                let Some(argument) = argument.take() else {
                    return Pending::known(Err(ManagerError::closed()));
                };
                let here =
                    object.run_here(|state, asker, answers| f(state, argument, asker, answers));
                Pending::here(Arc::clone(object), here)
            }
            Route::There(upstream) => {
                let key = function_of::<S, A, R, F>(f).offset().and_then(|function| {
                    upstream.begin(self.target, function, argument_of(argument)?)
                });
                match key {
                    Ok(key) => Pending::there(Arc::clone(upstream), key, self.target),
                    Err(error) => Pending::known(Err(error)),
                }
            }
            Route::Nowhere(error) => Pending::known(Err(error.clone())),
        }
    }

    /// Like [`begin`](Self::begin), for an argument that is not needed again.
    pub(crate) fn start<A, R, F>(&self, argument: A, f: F) -> Pending<S, R>
    where
        A: Portable,
        R: Portable,
        F: Deferred<S, A, R>,
    {
        self.begin(&mut Some(argument), f)
    }

    /// Calls a function whose answer nobody wants. Never waits, also where the caller is cancelled.
    pub(crate) fn tell<A, F>(&self, argument: A, f: F) -> Result<(), ManagerError>
    where
        A: Portable,
        F: Deferred<S, A, ()>,
    {
        match &self.route {
            // Nothing is given back to one object while this thread is inside of another.
            Route::Here(object) if object::is_inside() => {
                let object = Arc::clone(object);
                object::after_function(move || {
                    let call = |state: &mut S, asker, answers: &mut _| {
                        f(state, argument, asker, answers);
                    };
                    drop(object.run_here(call));
                });
                Ok(())
            }
            Route::Here(object) => {
                let (_, slot) =
                    object.run_here(|state, asker, answers| f(state, argument, asker, answers));
                slot.take().unwrap_or(Ok(()))
            }
            Route::There(upstream) => {
                let function = function_of::<S, A, (), F>(f).offset()?;
                upstream.tell(self.target, function, &argument)
            }
            Route::Nowhere(error) => Err(error.clone()),
        }
    }
}

impl<T: Send + 'static> Handle<Plain<T>> {
    /// Calls a function of the user on the value.
    pub(crate) fn call<A, R, F>(&self, argument: A, f: F) -> Pending<Plain<T>, R>
    where
        A: Portable,
        R: Portable,
        F: Fn(&mut T, A) -> R + Copy + 'static,
    {
        match &self.route {
            Route::Here(object) => {
                check_cancelled();
                let called = object.with(|value| catch_panic(|| f(&mut value.0, argument)));
                Pending::known(called.and_then(|result| result.map_err(|error| panicked(&error))))
            }
            _ => self.start(argument, move |value: &mut Plain<T>, argument: A, asker, answers| {
                match catch_panic(|| f(&mut value.0, argument)) {
                    Ok(result) => asker.answer(result, answers),
                    Err(error) => asker.fail(panicked(&error), answers),
                }
            }),
        }
    }
}

fn argument_of<A>(argument: &Option<A>) -> Result<&A, ManagerError> {
    argument.as_ref().ok_or_else(ManagerError::closed)
}

fn panicked(error: &manyhands_executor::TaskError) -> ManagerError {
    let at = error.location().map(|at| format!(" at {at}")).unwrap_or_default();
    let message =
        format!("a function that ran on a managed object panicked{at}: {}", error.message());
    ManagerError::new(ManagerErrorKind::Panicked, message)
}

impl<S: State> Clone for Handle<S> {
    fn clone(&self) -> Self {
        let route = match &self.route {
            Route::Here(object) => Route::Here(Arc::clone(object)),
            Route::There(upstream) => Route::There(Arc::clone(upstream)),
            Route::Nowhere(error) => Route::Nowhere(error.clone()),
        };
        Handle { target: self.target, route }
    }
}

impl<S: State> PartialEq for Handle<S> {
    fn eq(&self, other: &Self) -> bool {
        self.target == other.target
    }
}

impl<S: State> std::fmt::Debug for Handle<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let place = match &self.route {
            Route::Here(_) => "here",
            Route::There(_) => "in another process",
            Route::Nowhere(_) => "unreachable",
        };
        f.debug_struct("Handle").field("object", &self.target.object).field("is", &place).finish()
    }
}

impl<S: State> Serialize for Handle<S> {
    fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        (self.target.owner, self.target.object).serialize(serializer)
    }
}

impl<'de, S: State> Deserialize<'de> for Handle<S> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (owner, object) = Deserialize::deserialize(deserializer)?;
        Ok(Handle::to(Target { owner, object }))
    }
}
