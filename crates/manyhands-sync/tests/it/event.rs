//! `event` from outside.
