//! Numbers for readers: seconds, bytes, shares.

/// Seconds with about three significant digits: `2.80 s`, `0.310 s`, `48.1 ms`.
pub(crate) fn seconds(value: f64) -> String {
    if value < 0.0995 {
        format!("{:.1} ms", value * 1e3)
    } else {
        format!("{} s", plain_seconds(value))
    }
}

/// Seconds without a unit, for a column of them: three decimals, fewer from a hundred on.
pub(crate) fn plain_seconds(value: f64) -> String {
    let decimals = if value < 99.95 { 3 } else { 1 };
    format!("{value:.decimals$}")
}

/// A range of seconds with one unit: `2.78–2.81 s`, `48.1–49.0 ms`.
pub(crate) fn seconds_range(from: f64, to: f64) -> String {
    if to < 0.0995 {
        format!("{:.1}–{:.1} ms", from * 1e3, to * 1e3)
    } else {
        format!("{}–{} s", plain_seconds(from), plain_seconds(to))
    }
}

/// Mebibytes without a unit, with one decimal.
pub(crate) fn plain_mebibytes(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / f64::from(1 << 20))
}

/// Mebibytes: `12.4 MiB`.
pub(crate) fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", plain_mebibytes(bytes))
}

/// A ratio: `9.0×`, `1.95×` below two.
pub(crate) fn times(ratio: f64) -> String {
    let decimals = if ratio < 1.995 { 2 } else { 1 };
    format!("{ratio:.decimals$}×")
}

/// A share as whole per cent: `99 %`. What is not quite nothing, or not quite all, is not shown as
/// that.
pub(crate) fn percent(share: f64) -> String {
    match share * 100.0 {
        small if small > 0.0 && small < 0.5 => "under 1 %".to_owned(),
        large if (99.5..100.0).contains(&large) => "over 99 %".to_owned(),
        value => format!("{value:.0} %"),
    }
}

/// Whether a word of a text is the unit of the number before it, which a line must not end between.
pub(crate) fn is_unit(word: &str) -> bool {
    matches!(word.trim_end_matches(['.', ',', ';', ':', ')']), "s" | "ms" | "MiB" | "%")
}

/// The text with every number bound to its unit by a blank that no line is broken at.
pub(crate) fn bind_units(text: &str) -> String {
    let mut bound = String::with_capacity(text.len() + 16);
    for word in text.split(' ') {
        if !bound.is_empty() {
            bound.push(if is_unit(word) { '\u{a0}' } else { ' ' });
        }
        bound.push_str(word);
    }
    bound
}

/// A count with its noun: `1 task`, `12 tasks`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_keep_about_three_digits() {
        assert_eq!(seconds(2.8014), "2.801 s");
        assert_eq!(seconds(0.0481), "48.1 ms");
        assert_eq!(seconds(0.1), "0.100 s");
        assert_eq!(plain_seconds(123.456), "123.5");
        assert_eq!(mebibytes(13_002_342), "12.4 MiB");
        assert_eq!(times(9.04), "9.0×");
        assert_eq!(times(1.954), "1.95×");
        assert_eq!(percent(0.987), "99 %");
        assert_eq!(percent(0.001), "under 1 %");
        assert_eq!((percent(0.0), percent(1.0)), ("0 %".into(), "100 %".into()));
        assert_eq!(percent(0.998), "over 99 %");
        assert_eq!(seconds_range(0.0481, 0.049), "48.1–49.0 ms");
        assert_eq!(seconds_range(0.05, 0.31), "0.050–0.310 s");
        assert_eq!(bind_units("took 2.8 s, as said"), "took 2.8\u{a0}s, as said");
        assert_eq!((count(1, "task"), count(12, "task")), ("1 task".into(), "12 tasks".into()));
    }
}
