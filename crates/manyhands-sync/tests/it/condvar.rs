//! `condvar` from outside.
