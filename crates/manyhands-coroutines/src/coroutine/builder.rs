//! What is said of a coroutine before it is made.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::core::Core;
use super::{Coroutine, Suspender};
use crate::stack::{Stack, StackError, StackSize};

/// Made by [`Coroutine::builder`].
///
/// ```
/// use manyhands_coroutines::Coroutine;
///
/// let parser = Coroutine::builder().name("parser").stack_bytes(1024 * 1024).build(
///     |me, line: String| {
///         let next = me.suspend(line.len());
///         next.len()
///     },
/// )?;
/// assert_eq!(parser.name().as_deref(), Some("parser"));
/// # Ok::<(), manyhands_coroutines::stack::StackError>(())
/// ```
#[derive(Debug, Clone, Default)]
#[must_use = "there is no coroutine until `build`"]
pub struct CoroutineBuilder {
    name: Option<Arc<str>>,
    size: StackSize,
}

impl CoroutineBuilder {
    /// The name that is reported when it overflows its stack.
    pub fn name(mut self, name: impl Into<Arc<str>>) -> CoroutineBuilder {
        self.name = Some(name.into());
        self
    }

    /// The size of its stack in bytes, rounded up to pages, at least [`StackSize::MIN`]. Default:
    /// 256 KiB. Only what is touched takes memory.
    pub fn stack_bytes(mut self, bytes: usize) -> CoroutineBuilder {
        self.size = StackSize::from_bytes(bytes);
        self
    }

    /// Makes the coroutine; it starts with the first [`switch`](Coroutine::switch).
    ///
    /// # Errors
    /// [`StackError`] if there is no memory for its stack.
    pub fn build<In: 'static, Out: 'static, R: 'static>(
        self,
        f: impl FnOnce(&Suspender<'_, In, Out, R>, In) -> R + 'static,
    ) -> Result<Coroutine<In, Out, R>, StackError> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let core = Core::create(Stack::new(self.size)?, f);
        core.link.running.set_id(NEXT.fetch_add(1, Ordering::Relaxed));
        core.link.running.set_name(self.name);
        Ok(Coroutine { core })
    }
}
