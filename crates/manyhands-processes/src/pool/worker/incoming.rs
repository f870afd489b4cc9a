//! An argument that comes in pieces.

use crate::pool::channel::{Request, Violation};

pub(super) struct Incoming {
    request: Request,
    argument: Vec<u8>,
}

/// More is reserved only as it comes.
const RESERVE_MAX: u64 = 64 * 1024 * 1024;

impl Incoming {
    pub(super) fn begin(request: Request, piece: &[u8]) -> Result<Incoming, Violation> {
        if piece.len() as u64 > request.total {
            return Err(Violation("the first piece of an argument is longer than all of it"));
        }
        let mut argument = Vec::with_capacity(request.total.min(RESERVE_MAX) as usize);
        argument.extend_from_slice(piece);
        Ok(Incoming { request, argument })
    }

    /// Adds a piece; true when that was the last one.
    pub(super) fn push(&mut self, number: u64, piece: &[u8]) -> Result<bool, Violation> {
        self.argument.extend_from_slice(piece);
        let length = self.argument.len() as u64;
        if number != self.request.number || length > self.request.total {
            return Err(Violation("a piece of an argument belongs to another one"));
        }
        Ok(length == self.request.total)
    }

    pub(super) fn into_parts(self) -> (Request, Vec<u8>) {
        (self.request, self.argument)
    }
}
