//! tracing-mutex: std's mutex, and a graph of the orders in which locks were taken.

use std::sync::PoisonError;

use tracing_mutex::stdsync::tracing::Mutex;

use super::Lock;

pub(crate) const MUTEX: &str = "tracing-mutex";

impl Lock for Mutex<u64> {
    fn new() -> Self {
        Mutex::new(0)
    }

    fn add_one(&self) {
        *self.lock().unwrap_or_else(PoisonError::into_inner) += 1;
    }

    fn total(self) -> u64 {
        self.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}
