//! Waiting for a condition of what a mutex guards.
