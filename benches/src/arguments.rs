//! What the command line asks for.

use std::time::Duration;

use anyhow::{Context, bail};

/// How the program is called; the suites are listed after it.
pub(crate) const USAGE: &str = "\
Measures manyhands against its rivals in the same run and prints ratios.

Usage: cargo run --release -p benches -- SUITE [OPTIONS]

Options:
  --json         One JSON object per line instead of a table
  --filter TEXT  Only cases whose name contains TEXT
  --repeats N    Rounds in which every contender has one turn [default: 5, quick: 2]
  --when-idle N  Before each turn wait, for N seconds at most, until the machine is idle
  --alone        Leave the rivals out: for a profiler
  --quick        Small sizes: shows that everything works, says nothing about speed
  --help         This text

Rivals that are not installed are listed as missing; `cargo xtask bench-setup` installs
those in Python.
";

/// The word before the name of a part that this program plays as a child of itself.
pub(crate) const CHILD: &str = "child";

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    Help,
    /// Play this part as a process of its own; for this program itself.
    Child {
        part: String,
        words: Vec<String>,
    },
    Measure(Order),
}

/// A suite and how to run it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) suite: String,
    pub(crate) json: bool,
    pub(crate) filter: Option<String>,
    pub(crate) repeats: usize,
    /// For how long to wait for an idle machine before each turn.
    pub(crate) when_idle: Option<Duration>,
    /// Whether the rivals are left out.
    pub(crate) alone: bool,
    pub(crate) scale: Scale,
}

/// How large the cases are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scale {
    Full,
    /// Only to see that everything works.
    Quick,
}

impl Scale {
    /// The size for this scale.
    pub(crate) fn pick<T>(self, full: T, quick: T) -> T {
        match self {
            Scale::Full => full,
            Scale::Quick => quick,
        }
    }
}

impl Ask {
    /// # Errors
    /// When the words make no sense; says which.
    pub(crate) fn read(words: impl IntoIterator<Item = String>) -> anyhow::Result<Ask> {
        let mut words = words.into_iter();
        let mut suite = None;
        let (mut json, mut alone, mut scale) = (false, false, Scale::Full);
        let (mut filter, mut repeats, mut when_idle) = (None, None, None);
        while let Some(word) = words.next() {
            let mut value =
                || words.next().with_context(|| format!("{word} needs a value; see --help"));
            match word.as_str() {
                "--help" | "-h" => return Ok(Ask::Help),
                "--json" => json = true,
                "--alone" => alone = true,
                "--quick" => scale = Scale::Quick,
                "--filter" => filter = Some(value()?),
                "--repeats" => repeats = Some(positive(&value()?)?),
                "--when-idle" => when_idle = Some(Duration::from_secs(positive(&value()?)? as u64)),
                CHILD if suite.is_none() => {
                    return Ok(Ask::Child { part: value()?, words: words.collect() });
                }
                option if option.starts_with('-') => {
                    bail!("there is no option {option}; see --help")
                }
                _ if suite.is_some() => bail!("one suite at a time: {word} is one too many"),
                _ => suite = Some(word),
            }
        }
        let Some(suite) = suite else { return Ok(Ask::Help) };
        let repeats = repeats.unwrap_or(scale.pick(5, 2));
        Ok(Ask::Measure(Order { suite, json, filter, repeats, when_idle, alone, scale }))
    }
}

fn positive(text: &str) -> anyhow::Result<usize> {
    match text.parse() {
        Ok(number) if number > 0 => Ok(number),
        _ => bail!("{text:?} is not a number from 1"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> anyhow::Result<Ask> {
        Ask::read(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn an_order_is_read() {
        let order = Order {
            suite: "executors".to_owned(),
            json: true,
            filter: Some("map".to_owned()),
            repeats: 3,
            when_idle: Some(Duration::from_secs(9)),
            alone: false,
            scale: Scale::Full,
        };
        let line = "executors --json --filter map --repeats 3 --when-idle 9";
        assert_eq!(read(line).unwrap(), Ask::Measure(order.clone()));
        let quick = Order {
            repeats: 2,
            scale: Scale::Quick,
            when_idle: None,
            filter: None,
            json: false,
            alone: true,
            ..order
        };
        assert_eq!(read("--quick executors --alone").unwrap(), Ask::Measure(quick));
    }

    #[test]
    fn a_part_keeps_its_words() {
        let words = vec!["5".to_owned(), "--json".to_owned()];
        let ask = Ask::Child { part: "endless-map".to_owned(), words };
        assert_eq!(read("child endless-map 5 --json").unwrap(), ask);
    }

    #[test]
    fn nonsense_is_named() {
        for (line, part) in [
            ("executors --fast", "--fast"),
            ("executors http", "http"),
            ("executors --repeats 0", "\"0\""),
            ("executors --filter", "--filter"),
        ] {
            assert!(read(line).unwrap_err().to_string().contains(part), "{line}");
        }
        assert_eq!(read("").unwrap(), Ask::Help);
    }
}
