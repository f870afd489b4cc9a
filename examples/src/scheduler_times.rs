//! What the system's scheduler says of the threads of this process.

use std::fs;
use std::ops::Add;
use std::time::Duration;

use anyhow::Context;
use serde::{Deserialize, Serialize};

/// How long threads have run, and how long they could have run but others had the processors.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchedulerTimes {
    /// On a processor.
    pub running: Duration,
    /// Ready, without a processor.
    pub waiting: Duration,
}

impl SchedulerTimes {
    /// The times of all threads that this process has now, from Linux' `/proc/self/task/*/schedstat`.
    ///
    /// # Errors
    /// If the system does not keep these statistics.
    pub fn of_this_process() -> anyhow::Result<SchedulerTimes> {
        let threads =
            fs::read_dir("/proc/self/task").context("threads are only listed on Linux")?;
        let mut sum = SchedulerTimes::default();
        for thread in threads {
            let file = thread?.path().join("schedstat");
            // A thread that ends meanwhile is not there any more.
            let Ok(line) = fs::read_to_string(&file) else { continue };
            let times = SchedulerTimes::read(&line);
            sum = sum + times.with_context(|| format!("{} has {line:?}", file.display()))?;
        }
        Ok(sum)
    }

    fn read(line: &str) -> Option<SchedulerTimes> {
        let mut nanoseconds = line.split_whitespace().map(|word| word.parse().ok());
        let mut next = || Some(Duration::from_nanos(nanoseconds.next()??));
        Some(SchedulerTimes { running: next()?, waiting: next()? })
    }
}

impl Add for SchedulerTimes {
    type Output = SchedulerTimes;

    fn add(self, other: SchedulerTimes) -> SchedulerTimes {
        SchedulerTimes {
            running: self.running + other.running,
            waiting: self.waiting + other.waiting,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu_time;

    #[test]
    fn work_is_counted() {
        let before = SchedulerTimes::of_this_process().unwrap();
        let start = cpu_time();
        while cpu_time() - start < Duration::from_millis(20) {
            std::hint::spin_loop();
        }
        let after = SchedulerTimes::of_this_process().unwrap();
        assert!(
            after.running >= before.running + Duration::from_millis(10),
            "{before:?} {after:?}"
        );
    }

    #[test]
    fn what_is_no_statistics_is_none() {
        let times = SchedulerTimes::read("7 5 3\n").unwrap();
        assert_eq!(
            (times.running, times.waiting),
            (Duration::from_nanos(7), Duration::from_nanos(5))
        );
        assert_eq!(SchedulerTimes::read("7"), None);
        assert_eq!(SchedulerTimes::read("a b c"), None);
    }
}
