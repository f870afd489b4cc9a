//! The gallery of deadlocks: every exhibit ends, and says what it is to say.

use std::time::Duration;

use crate::program::{Ended, run_within};

const LIMIT: Duration = Duration::from_secs(60);

/// What one exhibit prints.
fn gallery(name: &str) -> Ended {
    run_within(LIMIT, "deadlocks", name)
}

impl Ended {
    /// Everything on standard output.
    fn text(&self) -> String {
        self.lines.join("\n")
    }

    /// Checks that each of these texts is there.
    #[track_caller]
    fn says(&self, texts: &[&str]) -> &Ended {
        let all = self.text();
        for text in texts {
            assert!(all.contains(text), "{text:?} is missing in\n{all}\n{}", self.stderr);
        }
        self
    }

    /// Checks that one of them was chosen, and that so many went on.
    #[track_caller]
    fn has_one_victim_and(&self, went_on: usize) -> &Ended {
        self.says(&[&format!("in all: 1 given an error, {went_on} went on")])
    }
}

#[test]
fn self_lock() {
    gallery("self_lock").says(&[
        "mutex 'account'",
        "self_lock.rs:",
        "waits for",
        "with a re-entrant lock: 123",
    ]);
}

#[test]
fn ab_ba() {
    gallery("ab_ba").has_one_victim_and(1).says(&[
        "'there'",
        "'back'",
        "mutex 'checking'",
        "mutex 'savings'",
        "ab_ba.rs:",
        "moved 10",
        "the money: 200",
    ]);
}

#[test]
fn noodles_and_fork() {
    gallery("noodles_and_fork").says(&[
        "mutex 'noodles'",
        "mutex 'fork'",
        "'egon'",
        "'yuan'",
        "ate at try 1",
        "ate at try 2",
        "in all: 0 given an error, 2 went on",
        "with one re-entrant lock: both ate",
    ]);
}

#[test]
fn dining_5() {
    gallery("dining_5").has_one_victim_and(4).says(&[
        "in the cycle: 5",
        "mutex 'fork ",
        "'philosopher ",
        "all have left the table: soon",
    ]);
}

#[test]
fn dining_100() {
    gallery("dining_100")
        .has_one_victim_and(99)
        .says(&["in the cycle: 100", "all have left the table: soon"]);
}

#[test]
fn reader_upgrade() {
    gallery("reader_upgrade").says(&["'timetable'", "reader_upgrade.rs:", "after letting go: 8"]);
}

#[test]
fn read_again_behind_a_writer() {
    let ended = gallery("read_again_behind_a_writer");
    ended.says(&["'timetable'", "'writer'", "read_again_behind_a_writer.rs:"]);
    // Whoever blocks last is told, and then the other one goes on.
    let (text, victims) = (ended.text(), ["writer: the task was in a deadlock", "main: deadlock"]);
    let others = ["main: reads twice", "writer: has written"];
    let told = victims.iter().position(|victim| text.contains(victim)).expect("one is told");
    assert!(text.contains(others[told]), "{text}");
}

#[test]
fn reentrant_across_coroutines() {
    gallery("reentrant_across_coroutines").says(&["coroutine", "'ledger'", "task "]);
}

#[test]
fn join_cycle() {
    gallery("join_cycle").has_one_victim_and(1).says(&[
        "'castor'",
        "'pollux'",
        "join_cycle.rs:",
        "saw the other end",
    ]);
}

#[test]
fn join_with_lock_held() {
    gallery("join_with_lock_held").says(&["'writer'", "mutex 'log'", "join_with_lock_held.rs:"]);
}

#[test]
fn task_waits_for_itself() {
    gallery("task_waits_for_itself").says(&[
        "the task: ",
        "task_waits_for_itself.rs:",
        "the pool's next task: done",
    ]);
}

#[test]
fn group_exit() {
    gallery("group_exit").says(&["mutex 'shelf'", "group_exit.rs:", "the shelf can be used"]);
}

#[test]
fn nested_submit() {
    gallery("nested_submit").says(&["the inner one was run by who waits for it"]);
}

#[test]
fn two_pools() {
    gallery("two_pools").says(&["after A has grown by a thread: 42"]);
}

#[test]
fn three_ring() {
    gallery("three_ring").says(&["through so many pools: 6"]);
}

#[test]
fn semaphore_of_two() {
    gallery("semaphore_of_two").has_one_victim_and(1).says(&[
        "semaphore 'tracks'",
        "'freight'",
        "'express'",
        "semaphore_of_two.rs:",
        "had both tracks",
    ]);
}

#[test]
fn coroutine_against_thread() {
    gallery("coroutine_against_thread").has_one_victim_and(1).says(&[
        "mutex 'ink'",
        "mutex 'paper'",
        "coroutine",
        "thread 'a thread'",
        "had both",
    ]);
}

#[test]
fn async_against_thread() {
    gallery("async_against_thread").has_one_victim_and(1).says(&[
        "mutex 'ink'",
        "mutex 'paper'",
        "async task",
        "thread 'a thread'",
        "had both",
    ]);
}

#[test]
fn process_against_parent() {
    gallery("process_against_parent").says(&["'press'", "process "]);
}

#[test]
fn three_way() {
    gallery("three_way").has_one_victim_and(2).says(&[
        "mutex 'rock'",
        "mutex 'paper'",
        "mutex 'scissors'",
        "thread 'a thread'",
        "coroutine",
        "async task",
        "had both",
    ]);
}

#[test]
fn lock_across_await() {
    gallery("lock_across_await").says(&[
        "the one who holds it: filled the cache",
        "the one who blocks: ",
        "waits for mutex 'cache' at ",
        "lock_across_await.rs:",
        "waits for its turn to be polled at an `.await`, which is held by async runtime 'current-thread",
        "in all: 1 given an error, 1 went on",
    ]);
}

#[test]
fn guard_leaked() {
    gallery("guard_leaked").says(&[
        "mutex 'vault'",
        "ended",
        "guard_leaked.rs:",
        "who was told to give up: the task was cancelled",
    ]);
}

#[test]
fn condvar_without_notifier() {
    gallery("condvar_without_notifier").says(&["'guest'", "'door opens'", "cancelled"]);
}

#[test]
fn queue_without_producer() {
    gallery("queue_without_producer").says(&[
        "'orders'",
        "'first cook'",
        "'second cook'",
        "after it was closed, cooked in all: 10",
    ]);
}

#[test]
fn barrier_short_of_one() {
    let ended = gallery("barrier_short_of_one");
    ended.says(&["'start'", "'runner 1'", "'runner 2'", "'runner 3'"]);
    assert_eq!(ended.count("    a runner: "), 3, "{}", ended.text());
}

#[test]
fn writer_starvation() {
    gallery("writer_starvation").says(&["the writer wrote 20 times: soon, the board says 20"]);
}

#[test]
fn every_exhibit_is_tested_and_in_the_readme() {
    let listed = run_within(LIMIT, "deadlocks", "");
    let names = listed.lines.iter().take_while(|line| !line.is_empty());
    let names: Vec<&str> = names.filter_map(|line| line.split_whitespace().next()).collect();
    assert!(names.len() >= 20, "{names:?}");
    let tests = include_str!("gallery.rs");
    let readme = include_str!("../../deadlocks/README.md");
    for name in names {
        assert!(tests.contains(&format!("gallery(\"{name}\")")), "{name} is not tested");
        assert!(readme.contains(&format!("| `{name}` |")), "{name} is not in the README");
    }
}

#[test]
fn callback_waits_for_its_task() {
    gallery("callback_waits_for_its_task").says(&[
        "the callback: deadlock: thread 'post_0' waits for itself",
        "whose callbacks have not returned at ",
        "callback_waits_for_its_task.rs:",
        "the task: a letter",
    ]);
}

#[test]
fn own_end_among_others() {
    gallery("own_end_among_others").says(&[
        "the reader: one has ended, 1 are left",
        "waits for itself",
        "waits for next task to end: task ",
        "own_end_among_others.rs:",
    ]);
}

#[test]
fn pool_ended_with_lock_held() {
    gallery("pool_ended_with_lock_held").says(&[
        "waits for end of coroutine pool 'kitchen' at ",
        "waits for mutex 'till' at ",
        "which is held by thread 'main' since ",
        "pool_ended_with_lock_held.rs:",
    ]);
}

#[test]
fn blocking_code() {
    gallery("blocking_code").says(&[
        "waits for blocking code on another thread at ",
        "waits for mutex 'register' at ",
        "blocking_code.rs:",
    ]);
}

#[test]
fn behind_a_worker() {
    gallery("behind_a_worker").says(&[
        "thread 'main' waits for result of task ",
        "waits for managed lock 'press' at ",
        "which is held by thread 'main' since ",
        "the second task: 42",
    ]);
}

#[test]
fn seats_between_processes() {
    gallery("seats_between_processes").has_one_victim_and(1).says(&[
        "waits for managed semaphore 'seats' at ",
        "seats_between_processes.rs:",
        " since ",
        "a guest: had two seats",
    ]);
}
