//! Figures as text: three significant digits, thousands and millions as `k` and `M`.

/// A figure of any size in at most five characters or so.
pub(crate) fn figure(value: f64) -> String {
    let size = value.abs();
    match size {
        _ if !value.is_finite() => "–".to_owned(),
        _ if size >= 999_500.0 => format!("{}M", digits(value / 1e6)),
        _ if size >= 9_995.0 => format!("{}k", digits(value / 1e3)),
        _ => digits(value),
    }
}

/// A ratio: two digits after the point, fewer if it is large.
pub(crate) fn ratio(value: f64) -> String {
    if value.abs() < 0.9995 { format!("{value:.2}") } else { figure(value) }
}

fn digits(value: f64) -> String {
    match value.abs() {
        size if size >= 99.95 => format!("{value:.0}"),
        size if size >= 9.995 => format!("{value:.1}"),
        size if size >= 0.9995 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{figure, ratio};

    #[test]
    fn figures_keep_three_digits() {
        for (value, text) in [
            (0.0, "0.000"),
            (0.0321, "0.032"),
            (0.65, "0.650"),
            (1.0, "1.00"),
            (52.31, "52.3"),
            (520.4, "520"),
            (9_994.0, "9994"),
            (40_123.0, "40.1k"),
            (999_900.0, "1.00M"),
            (2_812_345.0, "2.81M"),
            (f64::NAN, "–"),
        ] {
            assert_eq!(figure(value), text);
        }
    }

    #[test]
    fn ratios_are_short() {
        for (value, text) in [(0.3333, "0.33"), (0.9996, "1.00"), (2.557, "2.56"), (120.4, "120")] {
            assert_eq!(ratio(value), text);
        }
    }
}
