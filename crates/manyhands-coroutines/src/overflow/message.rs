//! The message of an overflow, put together without allocating and written by one `write`.

use std::io::Write;

use super::Running;

/// Names longer than this are cut.
const NAME_BYTES_MAX: usize = 200;

/// Writes to standard error which coroutine has overflowed its stack.
pub(super) fn write(running: &Running) {
    let mut buffer = [0; 512];
    let length = compose(running, &mut buffer);
    let mut rest = &buffer[..length];
    while !rest.is_empty() {
        // SAFETY: the bytes are those of `rest`; `write` may be called in a handler.
        let written = unsafe { libc::write(libc::STDERR_FILENO, rest.as_ptr().cast(), rest.len()) };
        match usize::try_from(written) {
            Ok(written) if written > 0 => rest = &rest[written..],
            // Nobody listens; the process ends anyway.
            _ => return,
        }
    }
}

/// Composes the message in `buffer`; returns its length.
fn compose(running: &Running, buffer: &mut [u8]) -> usize {
    // SAFETY: the name is replaced by this thread alone, which is in here now, and by whole values.
    let name = unsafe { (*running.name.as_ptr()).as_deref() };
    let total = buffer.len();
    let mut rest = buffer;
    // Formatting integers and strings into a slice allocates nothing. What does not fit is cut.
    let _ = rest.write_all(b"\ncoroutine ");
    if let Some(name) = name {
        let end = name.floor_char_boundary(NAME_BYTES_MAX);
        let _ = write!(rest, "'{}' ", &name[..end]);
    }
    match (name, running.id.get()) {
        (_, 0) => {}
        (Some(_), id) => _ = write!(rest, "(#{id}) "),
        (None, id) => _ = write!(rest, "#{id} "),
    }
    let _ = writeln!(
        rest,
        "has overflowed its stack of {}; recurse less deeply, keep large values on the heap, or \
         give it a larger stack",
        running.size
    );
    total - rest.len()
}

#[cfg(test)]
mod tests {
    use super::{NAME_BYTES_MAX, Running, compose};
    use crate::stack::{Stack, StackSize};

    fn composed(id: u64, name: Option<&str>) -> String {
        let running = Running::new(&Stack::new(StackSize::DEFAULT).unwrap());
        running.set_id(id);
        running.set_name(name.map(Into::into));
        let mut buffer = [0; 512];
        let length = compose(&running, &mut buffer);
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    #[test]
    fn the_message_says_who_it_was_and_what_to_do() {
        assert_eq!(
            composed(17, Some("crawler")),
            "\ncoroutine 'crawler' (#17) has overflowed its stack of 256 KiB; recurse less deeply, \
             keep large values on the heap, or give it a larger stack\n"
        );
        assert!(composed(3, None).starts_with("\ncoroutine #3 has overflowed"));
        assert!(composed(0, None).starts_with("\ncoroutine has overflowed"));
        assert!(composed(0, Some("x")).starts_with("\ncoroutine 'x' has overflowed"));
    }

    #[test]
    fn long_names_are_cut_between_characters() {
        let text = composed(1, Some(&"é".repeat(300)));
        assert!(text.contains(&format!("'{}'", "é".repeat(NAME_BYTES_MAX / 2))), "{text}");
        assert!(text.ends_with("larger stack\n"));
    }
}
