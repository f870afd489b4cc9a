//! Functions that run on an object at its owner: constants in the binary, named by where they are.
//!
//! A function is a type without a value (a function item, or a closure that captures nothing), so one
//! constant per type says everything: how to decode the argument, call, and answer. Its distance from
//! where the executable begins means the same in every process of the binary. Who receives one checks
//! that it leads to something that can be read and that begins with the magic; the types are checked
//! against those of the object when it is called.

use std::any::type_name;
use std::marker::PhantomData;
use std::ptr;

use manyhands_executor::Portable;

use super::codec;
use super::frame::{Fds, Payload};
use crate::image::Executable;
use crate::manager::answer::{Answers, Asker, Sender};
use crate::manager::error::{ManagerError, ManagerErrorKind};
use crate::manager::object::{AnyObject, Object, State};

/// What stands in the binary for one function.
#[repr(C)]
pub(crate) struct Function {
    magic: [u64; 2],
    run: fn(&dyn AnyObject, Payload<'_>, Fds, Sender, &mut Answers),
    name: fn() -> &'static str,
}

/// A [`Function`] as plain numbers, to look at before it is known to be one.
#[repr(C)]
struct Words {
    magic: [u64; 2],
    code: [usize; 2],
}

const _: () = assert!(
    size_of::<Words>() == size_of::<Function>() && align_of::<Words>() == align_of::<Function>()
);

/// How a [`Function`] is told from everything else that an offset may lead to.
const MAGIC: [u64; 2] = [0x3c91_e07a_6d61_6e61, 0xb5f4_0d68_6765_7266];

impl Function {
    /// Calls it with an encoded argument. Whoever asked is told the result or why there is none.
    pub(crate) fn call(
        &self,
        object: &dyn AnyObject,
        argument: Payload<'_>,
        fds: Fds,
        sender: Sender,
        answers: &mut Answers,
    ) {
        (self.run)(object, argument, fds, sender, answers);
    }

    /// Where it is, for another process of this binary.
    ///
    /// # Errors
    /// If it is not in the executable but in a library, which others may have elsewhere.
    pub(crate) fn offset(&'static self) -> Result<u64, ManagerError> {
        let executable = Executable::of_this_process();
        let address = ptr::from_ref(self).expose_provenance();
        if is_readable(executable, address) {
            return Ok(address.wrapping_sub(executable.base) as u64);
        }
        let name = (self.name)();
        Err(ManagerError::new(
            ManagerErrorKind::Refused,
            format!(
                "{name} is not in the program's executable but in a library that it loaded; only \
                 functions of the executable can be called in another process"
            ),
        ))
    }

    /// The function at this offset, as another process says.
    ///
    /// # Errors
    /// If there is none.
    pub(crate) fn at(offset: u64) -> Result<&'static Function, ManagerError> {
        let executable = Executable::of_this_process();
        let found = usize::try_from(offset)
            .ok()
            .map(|offset| executable.base.wrapping_add(offset))
            .filter(|at| at.is_multiple_of(align_of::<Function>()))
            .filter(|&at| is_readable(executable, at))
            // SAFETY: so many bytes at this address, which is aligned, are in a segment of the
            // executable that can be read and is never unmapped; any bytes are numbers.
            .map(|at| (at, unsafe { ptr::with_exposed_provenance::<Words>(at).read() }))
            // The magic alone also stands where it is compared; no code begins behind it there.
            .filter(|(_, words)| words.magic == MAGIC)
            .filter(|(_, words)| words.code.iter().all(|&at| is_code(executable, at)))
            .map(|(at, _)| at);
        match found {
            // SAFETY: it begins with the magic, 128 bits that stand in the executable at the
            // beginning of constants of this type, and goes on with two addresses of code, as they
            // do; the address is aligned, and constants do not change.
            Some(at) => Ok(unsafe { &*ptr::with_exposed_provenance::<Function>(at) }),
            None => Err(ManagerError::new(
                ManagerErrorKind::Refused,
                format!("{offset:#x} is not the offset of a function of managed objects here"),
            )),
        }
    }
}

fn is_readable(executable: &Executable, address: usize) -> bool {
    let Some(end) = address.checked_add(size_of::<Function>()) else { return false };
    executable.readable.iter().any(|segment| segment.start <= address && end <= segment.end)
}

fn is_code(executable: &Executable, address: usize) -> bool {
    executable.code.iter().any(|segment| segment.contains(&address))
}

/// What runs on the state of an object: it answers at once, or keeps the asker in the state.
pub(crate) trait Deferred<S, A, R>:
    Fn(&mut S, A, Asker<R>, &mut Answers) + Copy + 'static
{
}

impl<S, A, R, F> Deferred<S, A, R> for F where
    F: Fn(&mut S, A, Asker<R>, &mut Answers) + Copy + 'static
{
}

/// The constant of the function `F`, which must capture nothing.
pub(crate) fn function_of<S, A, R, F>(_: F) -> &'static Function
where
    S: State,
    A: Portable,
    R: Portable,
    F: Deferred<S, A, R>,
{
    Of::<S, A, R, F>::FUNCTION
}

type Types<S, A, R, F> = (fn(S), fn(A) -> R, F);

struct Of<S, A, R, F>(PhantomData<Types<S, A, R, F>>);

impl<S: State, A: Portable, R: Portable, F: Deferred<S, A, R>> Of<S, A, R, F> {
    const FUNCTION: &'static Function =
        &Function { magic: MAGIC, run: run::<S, A, R, F>, name: type_name::<F> };
}

fn run<S, A, R, F>(
    object: &dyn AnyObject,
    argument: Payload<'_>,
    fds: Fds,
    sender: Sender,
    answers: &mut Answers,
) where
    S: State,
    A: Portable,
    R: Portable,
    F: Deferred<S, A, R>,
{
    const {
        assert!(
            size_of::<F>() == 0,
            "a function for a managed object must capture nothing: name it, or write a closure \
             that uses only its arguments"
        );
    }
    let asker = Asker::remote(sender);
    let Some(object) = object.as_any().downcast_ref::<Object<S>>() else {
        let (what, name) = (type_name::<S>(), object.type_name());
        let message = format!("a function for {what} was called on {name}");
        return asker.fail(ManagerError::new(ManagerErrorKind::Refused, message), answers);
    };
    let argument = match codec::decode_with::<A>(argument, fds) {
        Ok(argument) => argument,
        Err(error) => return asker.fail(error, answers),
    };
    // SAFETY: the type has no size (asserted above), so that a reference to it needs no memory, only
    // an aligned pointer; and it has a value, since `function_of` was given one by the caller whose
    // code named this constant.
    let f = unsafe { ptr::NonNull::<F>::dangling().as_ref() };
    object.run(asker, answers, |state, asker, answers| f(state, argument, asker, answers));
}

#[cfg(test)]
#[path = "function_tests.rs"]
mod tests;
