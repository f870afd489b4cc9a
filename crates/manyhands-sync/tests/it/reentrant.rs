//! `reentrant` from outside.
