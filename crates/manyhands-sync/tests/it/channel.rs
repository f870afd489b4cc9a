//! `channel` from outside.
