//! `queue` from outside.
