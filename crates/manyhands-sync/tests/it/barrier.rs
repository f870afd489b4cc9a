//! `barrier` from outside.
