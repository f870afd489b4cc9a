//! What every example understands: `--scale FACTOR`, and for some a list of words.

use std::time::Duration;

use anyhow::{Context, bail};

/// The options of an example.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Options {
    scale: f64,
}

impl Options {
    /// Reads the arguments of this process; only `--scale FACTOR` may be among them.
    ///
    /// # Errors
    /// If there is anything else.
    pub fn parse() -> anyhow::Result<Options> {
        let (options, words) = Options::read(std::env::args().skip(1))?;
        match words.first() {
            None => Ok(options),
            Some(word) => bail!("unexpected argument {word:?}; there is only --scale FACTOR"),
        }
    }

    /// Reads the arguments of this process: `--scale FACTOR`, and words that the example explains.
    ///
    /// # Errors
    /// If there is another option.
    pub fn with_words() -> anyhow::Result<(Options, Vec<String>)> {
        Options::read(std::env::args().skip(1))
    }

    /// So many seconds of the original program, scaled.
    pub fn scaled(self, seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds * self.scale)
    }

    /// The factor by which times are multiplied. 1 is as in the original.
    pub fn scale(self) -> f64 {
        self.scale
    }

    fn read(mut arguments: impl Iterator<Item = String>) -> anyhow::Result<(Options, Vec<String>)> {
        let mut options = Options { scale: 1.0 };
        let mut words = Vec::new();
        while let Some(argument) = arguments.next() {
            let value = match argument.strip_prefix("--scale") {
                Some("") => arguments.next().context("--scale needs a factor, such as 0.1")?,
                Some(rest) if rest.starts_with('=') => rest[1..].to_owned(),
                _ if argument.starts_with("--") => bail!("there is no option {argument}"),
                _ => {
                    words.push(argument);
                    continue;
                }
            };
            options.scale = match value.parse::<f64>() {
                Ok(factor) if (0.0..=1000.0).contains(&factor) => factor,
                _ => bail!("--scale wants a factor from 0 to 1000, not {value:?}"),
            };
        }
        Ok((options, words))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> anyhow::Result<(Options, Vec<String>)> {
        Options::read(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn times_are_scaled() {
        assert_eq!(read("").unwrap().0.scaled(2.0), Duration::from_secs(2));
        assert_eq!(read("--scale 0.25").unwrap().0.scaled(2.0), Duration::from_millis(500));
        assert_eq!(read("--scale=0").unwrap().0.scaled(2.0), Duration::ZERO);
    }

    #[test]
    fn words_stand_anywhere() {
        let (options, words) = read("a --scale 2 b").unwrap();
        assert_eq!((options.scale(), words.join(" ")), (2.0, "a b".to_owned()));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for line in ["--scale", "--scale x", "--scale -1", "--scale inf", "--speed 2", "--scaled"] {
            assert!(read(line).is_err(), "{line}");
        }
    }
}
