//! `mutex` from outside.
