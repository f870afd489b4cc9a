//! The benches work: every suite runs at small sizes and prints what machines read. No figure is
//! looked at.

mod shape;
