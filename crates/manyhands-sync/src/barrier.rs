//! A place where contexts wait for each other.
