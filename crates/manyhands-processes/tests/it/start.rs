//! Tests of `start`.
