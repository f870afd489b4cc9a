//! How long a hub has been held: the arithmetic of the watchdog, without clocks.

use std::time::Duration;

use super::proc::Probe;
use super::pulse::Progress;
use super::report::Activity;

/// What the watchdog knows of one hub.
#[derive(Default)]
pub(super) struct Hold {
    progress: Progress,
    /// How often the same progress was seen again.
    again: u32,
    /// For how long, since the first time.
    held: Duration,
    /// For how long, since there is something to compare the use of the processor with.
    counted: Duration,
    first: Option<Probe>,
    is_reported: bool,
}

/// What a look has shown.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It moves, or has not been held for long enough, or nobody can know yet.
    Fine,
    /// Held for longer than the limit; to be reported, unless it has been.
    Held,
    /// One that was reported has ended.
    Ended(Duration),
}

/// So often the same progress has to be seen again. After a jump in time, when the whole process
/// was stopped, two looks may come before the hub has had the processor.
const AGAIN_MIN: u32 = 3;

impl Hold {
    /// Looks: this is the progress now, and so much time has passed since the last look.
    pub(super) fn look(
        &mut self,
        progress: Progress,
        passed: Duration,
        limit: Duration,
        probe: impl FnOnce() -> Option<Probe>,
    ) -> Verdict {
        if progress != self.progress || !progress.is_in_turn() {
            let before = std::mem::take(self);
            self.progress = progress;
            return match before.is_reported {
                true => Verdict::Ended(before.held + passed),
                false => Verdict::Fine,
            };
        }
        self.again = self.again.saturating_add(1);
        self.held += passed;
        if self.is_reported {
            return Verdict::Fine;
        }
        if self.again == 1 {
            self.first = probe();
            return Verdict::Fine;
        }
        self.counted += passed;
        if self.again < AGAIN_MIN || self.counted < limit {
            return Verdict::Fine;
        }
        match (self.first, probe()) {
            (_, Some(now)) if now.is_stopped => self.start_again(now),
            (Some(first), Some(now)) if !is_its_own_doing(first, now, self.counted, limit) => {
                Verdict::Fine
            }
            _ => Verdict::Held,
        }
    }

    /// The hold was reported.
    pub(super) fn reported(&mut self) {
        self.is_reported = true;
    }

    /// Whether this progress is not the one that was seen last.
    pub(super) fn is_other_than(&self, progress: Progress) -> bool {
        self.progress != progress
    }

    /// For how long the hub has been held.
    pub(super) fn held(&self) -> Duration {
        self.held
    }

    /// What was is nobody's fault.
    fn start_again(&mut self, now: Probe) -> Verdict {
        *self = Hold { progress: self.progress, again: 1, first: Some(now), ..Hold::default() };
        Verdict::Fine
    }
}

/// Whether the coroutine itself has used up the limit, and not others who had the processor.
fn is_its_own_doing(first: Probe, now: Probe, counted: Duration, limit: Duration) -> bool {
    let (Some(first), Some(used)) = (first.usage, now.usage) else { return true };
    // The kernel adds to it when the thread gets the processor: one that waits for it right now is
    // not charged yet.
    let queued = used.queued.saturating_sub(first.queued);
    let ran = used.ran.saturating_sub(first.ran);
    let is_starved = now.activity == Activity::Computing && ran < limit / 4;
    // On a machine where the watchdog itself gets the processor late, `counted` is too little.
    ran >= limit || counted.saturating_sub(queued) >= limit && !is_starved
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::proc::{Probe, Usage};
    use super::super::pulse::Progress;
    use super::super::report::Activity;
    use super::{Hold, Verdict};

    const LIMIT: Duration = Duration::from_millis(100);
    const TICK: Duration = Duration::from_millis(25);

    fn probe(activity: Activity, ran: u64, queued: u64) -> Probe {
        let [ran, queued] = [ran, queued].map(Duration::from_millis);
        Probe { activity, usage: Some(Usage { ran, queued }), is_stopped: false }
    }

    fn sleeps() -> Option<Probe> {
        Some(probe(Activity::Unknown, 0, 0))
    }

    fn look(hold: &mut Hold, made: u32, probe: impl FnOnce() -> Option<Probe>) -> Verdict {
        hold.look(Progress::in_turn(made), TICK, LIMIT, probe)
    }

    #[test]
    fn a_hold_is_reported_once_and_its_end_with_how_long_it_was() {
        let mut hold = Hold::default();
        for _ in 0..5 {
            assert_eq!(look(&mut hold, 1, sleeps), Verdict::Fine);
        }
        assert_eq!(look(&mut hold, 1, sleeps), Verdict::Held);
        assert_eq!(hold.held(), 5 * TICK);
        hold.reported();
        assert_eq!(look(&mut hold, 1, sleeps), Verdict::Fine);
        assert_eq!(look(&mut hold, 2, sleeps), Verdict::Ended(7 * TICK));
        assert_eq!(look(&mut hold, 2, sleeps), Verdict::Fine);
    }

    #[test]
    fn who_moves_is_not_held() {
        let mut hold = Hold::default();
        for made in 0..100 {
            assert_eq!(look(&mut hold, made / 4, sleeps), Verdict::Fine);
        }
        for _ in 0..100 {
            assert_eq!(hold.look(Progress::default(), TICK, LIMIT, sleeps), Verdict::Fine);
        }
    }

    #[test]
    fn a_jump_in_time_is_not_enough() {
        let mut hold = Hold::default();
        look(&mut hold, 1, sleeps);
        let jump = Duration::from_secs(3600);
        for _ in 0..2 {
            assert_eq!(hold.look(Progress::in_turn(1), jump, LIMIT, sleeps), Verdict::Fine);
        }
    }

    #[test]
    fn waiting_for_the_processor_is_not_holding() {
        let mut hold = Hold::default();
        look(&mut hold, 1, sleeps);
        for tick in 0..40 {
            let queued = || Some(probe(Activity::Computing, tick, tick * 24));
            assert_eq!(look(&mut hold, 1, queued), Verdict::Fine, "{tick}");
        }
        // Nor is a wait that the kernel has not charged yet.
        let mut hold = Hold::default();
        look(&mut hold, 1, sleeps);
        for _ in 0..40 {
            let starved = || Some(probe(Activity::Computing, 1, 0));
            assert_eq!(look(&mut hold, 1, starved), Verdict::Fine);
        }
    }

    #[test]
    fn half_a_processor_is_enough_in_twice_the_time() {
        let mut hold = Hold::default();
        look(&mut hold, 1, sleeps);
        let verdicts: Vec<_> = (1..=9)
            .map(|tick| {
                look(&mut hold, 1, || Some(probe(Activity::Computing, tick * 12, tick * 12)))
            })
            .collect();
        assert!(verdicts[..7].iter().all(|verdict| *verdict == Verdict::Fine), "{verdicts:?}");
        assert_eq!(verdicts[8], Verdict::Held);
    }

    #[test]
    fn who_computes_is_found_even_if_the_watchdog_itself_comes_late() {
        let mut hold = Hold::default();
        look(&mut hold, 1, sleeps);
        for time in 1..=4 {
            let soon = || Some(probe(Activity::Computing, time * 20, time * 400));
            assert_eq!(look(&mut hold, 1, soon), Verdict::Fine);
        }
        let late = || Some(probe(Activity::Computing, 200, 2000));
        assert_eq!(look(&mut hold, 1, late), Verdict::Held);
    }

    #[test]
    fn a_thread_that_a_debugger_has_stopped_is_not_held() {
        let mut hold = Hold::default();
        look(&mut hold, 1, sleeps);
        let stopped = || sleeps().map(|probe| Probe { is_stopped: true, ..probe });
        for _ in 0..100 {
            assert_eq!(look(&mut hold, 1, stopped), Verdict::Fine);
        }
    }
}
