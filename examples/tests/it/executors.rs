//! Rows E1 to E9: pools and futures.

use std::fs;

use examples::FRONT_PAGES;

use crate::program::{number, run, run_with};

#[test]
fn e1_squares_come_in_order() {
    let ended = run("e1_thread_pool", "--scale 0.01");
    let running = format!("{} is running", ended.pid);
    let squares = |numbers: std::ops::Range<u32>| -> Vec<String> {
        numbers.map(|n| (n * n).to_string()).collect()
    };
    // With `submit` and `shutdown` everything has run before the first result is read.
    assert!(ended.lines[..11].iter().all(|line| *line == running));
    assert_eq!(ended.lines[11], "+++>");
    assert_eq!(ended.lines[12..23], squares(0..11));
    assert_eq!(ended.lines[23], "map:");
    let mapped = ended.lines[24..].iter().filter(|line| line.parse::<u32>().is_ok());
    assert!(mapped.eq(&squares(1..12)), "{:#?}", ended.lines);
    assert_eq!(ended.count(&running), 22);
    let worker: u32 = ended.after("a worker is named squares_").parse().unwrap();
    assert!(worker < 3);
    let cores = std::thread::available_parallelism().unwrap().get();
    assert_eq!(ended.after("default size: "), (cores + 4).min(32).to_string());
}

#[test]
fn e3_everything_that_can_be_asked_of_a_future() {
    let ended = run("e3_futures", "--scale 0.5");
    assert_eq!(
        ended.lines,
        [
            "done: False",
            "result within 50ms: the wait timed out",
            "cancel the queued one: Cancelled",
            "cancelled: True",
            "callback: 9",
            "done: True",
            "callback: 9",
            "result: 9",
            "cancel the running one: Requested",
            "its result: the task was cancelled",
        ]
    );
    assert_eq!(ended.stderr, "", "a cancelled task is no failure");
}

#[test]
fn e4_callbacks_write_one_line_for_each_url() {
    let folder = tempfile::tempdir().unwrap();
    let ended = run_with("e4_callbacks", "--scale 0.1", |command| {
        command.env("TMPDIR", folder.path());
    });
    assert_eq!(ended.count("200 http://127.0.0.1:"), 5);
    assert_eq!(ended.count(&format!("<进程{}> get http://", ended.pid)), 5);
    assert_eq!(ended.count(&format!("<进程{}> parse http://", ended.pid)), 5);
    assert!(ended.lines.last().unwrap().starts_with("5 lines in "));
    let written = fs::read_to_string(folder.path().join("db.txt")).unwrap();
    assert_eq!(written.lines().count(), 5);
    for (host, bytes) in &FRONT_PAGES[..5] {
        let of_host = |line: &&str| line.contains(&format!("/{host}>"));
        let mut lines = written.lines().filter(of_host);
        let line = lines.next().unwrap();
        assert!(line.starts_with("url:<http://"), "{line}");
        assert!(line.ends_with(&format!("> size:[{bytes}]")), "{line}");
        assert_eq!(lines.next(), None);
    }
}

#[test]
fn e5_in_order_of_submission_or_of_completion_each_once() {
    let ended = run("e5_completion_order", "--scale 0.1");
    assert_eq!(
        ended.lines[..3],
        ["slow", "quick", "middling"].map(|page| format!("in order: {page}"))
    );
    let completed: Vec<&str> =
        ended.lines[3..6].iter().filter_map(|line| line.strip_prefix("as completed: ")).collect();
    assert_eq!(completed.join(", "), ended.after("they ended like this: "));
    let mut pages = completed;
    pages.sort_unstable();
    assert_eq!(pages, ["middling", "quick", "slow"]);
}

#[test]
fn e6_an_error_comes_out_at_its_result_and_harms_no_other() {
    let ended = run("e6_errors", "");
    assert_eq!(ended.lines[..2], ["4", "an answer all the same: 12 cannot be shared by 5"]);
    let panic =
        ended.after("panicked: attempt to calculate the remainder with a divisor of zero, at ");
    assert!(panic.contains("e6_errors.rs:"), "{panic}");
    assert_eq!(ended.lines[3..], ["3"]);
}

#[test]
fn e8_a_pool_bounds_its_threads_and_uses_them_again() {
    let ended = run("e8_reuse_and_bound", "--scale 0.05");
    assert_eq!(ended.count("开始执行任务"), 8);
    assert_eq!(ended.after("8 tasks by "), "5 threads, 5 at a time");
    assert_eq!(ended.after("100 tasks, one at a time: "), "1 threads started");
    assert_eq!(ended.after("a burst: "), "5 run, 10 are queued, and then the queue is full");
    assert_eq!(ended.after("finished: "), "15");
    assert_eq!(ended.stderr, "", "what was refused is no failure that nobody looked at");
}

#[test]
fn e9_there_is_a_best_number_of_threads() {
    let ended = run("e9_how_many_threads", "--scale 0.3");
    let waiting = |threads: u32| {
        let line = ended.after(&format!("{threads:7} "));
        number(line)
    };
    // One thread cannot be quicker than all waits together; eight are about eight times as quick.
    assert!(waiting(1) >= 0.96, "{:?}", ended.lines);
    assert!(waiting(8) < waiting(1) / 1.5, "{:?}", ended.lines);
    assert!(number(ended.after("best for waiting: ")) > 1.0);
    assert!(number(ended.after("best for computing: ")) >= 1.0);
}
