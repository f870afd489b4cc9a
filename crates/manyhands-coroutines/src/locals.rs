//! Values of one coroutine each.

use std::any::Any;
use std::collections::HashMap;

/// What a coroutine keeps under the addresses of its keys.
#[derive(Default)]
pub(crate) struct Locals {
    values: Option<HashMap<usize, Box<dyn Any>>>,
}

impl Locals {
    pub(crate) fn new() -> Locals {
        Locals { values: None }
    }

    pub(crate) fn is_used(&self) -> bool {
        self.values.is_some()
    }

    /// Drops them; a panic of a destructor was reported by the panic hook and goes no further.
    pub(crate) fn drop_quietly(self) {
        for value in self.values.into_iter().flat_map(HashMap::into_values) {
            let _reported = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(value)));
        }
    }
}
