//! Values spelled as the programs print them that the examples follow.

/// `True` or `False`.
pub fn truth(value: bool) -> &'static str {
    if value { "True" } else { "False" }
}
