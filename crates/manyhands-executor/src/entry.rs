//! How a plain function is called somewhere else: its entry, and the codec of what it takes and
//! gives.
//!
//! Bytes are [postcard](https://docs.rs/postcard). An entry holds two addresses of this very
//! binary: the function's, and that of a trampoline, a constant which knows the types, decodes the
//! argument, calls, and encodes the outcome. An executor that runs jobs in other processes of the
//! same binary translates the addresses to offsets and back ([`Entry::at`]).

use std::alloc::Layout;
use std::any::type_name;
use std::marker::PhantomData;
use std::panic::resume_unwind;
use std::ptr;
use std::time::Duration;

use manyhands_wait::Interrupt;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::chunk::{Chunk, Results};
use crate::error::{EncodedError, TaskError, TaskErrorKind};
use crate::panic_capture;
use crate::surroundings::{Plain, Surroundings, within};
use crate::task::drop_quietly;

/// What may cross to another process: it can be encoded, decoded, sent, and owns its data.
pub trait Portable: Serialize + DeserializeOwned + Send + 'static {}

impl<T: Serialize + DeserializeOwned + Send + 'static> Portable for T {}

/// Where a portable job's function is, in this binary.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    function: usize,
    trampoline: &'static Trampoline,
}

/// What stands in the binary for one pair of types and a way to call: a constant, so that its
/// address says which it is in every process of the binary.
#[derive(Debug)]
#[repr(C)]
struct Trampoline {
    magic: u64,
    call: fn(usize, &[u8], &mut dyn Surroundings) -> Vec<u8>,
    name: fn() -> &'static str,
}

/// How a [`Trampoline`] is told from everything else that an address may lead to.
const MAGIC: u64 = 0x9d6f_616e_7968_e5d1;

impl Entry {
    /// Size and alignment of what stands at the [`trampoline_address`](Self::trampoline_address).
    pub const TRAMPOLINE: Layout = Layout::new::<Trampoline>();

    /// The entry of these addresses, for a process that was told them as offsets; `None` if there
    /// is no trampoline at that address.
    ///
    /// # Safety
    /// * The trampoline's address is a multiple of the alignment of [`TRAMPOLINE`](Self::TRAMPOLINE),
    ///   and as many bytes as its size says can be read there for ever and never change.
    /// * If there is a trampoline, both addresses are those of one entry of this binary.
    pub unsafe fn at(function: usize, trampoline: usize) -> Option<Entry> {
        // SAFETY: the bytes are there by contract; any bytes are a `u64`.
        let magic = unsafe { ptr::with_exposed_provenance::<u64>(trampoline).read() };
        if magic != MAGIC {
            return None;
        }
        // SAFETY: what begins with the magic is a trampoline, which by contract stays as it is.
        let trampoline = unsafe { &*ptr::with_exposed_provenance::<Trampoline>(trampoline) };
        Some(Entry { function, trampoline })
    }

    /// The function's type, for messages: argument and result.
    pub fn name(&self) -> &'static str {
        (self.trampoline.name)()
    }

    /// The address of the function in this process.
    pub fn function_address(&self) -> usize {
        self.function
    }

    /// The address in this process of the constant that knows how to call the function.
    pub fn trampoline_address(&self) -> usize {
        ptr::from_ref(self.trampoline).expose_provenance()
    }

    /// Calls the function with an encoded argument and returns the encoded outcome, which
    /// [`Dispatched::complete_encoded`](crate::Dispatched::complete_encoded) understands. Never panics: a panic
    /// of the function, and an argument or result that cannot be coded, are in the outcome. Only the
    /// interrupt of a [`Layer`](manyhands_wait::Layer) around this call passes through, to whoever
    /// has opened that.
    pub fn call_encoded(&self, argument: &[u8]) -> Vec<u8> {
        self.call_encoded_with(argument, &mut Plain)
    }

    /// Like [`call_encoded`](Self::call_encoded), with these surroundings around the coding of the
    /// argument and the outcome; the function itself runs outside of them.
    pub fn call_encoded_with(
        &self,
        argument: &[u8],
        surroundings: &mut dyn Surroundings,
    ) -> Vec<u8> {
        (self.trampoline.call)(self.function, argument, surroundings)
    }

    /// Whether this is the outcome of a call that failed, as opposed to one with a result.
    pub fn is_failure(outcome: &[u8]) -> bool {
        // The wire form begins with the variant of a `Result`.
        outcome.first() != Some(&0)
    }

    /// The entry of a function that is called once.
    pub(crate) fn of_call<A: Portable, R: Portable>(f: fn(A) -> R) -> Entry {
        Entry { function: f as usize, trampoline: Once::<A, R>::TRAMPOLINE }
    }

    /// The entry of a function that is called for every element of a list.
    pub(crate) fn of_chunk<A: Portable, R: Portable>(f: fn(A) -> R) -> Entry {
        Entry { function: f as usize, trampoline: Each::<A, R>::TRAMPOLINE }
    }
}

/// Calls a function once.
struct Once<A, R>(PhantomData<fn(A) -> R>);

impl<A: Portable, R: Portable> Once<A, R> {
    const TRAMPOLINE: &'static Trampoline =
        &Trampoline { magic: MAGIC, call: call_once::<A, R>, name: type_name::<fn(A) -> R> };
}

/// Calls a function for each element of a list.
struct Each<A, R>(PhantomData<fn(A) -> R>);

impl<A: Portable, R: Portable> Each<A, R> {
    const TRAMPOLINE: &'static Trampoline =
        &Trampoline { magic: MAGIC, call: call_each::<A, R>, name: type_name::<fn(A) -> R> };
}

fn call_once<A: Portable, R: Portable>(
    function: usize,
    argument: &[u8],
    surroundings: &mut dyn Surroundings,
) -> Vec<u8> {
    let f = function_at::<A, R>(function);
    let outcome =
        decode_within::<A>(argument, surroundings).and_then(|argument| caught(|| f(argument)));
    encode_outcome(outcome, surroundings)
}

fn call_each<A: Portable, R: Portable>(
    function: usize,
    argument: &[u8],
    surroundings: &mut dyn Surroundings,
) -> Vec<u8> {
    let f = function_at::<A, R>(function);
    let outcome = decode_within::<Vec<A>>(argument, surroundings)
        .map(|arguments| WireChunk::from(Chunk::compute(arguments, CHECK_EVERY, f)));
    encode_outcome(outcome, surroundings)
}

/// Before how many elements of a list a cancellation is looked for.
const CHECK_EVERY: usize = 16;

fn function_at<A, R>(address: usize) -> fn(A) -> R {
    // SAFETY: the constructors of `Entry` are the only ones who pair an address with a trampoline,
    // and they take both from one `f: fn(A) -> R`, whose types the trampoline repeats.
    unsafe { std::mem::transmute::<usize, fn(A) -> R>(address) }
}

/// Calls `f`; a panic becomes an error. An interrupt is meant for a layer around the call.
fn caught<R>(f: impl FnOnce() -> R) -> Result<R, TaskError> {
    panic_capture::catch(f).map_err(|payload| {
        if Interrupt::is(&*payload) {
            resume_unwind(payload);
        }
        TaskError::panicked(payload, panic_capture::take_details())
    })
}

/// The encoded outcome of a task that has failed with this error, in the place of what
/// [`Entry::call_encoded`] returns: for workers that did not come to call.
pub fn encode_failure(error: &TaskError) -> Vec<u8> {
    // An error is numbers and text; encoding it cannot fail, an empty answer would be refused.
    encode(&Err::<(), _>(EncodedError::from(error))).unwrap_or_default()
}

/// What sort of failure an encoded outcome is; `None` for a value, and for what is not understood.
pub(crate) fn failure_of(outcome: &[u8]) -> Option<TaskErrorKind> {
    // The wire form of `Err`, and then of the error, whose kind comes first.
    let (1, rest) = outcome.split_first().map(|(variant, rest)| (*variant, rest))? else {
        return None;
    };
    postcard::take_from_bytes(rest).ok().map(|(kind, _)| kind)
}

/// Encodes an argument or a result. A panic of its `Serialize` is a failure like any other.
pub(crate) fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, TaskError> {
    code(|| postcard::to_stdvec(value)).map_err(|why| {
        let what = std::any::type_name::<T>();
        TaskError::new(TaskErrorKind::Codec, format!("a value of {what} was not encoded: {why}"))
    })
}

/// Decodes an argument or a result. A panic of its `Deserialize` is a failure like any other.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, TaskError> {
    code(|| postcard::from_bytes(bytes)).map_err(|why| {
        let what = std::any::type_name::<T>();
        let length = bytes.len();
        TaskError::new(
            TaskErrorKind::Codec,
            format!("{length} bytes were not understood as {what}: {why}"),
        )
    })
}

/// Runs coding, which calls code of the user's types; says in words why it failed.
fn code<T>(f: impl FnOnce() -> postcard::Result<T>) -> Result<T, String> {
    match panic_capture::catch(f) {
        Ok(coded) => coded.map_err(|error| error.to_string()),
        Err(payload) => {
            let panic = TaskError::panicked(payload, panic_capture::take_details());
            Err(format!("panicked: {}", panic.message()))
        }
    }
}

fn decode_within<T: DeserializeOwned>(
    bytes: &[u8],
    surroundings: &mut dyn Surroundings,
) -> Result<T, TaskError> {
    within(|f| surroundings.decoding(f), || decode(bytes))
        .unwrap_or_else(|| Err(not_coded()))
        .map_err(|error| explained(error, surroundings))
}

/// Encodes an argument or a result in these surroundings.
pub(crate) fn encode_within<T: Serialize>(
    value: &T,
    surroundings: &mut dyn Surroundings,
) -> Result<Vec<u8>, TaskError> {
    within(|f| surroundings.encoding(f), || encode(value))
        .unwrap_or_else(|| Err(not_coded()))
        .map_err(|error| explained(error, surroundings))
}

/// The error with what the surroundings know of it.
fn explained(error: TaskError, surroundings: &mut dyn Surroundings) -> TaskError {
    match surroundings.explain() {
        Some(why) => TaskError::new(error.kind(), format!("{}: {why}", error.message())),
        None => error,
    }
}

fn not_coded() -> TaskError {
    TaskError::new(TaskErrorKind::Codec, "the executor's surroundings did not run the coding")
}

/// The wire form of an outcome: `Result<R, EncodedError>`. The value is dropped here, after it was
/// encoded and outside of the surroundings; a panic of that is the panic hook's to report.
fn encode_outcome<R: Serialize>(
    outcome: Result<R, TaskError>,
    surroundings: &mut dyn Surroundings,
) -> Vec<u8> {
    let wire = match outcome {
        Ok(value) => {
            let wire = Ok::<_, EncodedError>(value);
            let encoded = encode_within(&wire, surroundings);
            drop_quietly(wire);
            encoded
        }
        Err(error) => Err(error),
    };
    wire.unwrap_or_else(|error| {
        // Within the surroundings too: what was collected for the value is not to be sent.
        within(|f| surroundings.encoding(f), || encode_failure(&error)).unwrap_or_default()
    })
}

pub(crate) fn decode_outcome<R: DeserializeOwned>(
    bytes: &[u8],
    surroundings: &mut dyn Surroundings,
) -> Result<R, TaskError> {
    decode_within::<WireOutcome<R>>(bytes, surroundings)?.0.map_err(TaskError::from)
}

/// The results of a list as they travel: values and errors apart, since errors are rare.
#[derive(Serialize, Deserialize)]
#[serde(bound(serialize = "R: Serialize", deserialize = "R: DeserializeOwned"))]
pub(crate) struct WireChunk<R> {
    values: Vec<R>,
    /// With their positions, ascending.
    errors: Vec<(usize, EncodedError)>,
    took_ns: u64,
}

impl<R> From<Chunk<R>> for WireChunk<R> {
    fn from(chunk: Chunk<R>) -> WireChunk<R> {
        let (values, errors) = chunk.results.into_parts();
        WireChunk {
            values,
            errors: errors.iter().map(|(at, error)| (*at, EncodedError::from(error))).collect(),
            took_ns: u64::try_from(chunk.took.as_nanos()).unwrap_or(u64::MAX),
        }
    }
}

impl<R> WireChunk<R> {
    /// The results, if they are those of a list.
    pub(crate) fn into_chunk(self) -> Result<Chunk<R>, TaskError> {
        let errors = self.errors.into_iter().map(|(at, error)| (at, TaskError::from(error)));
        let results = Results::from_parts(self.values, errors.collect()).ok_or_else(|| {
            TaskError::new(TaskErrorKind::Codec, "the places of errors in a list make no sense")
        })?;
        Ok(Chunk { results, took: Duration::from_nanos(self.took_ns) })
    }
}

#[derive(Deserialize)]
#[serde(bound = "R: DeserializeOwned", transparent)]
struct WireOutcome<R>(Result<R, EncodedError>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_seen_without_knowing_the_type() {
        let failure = TaskError::new(TaskErrorKind::Lost, "for a test");
        assert!(!Entry::is_failure(&encode_outcome(Ok(7_u64), &mut Plain)));
        assert!(!Entry::is_failure(&encode_outcome(Ok(()), &mut Plain)));
        let of_the_user = Ok(Err::<(), _>("the user's own"));
        assert!(!Entry::is_failure(&encode_outcome(of_the_user, &mut Plain)));
        assert!(Entry::is_failure(&encode_outcome::<u64>(Err(failure), &mut Plain)));
        assert!(Entry::is_failure(&[]), "no outcome is no result");
    }
}
