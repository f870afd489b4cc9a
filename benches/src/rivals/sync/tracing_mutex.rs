//! tracing-mutex: std's mutex, and a graph of the orders in which locks were taken.

use std::sync::PoisonError;

use tracing_mutex::stdsync::tracing::Mutex;

use super::is_lock;

pub(crate) const MUTEX: &str = "tracing-mutex";

is_lock!(Mutex<u64>, lock => lock.lock().unwrap_or_else(PoisonError::into_inner));
