//! The environment variable by which a process learns that it was started as a worker.
//!
//! It carries what must be known before anything can be read from a socket. It is unset before any
//! code of the program runs, so that programs which a worker starts are not taken for workers.

use std::fmt;
use std::os::fd::RawFd;

/// The variable.
pub(super) const VARIABLE: &str = "MANYHANDS_WORKER";

/// Its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ticket {
    /// The control socket.
    pub(super) control: RawFd,
    /// How many processes have started one another up to this one; 1 for those that the program
    /// itself starts.
    pub(super) depth: u32,
    /// Where the process is taken over.
    pub(super) door: Door,
}

/// Where a process is taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Door {
    /// Before `main`.
    BeforeMain,
    /// In [`init`](crate::init), which `main` calls.
    Init,
}

impl Ticket {
    /// `None` if the text is none that a ticket has.
    pub(super) fn parse(text: &[u8]) -> Option<Ticket> {
        let text = std::str::from_utf8(text).ok()?;
        let mut words = text.split(' ');
        let (control, depth) = (words.next()?, words.next()?);
        let door = match words.next()? {
            "before-main" => Door::BeforeMain,
            "init" => Door::Init,
            _ => return None,
        };
        let control = control.parse().ok().filter(|fd: &RawFd| *fd >= 0)?;
        let depth = depth.parse().ok()?;
        words.next().is_none().then_some(Ticket { control, depth, door })
    }
}

impl fmt::Display for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let door = match self.door {
            Door::BeforeMain => "before-main",
            Door::Init => "init",
        };
        write!(f, "{} {} {door}", self.control, self.depth)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_read_as_it_was_written() {
        for door in [Door::BeforeMain, Door::Init] {
            let ticket = Ticket { control: 3, depth: 2, door };
            assert_eq!(Ticket::parse(ticket.to_string().as_bytes()), Some(ticket));
        }
    }

    #[test]
    fn anything_else_is_no_ticket() {
        for text in
            ["", "1", "3 1", "3 1 there", "-3 1 init", "3 1 init more", "3  1 init", "\u{e4}"]
        {
            assert_eq!(Ticket::parse(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(Ticket::parse(&[0xff, 0xfe]), None);
    }
}
