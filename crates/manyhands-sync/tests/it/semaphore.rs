//! `semaphore` from outside.
