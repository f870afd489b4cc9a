//! Permits that several may hold at a time.
