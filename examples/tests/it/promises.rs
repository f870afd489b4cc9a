//! The examples of what manyhands promises.

use crate::program::run;

#[test]
fn change_the_model_changes_nothing_but_the_time() {
    let ended = run("change_the_model", "--scale 0.1 sequential threads threads:4 async async:12");
    assert_eq!(ended.lines.len(), 5);
    // There are 2262 primes below 20,000.
    let result = "2262 primes, 2371912 bytes,";
    assert!(ended.lines.iter().all(|line| line.contains(result)), "{:?}", ended.lines);
}

#[test]
fn mix_the_models_in_one_as_completed() {
    let ended = run("mix_the_models", "--scale 0.5");
    let mut lines = ended.lines;
    lines.sort();
    assert_eq!(
        lines[..4],
        [
            "a pool of processes: 100",
            "a pool of threads: 144",
            "a process of its own: 121",
            "a thread of its own: 42",
        ]
    );
    assert!(lines[4].starts_with("an async task that awaits a page and a thread: "));
    assert_eq!(lines[5..], ["on the spot: 9"]);
}

#[test]
fn nothing_hangs_and_a_dump_says_who_waits_for_what() {
    let ended = run("nothing_hangs", "--scale 0.2");
    assert_eq!(ended.lines[0], "10! = 3628800, by a pool of one thread that waits for itself");
    let waits =
        |what: &[&str]| ended.lines.iter().any(|line| what.iter().all(|w| line.contains(w)));
    assert!(waits(&["waits 0.", " s for sleep, 35", "nothing_hangs.rs:"]), "{:?}", ended.lines);
    assert!(
        waits(&["'letterbox'", " for a letter, at ", "nothing_hangs.rs:"]),
        "{:?}",
        ended.lines
    );
    assert_eq!(ended.after("the sleeper: "), "the task was cancelled");
    assert_eq!(ended.after("the letterbox: "), "the task was cancelled");
}

#[test]
fn structured_tasks_borrow_and_end_together() {
    let ended = run("structured", "--scale 0.1");
    assert_eq!(ended.lines[0], r#"["many", "hands", "make"] have [4, 5, 4] letters"#);
    assert_eq!(ended.lines[1], "the patient one's bench is cleared");
    let first = ended.after("the group: the task panicked at ");
    assert!(first.ends_with(": the glue has dried"), "{first}");
    assert_eq!(ended.after("an hour was cut short: "), "true");
    assert_eq!(ended.after("the patient one: "), "Err(Cancelled)");
    assert_eq!(ended.after("the failing one: "), "Err(Panicked)");
    assert_eq!(ended.lines.last().unwrap(), "and the pool works on");
}

#[test]
fn endless_map_takes_no_more_than_its_window() {
    let ended = run("endless_map", "");
    assert_eq!(
        ended.lines,
        [
            "the longest way of the first 100000 is that of 77031: 350 steps",
            "never more than 1000 inputs ahead: true",
        ]
    );
}

#[test]
fn cancel_and_deadline_reach_code_that_runs() {
    let ended = run("cancel_and_deadline", "--scale 0.2");
    assert_eq!(
        ended.lines,
        [
            "around a stretch of code: Err(TimedOut)",
            r#"around a task: Err("the task ran longer than it was allowed to")"#,
            "the lamp is out",
            "cancel: Requested, and then: Err(Cancelled)",
            "cancel: Requested, and then: Err(Cancelled)",
        ]
    );
}

#[test]
fn wait_anywhere_for_the_same_future() {
    let ended = run("wait_anywhere", "--scale 0.1");
    let places = ["the main thread", "a worker", "async code", "blocking code inside async code"];
    assert_eq!(ended.lines, places.map(|place| format!("from {place}: 37 bytes")));
}

#[test]
fn no_failure_is_lost_and_retries_are_asked_for() {
    let ended = run("no_failure_is_lost", "");
    assert_eq!(
        ended.lines,
        ["4", "Panicked: attempt to divide by zero", "3", "it took 3 attempts"]
    );
    for report in ["attempt 1 fails", "attempt 2 fails", "'nobody asks' failed, and nobody looked"]
    {
        assert!(ended.stderr.contains(report), "{}", ended.stderr);
    }
}

#[test]
fn a_crash_costs_one_task_and_the_pool_goes_on() {
    let ended = run("a_crash_costs_one_task", "--scale 0.1");
    assert_eq!(
        ended.lines,
        [
            "task 37: WorkerDied",
            "  signal Some(6), last words: 37 is more than I can take",
            "99 right results",
            "the pool goes on: 144",
            "tried again: Err(WorkerDied)",
            "workers that died: 4",
        ]
    );
}

#[test]
fn a_timeout_ends_all_that_was_started_and_keeps_what_was_written() {
    let ended = run("a_timeout_ends_the_group", "");
    let nothing = "0 processes of it";
    assert_eq!(
        ended.lines,
        [
            "timed out: true",
            r#"it wrote "begun\n" and "not yet\n""#,
            nothing,
            "within a deadline: Err(TimedOut)",
            nothing,
            "as a task in a thread: Err(TimedOut)",
            nothing,
            "2 processes of it",
            "as a task in a process: Err(Cancelled)",
            nothing,
            "1.1 MB in, out, and out on the other stream: [true, true]",
        ]
    );
}
