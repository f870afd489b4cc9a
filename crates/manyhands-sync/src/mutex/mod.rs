//! A lock around a value.
