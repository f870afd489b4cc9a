//! What a job does when it is run: call a closure, call a portable function, or that with retries.

use std::panic::resume_unwind;

use manyhands_wait::Interrupt;

use crate::chunk::Chunk;
use crate::entry::{self, Entry, Portable};
use crate::error::TaskError;
use crate::panic_capture;
use crate::retry::RetryPolicy;
use crate::surroundings::Surroundings;

/// One call, made once.
pub(crate) trait Work: Send + 'static {
    type Output: Send + 'static;

    /// Whether the call can be made in another process: then the methods with defaults are there.
    const PORTABLE: bool = false;

    fn call(self) -> Self::Output;

    /// How the same call is made somewhere else.
    fn entry(&self) -> Option<Entry> {
        None
    }

    fn encode_argument(&self, _: &mut dyn Surroundings) -> Result<Vec<u8>, TaskError> {
        unreachable!("only portable work is asked for its argument")
    }

    fn decode_outcome(_: &[u8], _: &mut dyn Surroundings) -> Result<Self::Output, TaskError> {
        unreachable!("only portable work is completed from bytes")
    }
}

/// A closure: stays in this process.
pub(crate) struct Closure<F>(pub(crate) F);

impl<R: Send + 'static, F: FnOnce() -> R + Send + 'static> Work for Closure<F> {
    type Output = R;

    fn call(self) -> R {
        (self.0)()
    }
}

/// A plain function and its argument: can go anywhere.
pub(crate) struct Call<A, R> {
    pub(crate) f: fn(A) -> R,
    pub(crate) argument: A,
}

impl<A: Clone, R> Clone for Call<A, R> {
    fn clone(&self) -> Self {
        Call { f: self.f, argument: self.argument.clone() }
    }
}

impl<A: Portable, R: Portable> Work for Call<A, R> {
    type Output = R;
    const PORTABLE: bool = true;

    fn call(self) -> R {
        (self.f)(self.argument)
    }

    fn entry(&self) -> Option<Entry> {
        Some(Entry::of_call(self.f))
    }

    fn encode_argument(&self, surroundings: &mut dyn Surroundings) -> Result<Vec<u8>, TaskError> {
        entry::encode_within(&self.argument, surroundings)
    }

    fn decode_outcome(bytes: &[u8], surroundings: &mut dyn Surroundings) -> Result<R, TaskError> {
        entry::decode_outcome(bytes, surroundings)
    }
}

/// A plain function and a list of arguments: a piece of a `map` that can go anywhere.
pub(crate) struct CallEach<A, R> {
    pub(crate) f: fn(A) -> R,
    pub(crate) arguments: Vec<A>,
    pub(crate) check_every: usize,
}

impl<A: Portable, R: Portable> Work for CallEach<A, R> {
    type Output = Chunk<R>;
    const PORTABLE: bool = true;

    fn call(self) -> Chunk<R> {
        Chunk::compute(self.arguments, self.check_every, self.f)
    }

    fn entry(&self) -> Option<Entry> {
        Some(Entry::of_chunk(self.f))
    }

    fn encode_argument(&self, surroundings: &mut dyn Surroundings) -> Result<Vec<u8>, TaskError> {
        entry::encode_within(&self.arguments, surroundings)
    }

    fn decode_outcome(
        bytes: &[u8],
        surroundings: &mut dyn Surroundings,
    ) -> Result<Chunk<R>, TaskError> {
        entry::decode_outcome::<entry::WireChunk<R>>(bytes, surroundings)?.into_chunk()
    }
}

/// Work that is done again when it panics.
pub(crate) struct Retried<W> {
    pub(crate) work: W,
    pub(crate) policy: RetryPolicy,
}

impl<W: Work + Clone> Work for Retried<W> {
    type Output = W::Output;
    const PORTABLE: bool = W::PORTABLE;

    fn call(self) -> W::Output {
        let mut attempt = 1;
        loop {
            if attempt == self.policy.attempts() {
                return self.work.call();
            }
            let work = self.work.clone();
            match panic_capture::catch(|| work.call()) {
                Ok(value) => return value,
                Err(payload) if Interrupt::is(&*payload) => resume_unwind(payload),
                Err(payload) => {
                    panic_capture::drop_payload(payload);
                    manyhands_wait::sleep(self.policy.delay(attempt));
                }
            }
            attempt += 1;
        }
    }

    fn entry(&self) -> Option<Entry> {
        self.work.entry()
    }

    fn encode_argument(&self, surroundings: &mut dyn Surroundings) -> Result<Vec<u8>, TaskError> {
        self.work.encode_argument(surroundings)
    }

    fn decode_outcome(
        bytes: &[u8],
        surroundings: &mut dyn Surroundings,
    ) -> Result<W::Output, TaskError> {
        W::decode_outcome(bytes, surroundings)
    }
}

/// A closure that can be called again.
pub(crate) struct Repeatable<F>(pub(crate) std::sync::Arc<F>);

impl<F> Clone for Repeatable<F> {
    fn clone(&self) -> Self {
        Repeatable(std::sync::Arc::clone(&self.0))
    }
}

impl<R: Send + 'static, F: Fn() -> R + Send + Sync + 'static> Work for Repeatable<F> {
    type Output = R;

    fn call(self) -> R {
        (self.0)()
    }
}
