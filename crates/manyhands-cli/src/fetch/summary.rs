//! The last lines: how many, how much, how fast, and what went wrong.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use super::record::{Record, size};
use crate::units::{count, seconds};

/// How many reasons of failures are told apart; there are not many in the nature of things, but
/// servers choose their statuses.
const REASONS: usize = 50;
/// How many of them are shown.
const SHOWN: usize = 10;
/// The longest time that is told from longer ones, in microseconds: a month.
const LONGEST: u64 = 31 * 24 * 3600 * 1_000_000;
/// How exact the times are kept: three digits.
const DIGITS: u8 = 3;

/// Counts records. Its size does not depend on how many there are.
#[derive(Debug)]
pub(crate) struct Summary {
    started: Instant,
    fetched: u64,
    failed: u64,
    bytes: u64,
    /// Of what was fetched, in microseconds.
    times: Histogram<u64>,
    reasons: BTreeMap<String, Reason>,
}

#[derive(Debug)]
struct Reason {
    count: u64,
    example: String,
}

impl Summary {
    /// Begins to count.
    pub(crate) fn new() -> Summary {
        Summary {
            started: Instant::now(),
            fetched: 0,
            failed: 0,
            bytes: 0,
            times: Histogram::new(DIGITS).expect("three digits are allowed"),
            reasons: BTreeMap::new(),
        }
    }

    /// Counts one.
    pub(crate) fn count(&mut self, record: &Record) {
        self.bytes += record.bytes;
        if record.is_fine() {
            self.fetched += 1;
            let micros = u64::try_from(record.elapsed.as_micros()).unwrap_or(u64::MAX);
            // It grows to what it has to hold, and is refused only what is beyond 64 bits.
            let _ = self.times.record(micros.min(LONGEST));
            return;
        }
        self.failed += 1;
        let mut reason = record.reason.clone().unwrap_or_else(|| "other".to_owned());
        if self.reasons.len() >= REASONS && !self.reasons.contains_key(&reason) {
            "other".clone_into(&mut reason);
        }
        let example = || Reason { count: 0, example: record.url.clone() };
        self.reasons.entry(reason).or_insert_with(example).count += 1;
    }

    /// How many were fetched.
    pub(crate) fn fetched(&self) -> u64 {
        self.fetched
    }

    /// How many failed.
    pub(crate) fn failed(&self) -> u64 {
        self.failed
    }

    /// How many bytes came.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The summary as lines, every one ended. `given_up` requests were under way when the command
    /// was interrupted.
    pub(crate) fn text(&self, given_up: usize) -> String {
        let elapsed = self.started.elapsed();
        let all = self.fetched + self.failed;
        let mut text = format!(
            "{} of {} fetched, {} in {} ({:.0} a second)",
            self.fetched,
            count(usize::try_from(all).unwrap_or(usize::MAX), "URL"),
            size(self.bytes),
            seconds(elapsed.as_secs_f64()),
            rate(all, elapsed),
        );
        if given_up > 0 {
            // Infallible, as all writing to a String.
            let _ = write!(text, "; interrupted with {given_up} under way");
        }
        text.push('\n');
        if self.fetched > 0 {
            let _ = writeln!(
                text,
                "time for one: p50 {}, p90 {}, p99 {}, max {}",
                self.percentile(50.0),
                self.percentile(90.0),
                self.percentile(99.0),
                self.percentile(100.0),
            );
        }
        let mut reasons: Vec<_> = self.reasons.iter().collect();
        reasons.sort_by_key(|(_, reason)| std::cmp::Reverse(reason.count));
        for (name, Reason { count, example }) in reasons.iter().take(SHOWN) {
            let _ = writeln!(text, "failed: {count} × {name}, the first {example}");
        }
        if let Some(more) = reasons.len().checked_sub(SHOWN).filter(|more| *more > 0) {
            let _ = writeln!(text, "failed: for {} more", self::count(more, "reason"));
        }
        text
    }

    fn percentile(&self, percent: f64) -> String {
        seconds(self.times.value_at_percentile(percent) as f64 / 1e6)
    }
}

/// How many a second.
pub(crate) fn rate(number: u64, time: Duration) -> f64 {
    number as f64 / time.as_secs_f64().max(1e-6)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fetched(millis: u64) -> Record {
        Record {
            url: format!("http://a.example/{millis}"),
            status: Some(200),
            bytes: 10,
            elapsed: Duration::from_millis(millis),
            attempts: 1,
            path: None,
            error: None,
            reason: None,
        }
    }

    #[test]
    fn percentiles_and_reasons_are_told() {
        let mut summary = Summary::new();
        (1..=1000).for_each(|millis| summary.count(&fetched(millis)));
        for number in 0..3 {
            let url = format!("http://b.example/{number}");
            summary.count(&Record::not_tried(url, "why".into(), "status 404"));
        }
        summary.count(&Record::not_tried("x".into(), "why".into(), "not a URL"));
        let text = summary.text(0);
        assert!(text.starts_with("1000 of 1004 URLs fetched, 9.8 KiB in "), "{text}");
        assert!(text.contains("p50 0.500 s, p90 0.900 s, p99 0.990 s, max 1.0"), "{text}");
        let many = text.find("failed: 3 × status 404, the first http://b.example/0").expect(&text);
        let one = text.find("failed: 1 × not a URL, the first x").expect(&text);
        assert!(many < one, "{text}");
        assert!(summary.text(7).contains("interrupted with 7 under way"));
    }

    #[test]
    fn reasons_without_end_are_not_kept_without_end() {
        let mut summary = Summary::new();
        for number in 0..10_000 {
            summary.count(&Record::not_tried("x".into(), "y".into(), &format!("r{number}")));
        }
        assert!(summary.reasons.len() <= REASONS + 1);
        assert_eq!(summary.failed(), 10_000);
        assert!(summary.text(0).lines().count() < 20);
    }
}
