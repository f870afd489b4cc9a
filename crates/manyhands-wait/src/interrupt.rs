//! The private payload that unwinds a cancelled context, and how its catcher knows it.

use std::any::Any;

use crate::layer::Layer;

/// Why a context was unwound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Somebody cancelled it.
    Cancelled,
    /// Its deadline passed.
    DeadlinePassed,
}

/// What unwinds out of a wait (or of [`check_cancelled`](crate::check_cancelled)) in a context that
/// is to end. It is raised with `resume_unwind`, so the panic hook stays silent; destructors run.
///
/// Whoever opened the [`Layer`] it is meant for takes it off the unwinding with
/// [`Interrupt::caught`] and must let every other payload go on.
#[derive(Debug)]
pub struct Interrupt {
    layer: usize,
    cause: Cause,
}

impl Interrupt {
    /// Sorts what `catch_unwind` caught: the cause if it was an interrupt meant for `layer`, else
    /// the payload unchanged.
    pub fn caught(
        payload: Box<dyn Any + Send>,
        layer: &Layer<'_>,
    ) -> Result<Cause, Box<dyn Any + Send>> {
        match payload.downcast::<Interrupt>() {
            Ok(interrupt) if interrupt.layer == layer.key() => Ok(interrupt.cause),
            Ok(interrupt) => Err(interrupt),
            Err(payload) => Err(payload),
        }
    }

    /// Whether a caught payload is an interrupt at all, for whichever layer. Code that must not
    /// swallow a cancellation asks this and resumes the unwinding.
    pub fn is(payload: &(dyn Any + Send)) -> bool {
        payload.is::<Interrupt>()
    }

    pub(crate) fn raise(layer: usize, cause: Cause) -> ! {
        std::panic::resume_unwind(Box::new(Interrupt { layer, cause }))
    }
}
