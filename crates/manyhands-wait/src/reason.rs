//! Why a context waits: a text that a dump shows, unique to the kind of wait.

use std::fmt;

/// The kind of a wait, such as `"result of a task"`. Declare one `static` per kind of wait, so that
/// a dump tells them apart.
///
/// ```
/// use manyhands_wait::Reason;
///
/// static REPLY: Reason = Reason::new("reply from the printer");
/// assert_eq!(REPLY.to_string(), "reply from the printer");
/// ```
#[derive(Debug, PartialEq, Eq)]
pub struct Reason {
    text: &'static str,
}

impl Reason {
    /// A reason with this text: a short noun phrase, lower case, without a full stop.
    pub const fn new(text: &'static str) -> Reason {
        Reason { text }
    }

    /// The text.
    pub const fn text(&self) -> &'static str {
        self.text
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}
