//! Rows E1 to E9: pools and futures.

use std::collections::BTreeSet;
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
fn e2_squares_are_computed_by_at_most_three_processes() {
    let ended = run("e2_process_pool", "--scale 0.01");
    let squares = |numbers: std::ops::Range<u32>| -> Vec<String> {
        numbers.map(|n| (n * n).to_string()).collect()
    };
    let workers = |lines: &[String]| -> Vec<u32> {
        let running = lines.iter().filter_map(|line| line.strip_suffix(" is running"));
        running.map(|pid| pid.parse().unwrap()).collect()
    };
    let submitted = workers(&ended.lines[..11]);
    assert_eq!(ended.lines[11], "+++>");
    assert_eq!(ended.lines[12..23], squares(0..11));
    assert_eq!(ended.lines[23], "map:");
    let mapped = ended.lines[24..].iter().filter(|line| line.parse::<u32>().is_ok());
    assert!(mapped.eq(&squares(1..12)), "{:#?}", ended.lines);
    for mut pids in [submitted, workers(&ended.lines[24..])] {
        assert_eq!(pids.len(), 11);
        assert!(!pids.contains(&ended.pid));
        pids.sort_unstable();
        pids.dedup();
        assert!(pids.len() <= 3, "{pids:?}");
    }
    assert_eq!(ended.after("in this process: "), "false");
    assert_eq!(ended.after("100 tasks by at most 3 processes: "), "true");
    let cores = std::thread::available_parallelism().unwrap().get();
    assert_eq!(ended.after("default size: "), cores.to_string());
    assert!(ended.after("ProcessPool::new(0): ").contains("at least 1"));
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
    let mut parts = ended.lines.split(|line| line == "threads:" || line == "processes:");
    let (threads, rest) = (parts.nth(1).unwrap(), parts.next().unwrap());
    let (processes, crawler) = rest.split_at(5);
    for pool in [threads, processes] {
        let pages = pool.iter().filter(|line| line.starts_with("200 http://127.0.0.1:"));
        assert_eq!(pages.collect::<BTreeSet<_>>().len(), 5, "{pool:?}");
    }
    check_crawler(crawler, ended.pid);
    assert!(ended.lines.last().unwrap().starts_with("5 lines in "));
    let written = fs::read_to_string(folder.path().join("db.txt")).unwrap();
    assert_eq!(written.lines().count(), 5);
    check_sizes(&written.lines().collect::<Vec<_>>());
}

/// Five pages are fetched by worker processes, at most three, and parsed by the process `main`.
fn check_crawler(lines: &[String], main: u32) {
    let pids = |what: &str| -> Vec<u32> {
        let of_what = lines.iter().filter_map(|line| line.strip_prefix("<进程")?.split_once("> "));
        let of_what = of_what.filter(|(_, rest)| rest.starts_with(what));
        of_what.map(|(pid, _)| pid.parse().unwrap()).collect()
    };
    let workers = pids("get http://");
    assert_eq!(workers.len(), 5, "{lines:?}");
    assert!(!workers.contains(&main), "{lines:?}");
    assert!(BTreeSet::from_iter(workers).len() <= 3, "{lines:?}");
    assert_eq!(pids("parse http://"), [main; 5], "{lines:?}");
}

/// These are the first five front pages, in any order, with their sizes.
fn check_sizes(lines: &[&str]) {
    assert_eq!(lines.len(), 5, "{lines:?}");
    for (host, bytes) in &FRONT_PAGES[..5] {
        let of_host = |line: &&&str| line.contains(&format!("/{host}>"));
        let line = lines.iter().find(of_host).unwrap();
        assert!(line.starts_with("url:<http://"), "{line}");
        assert!(line.ends_with(&format!("> size:[{bytes}]")), "{line}");
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
fn e7_apply_async_has_its_callback_and_nothing_comes_after_close() {
    let ended = run("e7_apply_async", "--scale 0.1");
    assert_eq!(ended.after("too late: "), "the executor was shut down");
    check_crawler(&ended.lines, ended.pid);
    let sizes = ended.lines.iter().filter(|line| line.starts_with("url:<"));
    check_sizes(&sizes.map(String::as_str).collect::<Vec<_>>());
    assert_eq!(ended.lines.last().unwrap(), "joined");
}

#[test]
fn e7_an_error_has_its_callback_too() {
    let ended = run("e7_apply_async", "http://127.0.0.1:1/");
    assert_eq!(ended.count("<进程"), 1);
    assert!(ended.lines.iter().any(|line| line.contains("127.0.0.1:1") && !line.contains("get ")));
    assert_eq!(ended.lines.last().unwrap(), "joined");
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
