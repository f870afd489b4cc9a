//! A lock that many may hold to read, or one to write.
