//! `Manager`: shared objects that live in one process and are called from its workers.
