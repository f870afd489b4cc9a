//! Writing HTML: text from outside is escaped, positions are shares of a width.

use std::fmt;

/// Text as it may stand in an element or in a quoted attribute.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Escaped<'a>(pub &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                // What is no text has no place in a page.
                control if control.is_control() && control != '\n' => f.write_str("\u{fffd}")?,
                plain => fmt::Write::write_char(f, plain)?,
            }
        }
        Ok(())
    }
}

/// A share of a width, written as a percentage, so that drawings stretch and their text does not.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub(crate) struct Share(f64);

impl Share {
    /// The share that `value` is of `whole`, between nothing and all of it.
    pub(crate) fn of(value: f64, whole: f64) -> Share {
        Share(if whole > 0.0 { (value / whole).clamp(0.0, 1.0) } else { 0.0 })
    }

    /// As a number from 0 to 1.
    pub(crate) fn value(self) -> f64 {
        self.0
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}%", self.0 * 100.0)
    }
}

/// Round numbers from 0 up to `end`, about as many as `wanted`, for the ticks of an axis.
pub(crate) fn ticks(end: f64, wanted: usize) -> Vec<f64> {
    if !(end.is_finite() && end > 0.0) {
        return vec![0.0];
    }
    let rough = end / wanted as f64;
    let magnitude = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * magnitude)
        .find(|step| *step >= rough)
        .unwrap_or(10.0 * magnitude);
    (0..)
        .map(|position| f64::from(position) * step)
        .take_while(|tick| *tick <= end * 1.0001)
        .collect()
}

/// A tick's time: seconds, or milliseconds where all of the axis is short.
pub(crate) fn tick_label(tick: f64, end: f64) -> String {
    if tick == 0.0 {
        "0".to_owned()
    } else if end < 0.5 {
        format!("{} ms", trimmed(tick * 1e3))
    } else {
        format!("{} s", trimmed(tick))
    }
}

fn trimmed(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_outside_becomes_markup() {
        let text = Escaped("<script>alert('x' & \"y\")</script>\u{1b}[31m").to_string();
        assert_eq!(
            text,
            "&lt;script&gt;alert(&#39;x&#39; &amp; &quot;y&quot;)&lt;/script&gt;\u{fffd}[31m"
        );
    }

    #[test]
    fn shares_stay_inside() {
        assert_eq!(Share::of(1.0, 4.0).to_string(), "25.000%");
        assert_eq!(Share::of(5.0, 4.0).to_string(), "100.000%");
        assert_eq!(Share::of(5.0, 0.0).to_string(), "0.000%");
    }

    #[test]
    fn ticks_are_round_and_cover_the_axis() {
        assert_eq!(ticks(2.8, 6), [0.0, 0.5, 1.0, 1.5, 2.0, 2.5]);
        assert_eq!(ticks(0.0, 6), [0.0]);
        assert_eq!(ticks(10.0, 5), [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
        assert_eq!(tick_label(0.5, 2.8), "0.5 s");
        assert_eq!(tick_label(0.05, 0.3), "50 ms");
        assert_eq!(tick_label(0.0, 0.3), "0");
    }
}
