//! What an executor has in force while arguments and outcomes are coded.

/// What an executor puts around coding: around the decoding and the encoding of an argument or an
/// outcome, and around nothing else. Functions of users, callbacks and destructors run outside.
///
/// By this an executor that sends jobs away lets values carry more than their bytes: while one is
/// encoded, its `Serialize` may leave something in a place that the executor has opened (a file
/// descriptor, a large buffer), and its `Deserialize` finds it where the executor provides it.
///
/// [`Plain`] puts nothing around coding.
///
/// # Implementing
/// Each method calls `f` exactly once and does not catch its panics; `f` does not panic, since what
/// users' types panic while they are coded is caught inside.
///
/// For one outcome `encoding` may be called twice: if the value cannot be encoded, the error that
/// says so is encoded in its place. What was collected in the call before belongs to bytes that do
/// not exist, so each call starts with nothing.
pub trait Surroundings {
    /// Calls `f`, which decodes.
    fn decoding(&mut self, f: &mut dyn FnMut());

    /// Calls `f`, which encodes.
    fn encoding(&mut self, f: &mut dyn FnMut());

    /// Asked once after coding has failed: why, if more is known than the codec says (postcard
    /// keeps no text of the errors that types give it). It becomes part of the task's error.
    fn explain(&mut self) -> Option<String> {
        None
    }
}

/// The surroundings of bytes that travel alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Plain;

impl Surroundings for Plain {
    fn decoding(&mut self, f: &mut dyn FnMut()) {
        f();
    }

    fn encoding(&mut self, f: &mut dyn FnMut()) {
        f();
    }
}

/// Calls `f` through one of the two methods above and hands its result out.
pub(crate) fn within<R>(
    surround: impl FnOnce(&mut dyn FnMut()),
    f: impl FnOnce() -> R,
) -> Option<R> {
    let mut f = Some(f);
    let mut result = None;
    surround(&mut || result = f.take().map(|f| f()));
    result
}
