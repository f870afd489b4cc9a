//! Where the executable lies in this process: its base, its segments and its build id.

use std::ffi::{c_int, c_void};
use std::ops::Range;
use std::slice;
use std::sync::OnceLock;

/// The executable as the loader mapped it.
#[derive(Debug, Default)]
pub(crate) struct Executable {
    /// What is added to the addresses in the file.
    pub(crate) base: usize,
    /// Segments with code.
    pub(crate) code: Vec<Range<usize>>,
    /// Segments that can be read, those with code among them.
    pub(crate) readable: Vec<Range<usize>>,
    /// Where constants are, and nothing that is ever written.
    pub(crate) constant: Vec<Range<usize>>,
    /// Whether the loader has made constants with addresses in them unwritable.
    has_relro: bool,
    /// The note by which the linker identifies the file, where it was told to write one.
    pub(crate) build_id: Option<Vec<u8>>,
}

impl Executable {
    /// The executable of this process; it does not move.
    pub(crate) fn of_this_process() -> &'static Executable {
        static EXECUTABLE: OnceLock<Executable> = OnceLock::new();
        EXECUTABLE.get_or_init(|| {
            let mut found = Executable::default();
            // SAFETY: `visit` has the type that is asked for, does not unwind, and gets a pointer
            // to `found`, which outlives the call.
            unsafe { libc::dl_iterate_phdr(Some(visit), (&raw mut found).cast()) };
            if !found.has_relro {
                // Constants with addresses in them are among the variables then.
                found.constant.clone_from(&found.readable);
            }
            found
        })
    }
}

/// Looks at the first object, which is the executable, and ends the iteration.
extern "C" fn visit(info: *mut libc::dl_phdr_info, _size: usize, found: *mut c_void) -> c_int {
    // SAFETY: the loader hands over a description that is valid during the call, and
    // `of_this_process` a pointer to an `Executable` that nobody else looks at.
    let (info, found) = unsafe { (&*info, &mut *found.cast::<Executable>()) };
    let base = usize::try_from(info.dlpi_addr).unwrap_or(0);
    found.base = base;
    // SAFETY: the description says how many headers there are and where.
    let headers = unsafe { slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum)) };
    for header in headers {
        let address = usize::try_from(header.p_vaddr).ok().and_then(|at| base.checked_add(at));
        let length = usize::try_from(header.p_memsz).ok();
        let (Some(start), Some(length)) = (address, length) else { continue };
        let range = start..start.saturating_add(length);
        match header.p_type {
            libc::PT_LOAD => {
                if header.p_flags & libc::PF_X != 0 {
                    found.code.push(range.clone());
                }
                if header.p_flags & libc::PF_R != 0 {
                    found.readable.push(range.clone());
                    if header.p_flags & libc::PF_W == 0 {
                        found.constant.push(range);
                    }
                }
            }
            libc::PT_GNU_RELRO => {
                found.has_relro = true;
                found.constant.push(range);
            }
            libc::PT_NOTE if found.build_id.is_none() => {
                // SAFETY: a note is part of a loaded segment that can be read and never changes.
                let notes = unsafe { slice::from_raw_parts(start as *const u8, length) };
                found.build_id = build_id(notes, usize::try_from(header.p_align).unwrap_or(4));
            }
            _ => {}
        }
    }
    1
}

/// The build id among these notes, if there is one.
fn build_id(mut notes: &[u8], align: usize) -> Option<Vec<u8>> {
    const BUILD_ID: u32 = 3;
    let align = if align == 8 { 8 } else { 4 };
    loop {
        let (name_length, rest) = number(notes)?;
        let (length, rest) = number(rest)?;
        let (kind, rest) = number(rest)?;
        let name = rest.get(..name_length)?;
        // Both parts are padded, counted from the beginning of the note.
        let header = 12;
        let at = (header + name_length).next_multiple_of(align);
        let end = at.checked_add(length)?;
        let description = notes.get(at..end)?;
        if kind == BUILD_ID as usize && name == b"GNU\0" && !description.is_empty() {
            return Some(description.to_vec());
        }
        notes = notes.get(end.next_multiple_of(align)..)?;
    }
}

fn number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (number, rest) = bytes.split_first_chunk::<4>()?;
    Some((usize::try_from(u32::from_ne_bytes(*number)).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(kind: u32, name: &[u8], description: &[u8], align: usize) -> Vec<u8> {
        let mut note = Vec::new();
        for number in [name.len() as u32, description.len() as u32, kind] {
            note.extend_from_slice(&number.to_ne_bytes());
        }
        note.extend_from_slice(name);
        note.resize(note.len().next_multiple_of(align), 0);
        note.extend_from_slice(description);
        note.resize(note.len().next_multiple_of(align), 0);
        note
    }

    #[test]
    fn the_build_id_is_found_behind_other_notes() {
        for align in [4, 8] {
            let mut notes = note(1, b"GNU\0", &[0; 16], align);
            notes.extend(note(3, b"Go\0\0", b"another", align));
            notes.extend(note(3, b"GNU\0", b"twenty bytes of this", align));
            assert_eq!(build_id(&notes, align).unwrap(), b"twenty bytes of this");
        }
    }

    #[test]
    fn notes_that_are_cut_short_or_lie_have_no_build_id() {
        let whole = note(3, b"GNU\0", b"twenty bytes of this", 4);
        for length in 0..whole.len() {
            assert_eq!(build_id(&whole[..length], 4), None);
        }
        assert_eq!(build_id(&[0xff; 64], 4), None);
        assert_eq!(build_id(&[], 4), None);
    }

    #[test]
    fn this_function_is_in_the_code_and_a_static_is_not() {
        static SOMEWHERE: u64 = 7;
        let executable = Executable::of_this_process();
        let contains = |ranges: &[Range<usize>], at| ranges.iter().any(|range| range.contains(&at));
        let function = this_function_is_in_the_code_and_a_static_is_not as fn() as usize;
        let data = (&raw const SOMEWHERE).addr();
        assert!(contains(&executable.code, function));
        assert!(!contains(&executable.code, data));
        assert!(contains(&executable.readable, data));
    }
}
