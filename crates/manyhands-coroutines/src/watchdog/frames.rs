//! Where a coroutine is: addresses resolved into functions and lines.

use std::ffi::c_void;
use std::fmt;
use std::path::{Path, PathBuf};
use std::ptr;

/// Where a coroutine was when the watchdog asked, the innermost function first, without what the
/// hub itself has on the stack further out.
#[derive(Debug, Clone, Default)]
pub struct Backtrace {
    frames: Vec<Frame>,
}

/// One function in a [`Backtrace`]. Functions that were inlined have frames of their own.
#[derive(Debug, Clone)]
pub struct Frame {
    address: usize,
    function: Option<String>,
    file: Option<PathBuf>,
    line: Option<u32>,
}

/// Functions with these in their names are on the hub's way to the coroutine's function.
const ON_THE_WAY: [&str; 6] = [
    "manyhands_executor::",
    "manyhands_coroutines::hub::",
    "corosensei::",
    "core::ops::function::",
    "std::panic",
    "__rust_try",
];

/// So are those in these crates: what was inlined has no path in its name.
const CRATES: [&str; 3] = ["manyhands-executor", "manyhands-wait", "manyhands-coroutines"];

/// The outermost function that belongs to the hub, by which a backtrace is known to be whole.
const OUTERMOST: &str = "manyhands_executor::";

impl Backtrace {
    /// The functions, the innermost first. Empty if none was taken.
    pub fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// Resolves what a handler has written down: return addresses that begin in the handler, and the
    /// interrupted instruction.
    pub(super) fn resolve(addresses: &[usize], at: usize) -> Backtrace {
        let mut frames = Vec::new();
        let interrupted = addresses.iter().position(|address| *address == at);
        let outer = match interrupted {
            Some(position) => &addresses[position + 1..],
            // The library could not look past the signal, or the processor is not known here.
            None if at != 0 => &[],
            None => addresses,
        };
        if at != 0 {
            // It is taken for a return address, which is looked up as the instruction before it.
            Frame::resolve(at + 1, &mut frames);
        }
        outer.iter().for_each(|address| Frame::resolve(*address, &mut frames));
        cut(&mut frames);
        Backtrace { frames }
    }
}

/// Takes off what lies outside the coroutine's function.
fn cut(frames: &mut Vec<Frame>) {
    let is_whole = |frame: &Frame| frame.has(&[OUTERMOST]);
    let Some(end) = frames.iter().rposition(is_whole) else { return };
    let is_own = |frame: &Frame| !frame.has(&ON_THE_WAY) && !frame.is_in_library();
    let kept = frames[..end].iter().rposition(is_own).map_or(0, |last| last + 1);
    if kept > 0 {
        frames.truncate(kept);
    }
}

impl Frame {
    fn resolve(address: usize, frames: &mut Vec<Frame>) {
        let before = frames.len();
        let pointer: *mut c_void = ptr::without_provenance_mut(address);
        backtrace::resolve(pointer, |symbol| {
            frames.push(Frame {
                address,
                function: symbol.name().map(|name| format!("{name:#}")),
                file: symbol.filename().map(Path::to_path_buf),
                line: symbol.lineno(),
            });
        });
        if frames.len() == before {
            frames.push(Frame { address, function: None, file: None, line: None });
        }
    }

    fn has(&self, names: &[&str]) -> bool {
        let function = self.function.as_deref().unwrap_or_default();
        names.iter().any(|name| function.contains(name))
    }

    /// Whether its file is in the sources of one of our crates, with or without a version behind the
    /// crate's name.
    fn is_in_library(&self) -> bool {
        let Some(file) = &self.file else { return false };
        let names: Vec<_> = file.iter().filter_map(|part| part.to_str()).collect();
        let is_ours = |name: &str| CRATES.iter().any(|ours| name.starts_with(ours));
        names.windows(2).any(|pair| is_ours(pair[0]) && pair[1] == "src")
    }

    /// The address after the call that is under way.
    pub fn address(&self) -> usize {
        self.address
    }

    /// The function with its path, if the program has symbols.
    pub fn function(&self) -> Option<&str> {
        self.function.as_deref()
    }

    /// The file, if the program has line tables.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// The line, from 1, if the program has line tables.
    pub fn line(&self) -> Option<u32> {
        self.line
    }
}

/// As the standard library prints backtraces.
impl fmt::Display for Backtrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, frame) in self.frames.iter().enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{number:>4}: {frame}")?;
        }
        Ok(())
    }
}

/// The function, and on a second line the place.
impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.function {
            Some(function) => f.write_str(function)?,
            None => write!(f, "{:#x}", self.address)?,
        }
        if let Some(file) = &self.file {
            write!(f, "\n             at {}", file.display())?;
            if let Some(line) = self.line {
                write!(f, ":{line}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Backtrace, Frame, cut};

    fn frame(function: &str, file: &str) -> Frame {
        let function = Some(function.to_owned()).filter(|name| !name.is_empty());
        let file = Some(file.into()).filter(|_| !file.is_empty());
        Frame { address: 0x1234, function, file, line: Some(7) }
    }

    #[test]
    fn what_the_hub_has_on_the_stack_is_cut_off() {
        let mut frames = vec![
            frame("read", ""),
            frame("core::ops::function::FnOnce::call_once", ""),
            frame("program::fetch", "/program/src/main.rs"),
            frame("enter<()>", "/registry/manyhands-wait-0.1.0/src/layer.rs"),
            frame("std::panicking::catch_unwind", ""),
            frame("manyhands_executor::task::run", ""),
            frame("", ""),
        ];
        cut(&mut frames);
        assert_eq!(frames.len(), 3);
        assert_eq!(frames[2].function(), Some("program::fetch"));
    }

    #[test]
    fn nothing_is_cut_off_where_the_hub_is_not_recognised() {
        let mut frames = vec![frame("program::fetch", ""), frame("", "")];
        cut(&mut frames);
        assert_eq!(frames.len(), 2);
        // Nor if nothing would be left.
        let mut frames = vec![frame("std::panicking::x", ""), frame("manyhands_executor::y", "")];
        cut(&mut frames);
        assert_eq!(frames.len(), 2);
    }

    #[test]
    fn it_is_printed_as_usual() {
        let frames = vec![frame("", ""), frame("program::fetch", "/program/src/main.rs")];
        assert_eq!(
            Backtrace { frames }.to_string(),
            "   0: 0x1234\n   1: program::fetch\n             at /program/src/main.rs:7"
        );
    }

    #[test]
    fn without_the_frames_beyond_the_signal_there_is_the_interrupted_one() {
        let at = cut as fn(&mut Vec<Frame>) as usize;
        let backtrace = Backtrace::resolve(&[1, 2, 3], at);
        let names: Vec<_> = backtrace.frames().iter().filter_map(Frame::function).collect();
        assert!(names.iter().any(|name| name.contains("cut")), "{names:?}");
        assert!(backtrace.frames().iter().all(|frame| frame.address() == at + 1));
    }
}
