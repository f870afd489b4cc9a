//! The advice: which model suits a workload and why, from nothing but what was measured.
//!
//! The sequential run tells what kind of work it is: the CPU time in its wall is the share that
//! computes, the rest waits. The walls tell who is fastest. Models that are not measurably slower
//! than the fastest tie with it, and among those the cheapest in CPU time, then in memory, is
//! recommended. Where nothing gains anything worth having, sequential is.

use super::figures::Figures;
use super::sentences;

/// A speed-up below this is not worth another model.
const WORTHWHILE_SPEEDUP: f64 = 1.1;

/// Neither is a gain below this many seconds.
const WORTHWHILE_GAIN_S: f64 = 0.005;

/// CPU times that differ by less than this share, or by less than [`EQUAL_CPU_S`], are equal.
const EQUAL_SHARE: f64 = 0.10;

/// See [`EQUAL_SHARE`].
const EQUAL_CPU_S: f64 = 0.005;

/// What to use, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Advice {
    /// The recommended executor; none if nothing that was measured allows a recommendation.
    pub model: Option<String>,
    /// The reasons, with the figures, in whole sentences.
    pub why: String,
}

/// The reason why a model was chosen, which decides what is said about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// It is measurably faster than all others.
    Fastest,
    /// It ties with faster ones and is cheaper than they are.
    Cheapest,
    /// Nothing gains enough over it.
    NoGain,
    /// There is nothing to compare it with.
    Alone,
}

/// Advises on the measured models of one workload on a machine of `cores` cores.
pub(crate) fn advise(cores: usize, measured: &[Figures]) -> Advice {
    let fewest_failures = measured.iter().map(|figures| figures.failed).min();
    let usable: Vec<&Figures> = measured
        .iter()
        .filter(|figures| Some(figures.failed) == fewest_failures && figures.ok > 0)
        .collect();
    let Some((chosen, reason)) = choose(&usable) else {
        return Advice { model: None, why: sentences::nothing_usable(measured) };
    };
    let mut why = Vec::new();
    why.push(sentences::kind_of_work(sequential(&usable), cores));
    why.push(sentences::choice(chosen, reason, &usable));
    why.extend(sentences::ceiling(chosen, sequential(&usable), cores));
    why.extend(sentences::busy_cores(&usable, cores));
    why.extend(sentences::alternatives(chosen, reason, &usable));
    why.extend(sentences::isolation(chosen, &usable));
    why.extend(sentences::failures(measured, &usable));
    Advice { model: Some(chosen.model.clone()), why: why.join(" ") }
}

/// The run of the sequential executor, the yardstick.
pub(crate) fn sequential<'a>(models: &[&'a Figures]) -> Option<&'a Figures> {
    models.iter().copied().find(|figures| figures.model == "sequential")
}

/// Whether `a` spends measurably less CPU time than `b`.
pub(crate) fn spends_less_cpu(a: &Figures, b: &Figures) -> bool {
    b.cpu_s - a.cpu_s > EQUAL_CPU_S && a.cpu_s < b.cpu_s * (1.0 - EQUAL_SHARE)
}

/// Whether `a` needs measurably less memory than `b`.
pub(crate) fn needs_less_memory(a: &Figures, b: &Figures) -> bool {
    (a.peak_rss_bytes as f64) < b.peak_rss_bytes as f64 * (1.0 - EQUAL_SHARE)
}

fn choose<'a>(usable: &[&'a Figures]) -> Option<(&'a Figures, Reason)> {
    let fastest = *usable.iter().min_by(|a, b| a.wall.median.total_cmp(&b.wall.median))?;
    if usable.len() == 1 {
        return Some((fastest, Reason::Alone));
    }
    if let Some(baseline) = sequential(usable) {
        let gain_s = baseline.wall.median - fastest.wall.median;
        if gain_s < WORTHWHILE_GAIN_S
            || baseline.wall.median < fastest.wall.median * WORTHWHILE_SPEEDUP
        {
            return Some((baseline, Reason::NoGain));
        }
    }
    let cheapest = usable
        .iter()
        .copied()
        .filter(|figures| figures.wall.ties_with(fastest.wall))
        .reduce(|best, next| if is_cheaper(next, best) { next } else { best })?;
    let reason = if cheapest.model == fastest.model { Reason::Fastest } else { Reason::Cheapest };
    Some((cheapest, reason))
}

/// Less CPU time, or as much of it and less memory, or both equal and faster.
fn is_cheaper(a: &Figures, b: &Figures) -> bool {
    if spends_less_cpu(a, b) || spends_less_cpu(b, a) {
        return spends_less_cpu(a, b);
    }
    if needs_less_memory(a, b) || needs_less_memory(b, a) {
        return needs_less_memory(a, b);
    }
    a.wall.median < b.wall.median
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::figures::Spread;

    const MIB: u64 = 1 << 20;

    fn model(name: &str, wall_s: f64, cpu_s: f64, mebibytes: u64) -> Figures {
        Figures {
            model: name.to_owned(),
            wall: Spread { median: wall_s, min: wall_s * 0.99, max: wall_s * 1.01 },
            cpu_s,
            core_wait_s: 0.0,
            peak_rss_bytes: mebibytes * MIB,
            ok: 12,
            failed: 0,
            bytes: 0,
            speedup: None,
            concurrency: 1,
            concurrency_mean: 1.0,
        }
    }

    fn compared(mut models: Vec<Figures>) -> Advice {
        let baseline = models.iter().find(|figures| figures.model == "sequential").cloned();
        for figures in &mut models {
            figures.speedup = baseline.as_ref().map(|one| one.wall.median / figures.wall.median);
        }
        advise(2, &models)
    }

    fn says(advice: &Advice, parts: &[&str]) {
        for part in parts {
            assert!(advice.why.contains(part), "{part:?} is missing in: {}", advice.why);
        }
    }

    #[test]
    fn waiting_work_goes_to_the_model_that_overlaps_most() {
        let advice = compared(vec![
            model("sequential", 2.8, 0.02, 9),
            model("threads:5", 0.61, 0.03, 10),
            Figures { concurrency: 12, ..model("async", 0.31, 0.03, 11) },
        ]);
        assert_eq!(advice.model.as_deref(), Some("async"));
        says(&advice, &["waits 99 %", "1 % of 2 cores", "0.310 s", "9.0×", "12 tasks at once"]);
    }

    #[test]
    fn computing_work_goes_to_the_cores_and_names_the_ceiling() {
        let advice = compared(vec![
            model("sequential", 1.0, 0.99, 6),
            model("threads:2", 0.52, 1.0, 6),
            model("async", 0.80, 1.3, 9),
        ]);
        assert_eq!(advice.model.as_deref(), Some("threads:2"));
        says(&advice, &["computes 99 %", "50 % of 2 cores", "1.92×", "no model can pass 2.0×"]);
    }

    #[test]
    fn cores_that_others_use_are_named() {
        let advice = compared(vec![
            Figures { core_wait_s: 0.55, ..model("sequential", 1.22, 0.64, 6) },
            model("threads:2", 1.20, 0.64, 6),
        ]);
        assert_eq!(advice.model.as_deref(), Some("sequential"));
        says(&advice, &["computes 96 %", "threads of sequential waited 0.550 s"]);
        let parallel = compared(vec![
            model("sequential", 0.64, 0.64, 6),
            Figures { concurrency: 2, core_wait_s: 0.6, ..model("threads:2", 0.63, 0.64, 6) },
        ]);
        says(&parallel, &["threads of threads:2 waited 0.600 s"]);
        let in_its_own_way = compared(vec![
            model("sequential", 0.64, 0.64, 6),
            Figures { concurrency: 8, core_wait_s: 1.9, ..model("threads:8", 0.33, 0.64, 6) },
        ]);
        assert!(!in_its_own_way.why.contains("Something else"), "{}", in_its_own_way.why);
    }

    #[test]
    fn mixed_work_is_called_both() {
        let advice = compared(vec![
            model("sequential", 2.0, 1.0, 6),
            model("threads:8", 0.6, 1.0, 9),
            model("async", 0.9, 1.0, 9),
        ]);
        assert_eq!(advice.model.as_deref(), Some("threads:8"));
        says(&advice, &["computes 50 %", "waits 50 %", "async took 0.900 s"]);
    }

    #[test]
    fn what_processes_cost_and_give_is_told() {
        let advice = compared(vec![
            model("sequential", 1.0, 0.99, 6),
            model("threads:2", 0.52, 1.0, 6),
            model("processes:2", 0.54, 1.02, 19),
        ]);
        assert_eq!(advice.model.as_deref(), Some("threads:2"));
        says(
            &advice,
            &["not measurably", "needing 19.0 MiB", "In processes:2 a task that crashes"],
        );
        let distant = compared(vec![
            model("sequential", 1.0, 0.99, 6),
            model("threads:2", 0.52, 1.0, 6),
            model("async", 0.60, 1.0, 6),
            model("processes:2", 0.78, 1.02, 19),
        ]);
        says(&distant, &["async took", "processes:2 (0.780 s, 19.0 MiB) a task that crashes"]);
        let chosen = compared(vec![
            model("sequential", 1.0, 0.99, 6),
            model("threads:2", 0.9, 1.0, 6),
            model("processes:2", 0.54, 1.02, 19),
        ]);
        assert_eq!(chosen.model.as_deref(), Some("processes:2"));
        says(&chosen, &["In processes:2 a task that crashes"]);
        let without =
            compared(vec![model("sequential", 1.0, 0.99, 6), model("threads:2", 0.52, 1.0, 6)]);
        assert!(!without.why.contains("crashes"), "{}", without.why);
    }

    #[test]
    fn tiny_work_stays_sequential() {
        let advice = compared(vec![
            model("sequential", 0.004, 0.004, 6),
            model("threads:5", 0.002, 0.004, 7),
            model("async", 0.003, 0.005, 8),
        ]);
        assert_eq!(advice.model.as_deref(), Some("sequential"));
        says(&advice, &["saves 2.0 ms"]);
    }

    #[test]
    fn work_that_gains_nothing_stays_sequential() {
        let advice = compared(vec![
            model("sequential", 1.0, 0.99, 6),
            model("threads:1", 0.99, 0.99, 7),
            model("async:1", 1.2, 0.99, 8),
        ]);
        assert_eq!(advice.model.as_deref(), Some("sequential"));
        says(&advice, &["1.01×"]);
    }

    #[test]
    fn a_tie_goes_to_the_cheaper_in_cpu_and_says_so() {
        let advice = compared(vec![
            model("sequential", 2.8, 0.02, 9),
            model("threads:12", 0.305, 0.09, 14),
            model("async", 0.310, 0.03, 14),
        ]);
        assert_eq!(advice.model.as_deref(), Some("async"));
        says(&advice, &["threads:12", "not measurably", "90.0 ms of CPU"]);
    }

    #[test]
    fn a_tie_with_equal_cpu_goes_to_the_smaller() {
        let advice = compared(vec![
            model("sequential", 2.8, 0.02, 9),
            model("threads:12", 0.305, 0.030, 20),
            model("async", 0.310, 0.031, 11),
        ]);
        assert_eq!(advice.model.as_deref(), Some("async"));
        says(&advice, &["20.0 MiB"]);
    }

    #[test]
    fn overlapping_ranges_tie_but_one_outlier_does_not() {
        let wide = Spread { median: 0.30, min: 0.29, max: 0.36 };
        let tied = compared(vec![
            model("sequential", 2.8, 0.02, 9),
            Figures { wall: wide, ..model("threads:12", 0.30, 0.09, 14) },
            model("async", 0.34, 0.03, 14),
        ]);
        assert_eq!(tied.model.as_deref(), Some("async"));
        let outlier = Spread { median: 0.30, min: 0.29, max: 2.0 };
        let apart = compared(vec![
            model("sequential", 2.8, 0.02, 9),
            Figures { wall: outlier, ..model("threads:12", 0.30, 0.09, 14) },
            model("async", 0.60, 0.03, 14),
        ]);
        assert_eq!(apart.model.as_deref(), Some("threads:12"));
    }

    #[test]
    fn a_model_with_more_failures_than_others_is_left_out() {
        let advice = compared(vec![
            model("sequential", 2.8, 0.02, 9),
            model("threads:5", 0.6, 0.03, 10),
            Figures { ok: 4, failed: 8, ..model("async", 0.1, 0.03, 11) },
        ]);
        assert_eq!(advice.model.as_deref(), Some("threads:5"));
        says(&advice, &["async is left out: 8 of its 12 tasks failed"]);
    }

    #[test]
    fn equal_failures_are_noted_and_do_not_stop_the_advice() {
        let part = |figures| Figures { ok: 11, failed: 1, ..figures };
        let advice = compared(vec![
            part(model("sequential", 2.8, 0.02, 9)),
            part(model("async", 0.3, 0.03, 11)),
        ]);
        assert_eq!(advice.model.as_deref(), Some("async"));
        says(&advice, &["1 of 12 tasks failed under every model"]);
    }

    #[test]
    fn nothing_that_works_is_no_advice() {
        let broken = |figures| Figures { ok: 0, failed: 12, ..figures };
        let advice = compared(vec![broken(model("sequential", 0.1, 0.02, 9))]);
        assert_eq!(advice.model, None);
        says(&advice, &["No task succeeded"]);
        assert_eq!(advise(2, &[]).model, None);
    }

    #[test]
    fn without_a_sequential_run_it_says_what_is_missing() {
        let advice =
            compared(vec![model("threads:5", 0.6, 0.03, 10), model("async", 0.3, 0.03, 11)]);
        assert_eq!(advice.model.as_deref(), Some("async"));
        says(&advice, &["add sequential"]);
    }

    #[test]
    fn a_single_model_is_not_sold_as_a_choice() {
        let advice = compared(vec![model("sequential", 2.8, 0.02, 9)]);
        assert_eq!(advice.model.as_deref(), Some("sequential"));
        says(&advice, &["only model measured"]);
    }
}
