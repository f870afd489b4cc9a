//! One row: a figure of ours, those of the rivals, and how they compare.

use std::cmp::Ordering;

/// Which way a figure is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Better {
    Higher,
    Lower,
}

impl Better {
    /// The better one of two figures first.
    pub(crate) fn order(self, a: f64, b: f64) -> Ordering {
        match self {
            Better::Higher => b.total_cmp(&a),
            Better::Lower => a.total_cmp(&b),
        }
    }

    /// As it stands in JSON.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Better::Higher => "higher",
            Better::Lower => "lower",
        }
    }

    /// How a figure has to stand to a bar.
    pub(crate) fn sign(self) -> &'static str {
        match self {
            Better::Higher => "≥",
            Better::Lower => "≤",
        }
    }

    fn reaches(self, figure: f64, bar: f64) -> bool {
        match self {
            Better::Higher => figure >= bar,
            Better::Lower => figure <= bar,
        }
    }
}

/// The figures of several rounds in short.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Spread {
    /// `None` without figures. The median of an even number of them is the mean of the middle two.
    pub(crate) fn of(figures: &[f64]) -> Option<Spread> {
        let mut sorted = figures.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let upper = sorted[sorted.len() / 2];
        let lower = sorted[(sorted.len() - 1) / 2];
        Some(Spread { median: f64::midpoint(lower, upper), min, max })
    }

    /// A figure that does not vary.
    pub(crate) fn constant(figure: f64) -> Spread {
        Spread { median: figure, min: figure, max: figure }
    }
}

/// One row of the report.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) suite: &'static str,
    pub(crate) case: &'static str,
    pub(crate) about: String,
    pub(crate) unit: &'static str,
    pub(crate) better: Better,
    pub(crate) ours: Spread,
    /// Those that count, the best first.
    pub(crate) rivals: Vec<(String, Spread)>,
    /// Those that are only shown, the best first.
    pub(crate) beside: Vec<(String, Spread)>,
    /// Those that could not be measured, and why.
    pub(crate) missing: Vec<(String, String)>,
    /// Ours divided by the best rival's; its spread is that of the single rounds.
    pub(crate) ratio: Option<Spread>,
    pub(crate) bar: Option<f64>,
}

impl Row {
    /// Whether the ratio reaches the bar; `None` without a bar or without a rival.
    pub(crate) fn met(&self) -> Option<bool> {
        Some(self.better.reaches(self.ratio?.median, self.bar?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_has_the_middle_and_both_ends() {
        let spread = Spread::of(&[5.0, 1.0, 2.0]).unwrap();
        assert_eq!(spread, Spread { median: 2.0, min: 1.0, max: 5.0 });
        assert_eq!(Spread::of(&[4.0, 1.0]).unwrap().median, 2.5);
        assert!(Spread::of(&[]).is_none());
    }

    #[test]
    fn a_bar_is_a_floor_or_a_ceiling() {
        assert!(Better::Higher.reaches(1.0, 1.0));
        assert!(!Better::Higher.reaches(0.9, 1.0));
        assert!(Better::Lower.reaches(1.0, 1.0));
        assert!(!Better::Lower.reaches(1.1, 1.0));
    }
}
