//! Interleaved repeats: in every round each contender has one turn, so that what disturbs the
//! machine disturbs all of them alike.

use anyhow::Context;

use crate::report::{Better, Row, Spread};

/// The name under which manyhands stands in a case.
pub(crate) const OURS: &str = "ours";

/// One turn of a contender: does the job once and returns its figures, one for each metric of the
/// case.
type Turn<'a> = Box<dyn FnMut() -> anyhow::Result<Vec<f64>> + 'a>;

/// Somebody who does the job of a case.
pub(crate) struct Contender<'a> {
    name: String,
    turn: Result<Turn<'a>, String>,
}

impl<'a> Contender<'a> {
    /// A contender that is there.
    pub(crate) fn new(
        name: impl Into<String>,
        turn: impl FnMut() -> anyhow::Result<Vec<f64>> + 'a,
    ) -> Contender<'a> {
        Contender { name: name.into(), turn: Ok(Box::new(turn)) }
    }

    /// Like [`new`](Self::new), for a case with one metric.
    pub(crate) fn single(
        name: impl Into<String>,
        mut turn: impl FnMut() -> anyhow::Result<f64> + 'a,
    ) -> Contender<'a> {
        Contender::new(name, move || Ok(vec![turn()?]))
    }

    /// A contender that is not installed, and why it is not here.
    pub(crate) fn missing(name: impl Into<String>, why: impl Into<String>) -> Contender<'a> {
        Contender { name: name.into(), turn: Err(why.into()) }
    }
}

/// A job that several contenders do, and the rows that come of it.
pub(crate) struct Case<'a> {
    pub(crate) rows: Vec<RowSpec>,
    /// One of them is called [`OURS`].
    pub(crate) contenders: Vec<Contender<'a>>,
}

/// One row: a metric of a case, and whom it is held against.
#[derive(Debug, Clone)]
pub(crate) struct RowSpec {
    pub(crate) name: &'static str,
    /// What is measured, in a few words.
    pub(crate) about: String,
    pub(crate) unit: &'static str,
    pub(crate) better: Better,
    /// Which of the figures of a turn.
    pub(crate) metric: usize,
    pub(crate) against: Against,
    /// What the ratio has to reach (more is better) or to stay within (less is better).
    pub(crate) bar: Option<f64>,
}

/// Whose figures count for the ratio; the others are shown beside them.
#[derive(Debug, Clone)]
pub(crate) enum Against {
    /// The best of all.
    Everybody,
    /// The best of all but these.
    AllBut(&'static [&'static str]),
    /// The best of these.
    Only(&'static [&'static str]),
    /// A fixed figure that could not be better, called "ideal".
    Ideal(f64),
}

impl Against {
    fn counts(&self, name: &str) -> bool {
        match self {
            Against::Everybody => true,
            Against::AllBut(names) => !names.contains(&name),
            Against::Only(names) => names.contains(&name),
            Against::Ideal(_) => false,
        }
    }
}

/// What a contender's turns came to: a list of figures for each round, or why there is none.
struct Record {
    name: String,
    rounds: Result<Vec<Vec<f64>>, String>,
}

impl Case<'_> {
    /// Keeps only ourselves.
    pub(crate) fn leave_rivals_out(&mut self) {
        self.contenders.retain(|one| one.name == OURS);
    }

    /// Measures the case in `repeats` rounds, and calls `before_turn` before each turn.
    ///
    /// # Errors
    /// When we cannot do the job ourselves. A rival that fails is recorded as missing.
    pub(crate) fn measure(
        self,
        suite: &'static str,
        repeats: usize,
        mut before_turn: impl FnMut(),
    ) -> anyhow::Result<Vec<Row>> {
        let Case { rows, mut contenders } = self;
        let mut records: Vec<Record> = contenders
            .iter()
            .map(|one| Record {
                name: one.name.clone(),
                rounds: one.turn.as_ref().map(|_| Vec::new()).map_err(Clone::clone),
            })
            .collect();
        for round in 0..repeats {
            // Another one begins each round, so that nobody always follows the same neighbour's mess.
            for step in 0..contenders.len() {
                let at = (round + step) % contenders.len();
                let (Ok(turn), Record { name, rounds }) =
                    (&mut contenders[at].turn, &mut records[at])
                else {
                    continue;
                };
                before_turn();
                match (turn(), rounds) {
                    (Ok(figures), Ok(rounds)) => rounds.push(figures),
                    (Err(error), _) if name == OURS => {
                        return Err(error).with_context(|| format!("{suite}: {}", rows[0].name));
                    }
                    (Err(error), rounds) => *rounds = Err(format!("{error:#}")),
                    (Ok(_), Err(_)) => {}
                }
            }
        }
        rows.iter().map(|spec| row(suite, spec, &records)).collect()
    }
}

fn row(suite: &'static str, spec: &RowSpec, records: &[Record]) -> anyhow::Result<Row> {
    let mut figures = Vec::new();
    let mut missing = Vec::new();
    for Record { name, rounds } in records {
        match rounds {
            Ok(rounds) => {
                // A contender may have fewer metrics than the case has.
                let of_metric: Vec<f64> =
                    rounds.iter().filter_map(|round| round.get(spec.metric)).copied().collect();
                if let Some(spread) = Spread::of(&of_metric) {
                    figures.push((name.clone(), of_metric, spread));
                }
            }
            Err(why) => missing.push((name.clone(), why.clone())),
        }
    }
    let ours = figures.iter().position(|(name, ..)| name == OURS);
    let (_, our_rounds, ours) =
        figures.swap_remove(ours.with_context(|| format!("nobody measured {}", spec.name))?);
    figures.sort_by(|(.., a), (.., b)| spec.better.order(a.median, b.median));

    let (mut rivals, beside): (Vec<_>, Vec<_>) =
        figures.into_iter().partition(|(name, ..)| spec.against.counts(name));
    if let Against::Ideal(ideal) = spec.against {
        let always = vec![ideal; our_rounds.len()];
        rivals.push(("ideal".to_owned(), always, Spread::constant(ideal)));
    }
    let ratio = rivals.first().map(|(_, their_rounds, theirs)| {
        let pairs = our_rounds.iter().zip(their_rounds);
        let by_round: Vec<f64> = pairs.map(|(ours, theirs)| ours / theirs).collect();
        let ratio = ours.median / theirs.median;
        Spread::of(&by_round)
            .map_or(Spread::constant(ratio), |spread| Spread { median: ratio, ..spread })
    });
    let without_rounds = |list: Vec<(String, Vec<f64>, Spread)>| {
        list.into_iter().map(|(name, _, spread)| (name, spread)).collect()
    };
    Ok(Row {
        suite,
        case: spec.name,
        about: spec.about.clone(),
        unit: spec.unit,
        better: spec.better,
        ours,
        rivals: without_rounds(rivals),
        beside: without_rounds(beside),
        missing,
        ratio,
        bar: spec.bar,
    })
}

/// The value below which `share` (0 to 1) of the values lie. Sorts them.
pub(crate) fn percentile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    let at = (last as f64 * share).round() as usize;
    values.get(at).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    fn spec(better: Better, against: Against, bar: f64) -> RowSpec {
        let (name, about, unit) = ("case", String::new(), "s");
        RowSpec { name, about, unit, better, metric: 0, against, bar: Some(bar) }
    }

    #[test]
    fn rounds_are_interleaved_and_rotate() {
        let log = RefCell::new(String::new());
        let contender = |name: &'static str| {
            let log = &log;
            Contender::single(name, move || {
                log.borrow_mut().push_str(&name[..1]);
                Ok(1.0)
            })
        };
        let case = Case {
            rows: vec![spec(Better::Lower, Against::Everybody, 1.0)],
            contenders: vec![contender(OURS), contender("a"), contender("b")],
        };
        case.measure("suite", 3, || {}).unwrap();
        assert_eq!(*log.borrow(), "oababoboa");
    }

    #[test]
    fn the_best_rival_that_counts_makes_the_ratio() {
        let fixed = |name, figure| Contender::single(name, move || Ok(figure));
        let contenders =
            || vec![fixed("slow", 4.0), fixed(OURS, 3.0), fixed("fast", 1.0), fixed("fair", 2.0)];
        for (better, against, ratio, met) in [
            (Better::Lower, Against::Everybody, 3.0, false),
            (Better::Lower, Against::AllBut(&["fast"]), 1.5, true),
            (Better::Higher, Against::Only(&["fair", "slow"]), 0.75, false),
            (Better::Lower, Against::Ideal(2.5), 1.2, true),
        ] {
            let rows = vec![spec(better, against, 1.5)];
            let row = Case { rows, contenders: contenders() }
                .measure("suite", 2, || {})
                .unwrap()
                .remove(0);
            assert_eq!(row.ratio.unwrap().median, ratio);
            assert_eq!(row.met(), Some(met));
        }
    }

    #[test]
    fn whoever_is_missing_or_fails_is_told() {
        let contenders = vec![
            Contender::single(OURS, || Ok(1.0)),
            Contender::missing("python", "not installed"),
            Contender::single("broken", || anyhow::bail!("no luck")),
        ];
        let rows = vec![spec(Better::Lower, Against::Everybody, 1.0)];
        let row = Case { rows, contenders }.measure("suite", 2, || {}).unwrap().remove(0);
        let names: Vec<&str> = row.missing.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["python", "broken"]);
        assert!(row.ratio.is_none());
        assert_eq!(row.met(), None);
    }

    #[test]
    fn percentiles_are_values() {
        let mut values: Vec<f64> = (0..=100).rev().map(f64::from).collect();
        assert_eq!(percentile(&mut values, 0.5), 50.0);
        assert_eq!(percentile(&mut values, 0.99), 99.0);
        assert!(percentile(&mut [], 0.5).is_nan());
    }
}
