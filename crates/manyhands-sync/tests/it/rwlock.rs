//! `rwlock` from outside.
