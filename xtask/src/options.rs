//! Reads the options of a command from the words that follow its name.

/// One option that a command understands.
pub(crate) struct OptionSpec {
    /// The option as it is typed, with its dashes.
    pub(crate) name: &'static str,
    /// The name of its value in the help, if it takes one; a value is a whole number from 1 up.
    pub(crate) value: Option<&'static str>,
    /// What it does.
    pub(crate) about: &'static str,
}

impl OptionSpec {
    /// The option with the name of its value, as the help shows it.
    pub(crate) fn usage(&self) -> String {
        match self.value {
            None => self.name.to_owned(),
            Some(value) => format!("{} {value}", self.name),
        }
    }
}

/// The options that were given.
#[derive(Debug, Default)]
pub(crate) struct Options {
    given: Vec<(&'static str, u32)>,
}

impl Options {
    /// Whether the option was given.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.count(name).is_some()
    }

    /// The number given with the option; the last one wins.
    pub(crate) fn count(&self, name: &str) -> Option<u32> {
        self.given.iter().rev().find(|(given, _)| *given == name).map(|(_, count)| *count)
    }
}

/// Reads `words` by `specs`; the error is a sentence about the word that does not fit.
pub(crate) fn parse(specs: &[OptionSpec], words: &[String]) -> Result<Options, String> {
    let mut options = Options::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let (name, attached) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word.as_str(), None),
        };
        let Some(spec) = specs.iter().find(|spec| spec.name == name) else {
            return Err(format!("{word:?} is not understood here"));
        };
        let count = match (spec.value, attached) {
            (None, None) => 1,
            (None, Some(_)) => return Err(format!("{name} takes no value")),
            (Some(value), _) => attached
                .or_else(|| words.next().map(String::as_str))
                .and_then(|text| text.parse().ok())
                .filter(|count| *count >= 1)
                .ok_or_else(|| {
                    format!("{name} needs a value: {value} is a whole number from 1 up")
                })?,
        };
        options.given.push((spec.name, count));
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPECS: &[OptionSpec] = &[
        OptionSpec { name: "--quick", value: None, about: "" },
        OptionSpec { name: "--stress", value: Some("N"), about: "" },
    ];

    fn parsed(line: &str) -> Result<Options, String> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        parse(SPECS, &words)
    }

    #[test]
    fn flags_and_counts_are_read_in_both_spellings() {
        let options = parsed("--stress 2 --quick --stress=7").expect("well formed");
        assert!(options.has("--quick"));
        assert_eq!(options.count("--stress"), Some(7));
        assert!(!parsed("").expect("well formed").has("--quick"));
    }

    #[test]
    fn words_that_do_not_fit_are_refused() {
        for line in ["fast", "--fast", "--quick=1", "--stress", "--stress 0", "--stress many"] {
            assert!(parsed(line).is_err(), "{line} was accepted");
        }
    }
}
