//! Being filled.

fn main() {}
