//! Who runs here.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use manyhands_wait::Context;

use crate::hub::Hub;

/// The coroutine that runs this code, or else the thread.
///
/// ```
/// use manyhands_coroutines::{current, spawn_named};
///
/// let task = spawn_named("crawler", || {
///     let me = current();
///     assert_eq!(&*me.name(), "crawler");
///     me.set_name("crawler, second round");
///     manyhands_wait::dump().to_string()
/// });
/// assert!(task.result().unwrap().contains("'crawler, second round'"));
/// ```
#[doc(alias = "gevent.getcurrent")]
#[doc(alias = "threading.current_thread")]
pub fn current() -> Current {
    let is_coroutine = Hub::with_own(Hub::is_in_coroutine) == Some(true);
    Current { context: Context::current(), is_coroutine, not_send: PhantomData }
}

/// Made by [`current`]. Whoever wants to tell others about itself gives them its
/// [`context`](Current::context).
#[derive(Clone, PartialEq, Eq)]
pub struct Current {
    context: Context,
    is_coroutine: bool,
    not_send: PhantomData<*const ()>,
}

impl Current {
    /// A number that no other coroutine or thread of this process has or had. Dumps show it.
    #[doc(alias = "minimal_ident")]
    pub fn id(&self) -> u64 {
        self.context.id()
    }

    /// The name: that of the task it was spawned with, until it is set.
    pub fn name(&self) -> Arc<str> {
        self.context.name()
    }

    /// Gives it another name, which dumps and the report of an overflow show from now on. Does
    /// nothing once the coroutine has ended.
    pub fn set_name(&self, name: impl Into<Arc<str>>) {
        let name = name.into();
        self.context.set_name(Arc::clone(&name));
        // The other place where the name is kept is at hand only in the coroutine itself.
        if self.is_coroutine && Context::current() == self.context {
            Hub::with_own(|hub| {
                if let Some(body) = hub.current() {
                    body.set_overflow_name(name);
                }
            });
        }
    }

    /// Whether it is a coroutine, as opposed to a thread.
    pub fn is_coroutine(&self) -> bool {
        self.is_coroutine
    }

    /// The same, to be kept anywhere and asked from anywhere.
    pub fn context(&self) -> &Context {
        &self.context
    }
}

impl fmt::Debug for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.context.fmt(f)
    }
}
