//! What goes over the line between a process and the one that started it: frames, the codec of what
//! is in them, and the functions that they name.

pub(crate) mod codec;
pub(crate) mod frame;
pub(crate) mod function;
