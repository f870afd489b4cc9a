//! This very binary: its identity, and functions in it as offsets that another process of it understands.
