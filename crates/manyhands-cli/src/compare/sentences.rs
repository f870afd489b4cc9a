//! The words of the advice: each function makes one or two sentences out of figures.

use super::advice::{Reason, needs_less_memory, spends_less_cpu};
use super::figures::Figures;
use crate::units::{count, mebibytes, percent, seconds, times};

/// From this waiting share on, work counts as waiting; below its complement as computing.
const MOSTLY: f64 = 0.75;

/// From this share of the time of its threads on, a model's wait for a core is worth a word.
const BUSY: f64 = 0.1;

/// How much computing there must be for the number of cores to be a limit worth naming.
const BOUND_BY_CORES: f64 = 0.5;

/// What kind of work it is, from the sequential run.
pub(crate) fn kind_of_work(baseline: Option<&Figures>, cores: usize) -> String {
    let Some(baseline) = baseline else {
        return "How much of this work waits and how much computes is not known: add sequential to \
                the models."
            .to_owned();
    };
    let waiting = baseline.waiting_share();
    let figures = format!(
        "{} of CPU in {}, {} of {}",
        seconds(baseline.cpu_s),
        seconds(baseline.wall.median),
        percent(baseline.cpu_share(cores)),
        count(cores, "core"),
    );
    if waiting >= MOSTLY {
        format!(
            "One task at a time, this work waits {} of the time ({figures}): what counts is how \
             many waits overlap.",
            percent(waiting),
        )
    } else if waiting <= 1.0 - MOSTLY {
        format!(
            "One task at a time, this work computes {} of the time ({figures}): what counts is how \
             many cores compute.",
            percent(1.0 - waiting),
        )
    } else {
        format!(
            "One task at a time, this work computes {} and waits {} of the time ({figures}): waits \
             have to overlap and every core has to compute.",
            percent(1.0 - waiting),
            percent(waiting),
        )
    }
}

/// Which model is recommended, with its figures.
pub(crate) fn choice(chosen: &Figures, reason: Reason, usable: &[&Figures]) -> String {
    let model = &chosen.model;
    match reason {
        Reason::Alone => format!("{model} is the only model measured: {}.", figures_of(chosen)),
        Reason::NoGain => no_gain(chosen, usable),
        Reason::Fastest => format!("{model} is the fastest: {}.", figures_of(chosen)),
        Reason::Cheapest => {
            format!("{model} is as fast as any and the cheapest of those: {}.", figures_of(chosen))
        }
    }
}

/// What the number of cores allows, where computing is what limits.
pub(crate) fn ceiling(
    chosen: &Figures,
    baseline: Option<&Figures>,
    cores: usize,
) -> Option<String> {
    let baseline = baseline.filter(|baseline| baseline.model != chosen.model)?;
    let computing = 1.0 - baseline.waiting_share();
    (computing >= BOUND_BY_CORES).then(|| {
        format!(
            "With {} of CPU to be done on {}, no model can pass {}.",
            seconds(baseline.cpu_s),
            count(cores, "core"),
            times(cores as f64 / computing),
        )
    })
}

/// That the cores were not free, if a model had to wait for one although it never ran more tasks at
/// once than there are cores: it cannot have been in its own way then.
pub(crate) fn busy_cores(measured: &[&Figures], cores: usize) -> Option<String> {
    let share = |figures: &Figures| {
        figures.core_wait_s / (figures.wall.median * figures.concurrency.max(1) as f64)
    };
    let fitting = measured.iter().filter(|figures| figures.concurrency <= cores);
    let hindered = fitting.max_by(|a, b| share(a).total_cmp(&share(b)))?;
    (share(hindered) >= BUSY).then(|| {
        format!(
            "Something else kept the cores busy: the threads of {} waited {} for one. On a quieter \
             machine the figures will be others.",
            hindered.model,
            seconds(hindered.core_wait_s),
        )
    })
}

/// What the next best would cost or gain instead.
pub(crate) fn alternatives(
    chosen: &Figures,
    reason: Reason,
    usable: &[&Figures],
) -> Option<String> {
    if reason == Reason::NoGain {
        return None;
    }
    let next = next_best(chosen, usable)?;
    let costs = differing_costs(chosen, next);
    Some(match next.wall.median <= chosen.wall.median || next.wall.ties_with(chosen.wall) {
        true => format!(
            "{} is not measurably faster or slower ({}){costs}.",
            next.model,
            seconds(next.wall.median),
        ),
        false => format!(
            "{} took {}, {} as long{costs}.",
            next.model,
            seconds(next.wall.median),
            times(next.wall.median / chosen.wall.median),
        ),
    })
}

/// What processes give besides speed, and what that would cost, if they were measured.
pub(crate) fn isolation(chosen: &Figures, usable: &[&Figures]) -> Option<String> {
    let processes = |figures: &&&Figures| figures.model.starts_with("processes");
    let isolated = usable.iter().find(processes)?;
    let is_known = isolated.model == chosen.model
        || next_best(chosen, usable).is_some_and(|next| next.model == isolated.model);
    let costs = if is_known {
        String::new()
    } else {
        let (wall, memory) = (seconds(isolated.wall.median), mebibytes(isolated.peak_rss_bytes));
        format!(" ({wall}, {memory})")
    };
    Some(format!(
        "In {}{costs} a task that crashes fails alone; under the other models it ends the program.",
        isolated.model,
    ))
}

/// Which models were left out for their failures, or what failed everywhere.
pub(crate) fn failures(measured: &[Figures], usable: &[&Figures]) -> Option<String> {
    let mut sentences: Vec<String> = measured
        .iter()
        .filter(|figures| usable.iter().all(|kept| kept.model != figures.model))
        .map(|figures| {
            let tasks = count(figures.ok + figures.failed, "task");
            format!("{} is left out: {} of its {tasks} failed.", figures.model, figures.failed)
        })
        .collect();
    if let Some(one) = usable.first().filter(|figures| figures.failed > 0) {
        let tasks = count(one.ok + one.failed, "task");
        let whom = if sentences.is_empty() { "every model" } else { "every other model" };
        sentences.push(format!("{} of {tasks} failed under {whom}.", one.failed));
    }
    (!sentences.is_empty()).then(|| sentences.join(" "))
}

/// Why there is no advice.
pub(crate) fn nothing_usable(measured: &[Figures]) -> String {
    if measured.is_empty() {
        "No model ran to its end, so there is nothing to compare.".to_owned()
    } else {
        "No task succeeded under any model that failed least, so the times say nothing.".to_owned()
    }
}

fn no_gain(baseline: &Figures, usable: &[&Figures]) -> String {
    let rival = usable
        .iter()
        .filter(|figures| figures.model != baseline.model)
        .min_by(|a, b| a.wall.median.total_cmp(&b.wall.median));
    let Some(rival) = rival else {
        return format!("sequential: {}.", figures_of(baseline));
    };
    let gain_s = baseline.wall.median - rival.wall.median;
    let verdict = if gain_s > 0.0 {
        format!("saves {} ({})", seconds(gain_s), times(baseline.wall.median / rival.wall.median))
    } else {
        "saves nothing".to_owned()
    };
    format!(
        "Even the fastest other model, {}, {verdict}, which is not worth its workers and its memory: \
         sequential, {}.",
        rival.model,
        figures_of(baseline),
    )
}

fn figures_of(figures: &Figures) -> String {
    let speedup = match figures.speedup {
        Some(speedup) if figures.model != "sequential" => {
            format!(", {} as fast as sequential", times(speedup))
        }
        _ => String::new(),
    };
    let at_once = match figures.concurrency {
        0 | 1 => String::new(),
        many => format!(", {} at once", count(many, "task")),
    };
    format!(
        "{}{speedup}{at_once}, {} of CPU, {}",
        seconds(figures.wall.median),
        seconds(figures.cpu_s),
        mebibytes(figures.peak_rss_bytes),
    )
}

/// The fastest besides the chosen one; sequential is the yardstick and no alternative.
fn next_best<'a>(chosen: &Figures, usable: &[&'a Figures]) -> Option<&'a Figures> {
    let others = usable
        .iter()
        .copied()
        .filter(|figures| figures.model != chosen.model && figures.model != "sequential");
    others.min_by(|a, b| a.wall.median.total_cmp(&b.wall.median))
}

/// Where the costs of `other` differ measurably from those of `chosen`.
fn differing_costs(chosen: &Figures, other: &Figures) -> String {
    let mut costs = Vec::new();
    if spends_less_cpu(chosen, other) || spends_less_cpu(other, chosen) {
        let verb = if other.cpu_s > chosen.cpu_s { "spending" } else { "spending only" };
        costs.push(format!("{verb} {} of CPU", seconds(other.cpu_s)));
    }
    if needs_less_memory(chosen, other) || needs_less_memory(other, chosen) {
        let more = other.peak_rss_bytes > chosen.peak_rss_bytes;
        let verb = if more { "needing" } else { "needing only" };
        costs.push(format!("{verb} {}", mebibytes(other.peak_rss_bytes)));
    }
    if costs.is_empty() { String::new() } else { format!(", {}", costs.join(" and ")) }
}
