//! A flag that contexts wait for.
