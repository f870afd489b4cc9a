//! What comes out: rows, as a table for people or as JSON for machines.

mod figure;
mod json;
mod row;
mod table;

pub(crate) use json::line as json;
pub(crate) use row::{Better, Row, Spread};
pub(crate) use table::{details, table};
