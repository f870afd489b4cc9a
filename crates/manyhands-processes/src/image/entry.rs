//! Functions and their trampolines as offsets, and back.

use std::ops::Range;

use manyhands_executor::Entry;
use serde::{Deserialize, Serialize};

use super::ImageError;
use super::segments::Executable;

/// At how many bytes a function can begin.
const CODE_ALIGN: usize = if cfg!(any(target_arch = "x86_64", target_arch = "x86")) {
    1
} else if cfg!(any(target_arch = "riscv64", target_arch = "riscv32", target_arch = "s390x")) {
    2
} else {
    4
};

/// An [`Entry`] as it travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct EntryOffsets {
    function: u64,
    trampoline: u64,
}

impl EntryOffsets {
    /// The offsets of function and trampoline.
    pub(crate) fn to_raw(self) -> (u64, u64) {
        (self.function, self.trampoline)
    }

    /// The offsets that [`to_raw`](Self::to_raw) gave; others are found out by
    /// [`entry`](Self::entry).
    pub(crate) fn from_raw(function: u64, trampoline: u64) -> EntryOffsets {
        EntryOffsets { function, trampoline }
    }

    /// Where `entry` is, for another process of this binary.
    ///
    /// # Errors
    /// If the function or its trampoline is not in the executable but in a library, which other
    /// processes may have elsewhere.
    pub(crate) fn of(entry: &Entry) -> Result<EntryOffsets, ImageError> {
        let executable = Executable::of_this_process();
        let missing = |what: &str| {
            ImageError(format!(
                "{what} of {} is not in the program's executable but in a library that it loaded; \
                 only functions of the executable can be called in another process",
                entry.name()
            ))
        };
        let function = offset_of(entry.function_address()).map_err(|_| missing("the function"))?;
        let size = Entry::TRAMPOLINE.size();
        let trampoline = within(&executable.constant, entry.trampoline_address(), size)
            .ok_or_else(|| missing("the trampoline"))?;
        let trampoline = trampoline.wrapping_sub(executable.base) as u64;
        Ok(EntryOffsets { function, trampoline })
    }

    /// The entry in this process.
    ///
    /// # Errors
    /// If these are not the offsets of an entry.
    pub(crate) fn entry(self) -> Result<Entry, ImageError> {
        let function = address_of(self.function)?;
        let forged =
            || ImageError(format!("{:#x} is not the offset of a trampoline here", self.trampoline));
        let executable = Executable::of_this_process();
        let trampoline = address(self.trampoline)
            .filter(|at| at.is_multiple_of(Entry::TRAMPOLINE.align()))
            .and_then(|at| within(&executable.constant, at, Entry::TRAMPOLINE.size()))
            .ok_or_else(forged)?;
        // SAFETY: address and alignment were checked: the bytes are among the constants of the
        // executable. Who sends offsets was found to be the same binary when this process
        // started, and takes both from one entry; what else it may send is caught by the magic
        // unless somebody means harm who could make this process do anything anyway.
        unsafe { Entry::at(function, trampoline) }.ok_or_else(forged)
    }
}

/// The offset of code at this address of this process.
///
/// # Errors
/// If it is not in the executable's code.
fn offset_of(address: usize) -> Result<u64, ImageError> {
    let executable = Executable::of_this_process();
    match within(&executable.code, address, 1) {
        Some(address) => Ok(address.wrapping_sub(executable.base) as u64),
        None => Err(ImageError(format!("{address:#x} is not in the executable's code"))),
    }
}

/// The address in this process of code at this offset.
///
/// # Errors
/// If the offset does not lead into the executable's code, or to where no function can begin.
fn address_of(offset: u64) -> Result<usize, ImageError> {
    address(offset)
        .filter(|at| at.is_multiple_of(CODE_ALIGN))
        .and_then(|at| within(&Executable::of_this_process().code, at, 1))
        .ok_or_else(|| ImageError(format!("{offset:#x} is not the offset of a function here")))
}

fn address(offset: u64) -> Option<usize> {
    usize::try_from(offset).ok()?.checked_add(Executable::of_this_process().base)
}

/// `address`, if so many bytes there are in one of the ranges.
fn within(ranges: &[Range<usize>], address: usize, size: usize) -> Option<usize> {
    let end = address.checked_add(size)?;
    ranges.iter().any(|range| range.start <= address && end <= range.end).then_some(address)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use manyhands_executor::{Executor, ExecutorExt, Job, Rejected, Shutdown};

    use super::*;

    /// Takes the entry of a job.
    struct Taken(Mutex<Option<Entry>>);

    impl Executor for Taken {
        fn execute(&self, job: Job) -> Result<(), Rejected> {
            let dispatched = job.dispatch().unwrap();
            *self.0.lock().unwrap() = Some(dispatched.entry());
            dispatched.complete_encoded(&[0]);
            Ok(())
        }

        fn parallelism(&self) -> usize {
            1
        }

        fn shutdown(&self, _how: Shutdown) {}
    }

    fn some_function(_: ()) {}

    fn offsets() -> EntryOffsets {
        let taken = Taken(Mutex::new(None));
        drop(taken.submit(some_function, ()));
        let entry = taken.0.into_inner().unwrap().unwrap();
        EntryOffsets::of(&entry).unwrap()
    }

    #[test]
    fn an_entry_is_found_again_by_its_offsets() {
        let offsets = offsets();
        let entry = offsets.entry().unwrap();
        assert_eq!(entry.function_address(), some_function as fn(()) as usize);
        assert_eq!(EntryOffsets::of(&entry).unwrap(), offsets);
        let (function, trampoline) = offsets.to_raw();
        assert_eq!(EntryOffsets::from_raw(function, trampoline), offsets);
    }

    #[test]
    fn forged_offsets_are_errors() {
        static VARIABLE: u64 = 7;
        let real = offsets();
        let data = (&raw const VARIABLE).addr() - Executable::of_this_process().base;
        for function in [0, data as u64, u64::MAX, u64::MAX - 7, 1 << 47] {
            assert!(EntryOffsets { function, ..real }.entry().is_err(), "{function:#x}");
        }
        // All around the real one, and at every end of what can be read.
        let around = (1..200_u64).flat_map(|n| [real.trampoline - n, real.trampoline + n]);
        let executable = Executable::of_this_process();
        let ends = executable.readable.iter().flat_map(|range| {
            let (start, end) = (range.start - executable.base, range.end - executable.base);
            [start, end - 8, end - 1, end, end.wrapping_add(8)].map(|at| at as u64)
        });
        let beyond = [0, real.function, u64::MAX, u64::MAX - 7, 1 << 47];
        for trampoline in around.chain(ends).chain(beyond) {
            let forged = EntryOffsets { trampoline, ..real };
            match forged.entry() {
                Err(error) => assert!(error.to_string().contains("trampoline"), "{error}"),
                // Another real one may be near.
                Ok(entry) => assert!(entry.name().starts_with("fn("), "{trampoline:#x}"),
            }
        }
    }

    #[test]
    fn addresses_outside_of_the_code_have_no_offset() {
        let here = some_function as fn(()) as usize;
        assert_eq!(address_of(offset_of(here).unwrap()).unwrap(), here);
        assert!(offset_of(0).is_err());
        assert!(offset_of((&raw const here).addr()).is_err(), "a stack is no code");
        assert!(address_of(u64::MAX).is_err());
    }
}
