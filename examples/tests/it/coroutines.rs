//! Rows C1 to C10 and H1: coroutines.

use std::collections::BTreeSet;

use crate::program::{Ended, number, run};

#[test]
fn c1_two_coroutines_take_turns() {
    let ended = run("c1_greenlet", "");
    let turns = ["egon eat 1", "egon play 1", "egon eat 2", "egon play 2"];
    assert_eq!(ended.lines[..4], turns);
    assert_eq!(ended.lines[4..], ["eat is dead: false, play is dead: true"]);
}

#[test]
fn c2_switching_costs_more_than_running_in_sequence() {
    let ended = run("c2_switching_costs", "200000");
    assert!(number(ended.after("ratio: ")) > 1.0, "{:?}", ended.lines);
    assert!(number(ended.after("a switch: ")) > 0.0, "{:?}", ended.lines);
}

#[test]
fn c3_coroutines_are_started_waited_for_and_have_values() {
    let ended = run("c3_spawn_join_value", "--scale 0.2");
    let once = ["egon eat 1", "egon play 1", "egon play 2", "egon eat 2", "主"];
    assert_eq!(ended.lines[..5], once);
    assert_eq!(ended.lines[5..10], once);
    assert_eq!(ended.lines[10..], ["value: eaten", "value: played"]);
}

#[test]
fn c4_one_sleep_switches_and_the_other_holds_the_thread() {
    let ended = run("c4_sleep_switches", "--scale 0.2");
    let switching = ["eat food 1", "play 1", "play 2", "eat food 2", "主"];
    let holding = ["eat food 1", "eat food 2", "play 1", "play 2", "主"];
    assert_eq!(ended.lines[..5], switching);
    assert_eq!(ended.lines[6..11], holding);
    assert_eq!(ended.lines[12..17], switching);
    let seconds = |way: &str| number(ended.after(way));
    // No longer than the longer sleep, or as long as both.
    assert!(seconds("a sleep that switches: ") >= 0.4, "{:?}", ended.lines);
    assert!(seconds("a sleep that holds the thread: ") >= 0.6, "{:?}", ended.lines);
}

#[test]
fn c5_coroutines_run_in_one_thread_under_names_of_their_own() {
    let ended = run("c5_one_thread", "");
    let (_, thread) = ended.after("main thread: ").split_once(' ').unwrap();
    let name = |what: &str| {
        let (name, rest) = ended.after(&format!("{what}: ")).split_once(" in thread ").unwrap();
        assert_eq!(rest, format!("MainThread {thread}"));
        name
    };
    let (eat, play) = (name("eat"), name("play"));
    assert!(eat.starts_with("coroutine-") && play.starts_with("coroutine-"), "{eat} {play}");
    assert_ne!(eat, play);
    assert_eq!(name("cook"), "the cook");
    assert_eq!(ended.lines.last().unwrap(), "3 contexts, one thread");
}

#[test]
fn c6_ten_at_once_are_faster_than_ten_in_sequence() {
    let ended = run("c6_synchronous_or_asynchronous", "--scale 0.2");
    let (synchronous, asynchronous) = ended.lines.split_at(12);
    let tasks: Vec<String> = (0..10).map(|number| format!("Task {number} done")).collect();
    assert_eq!(synchronous[0], "Synchronous:");
    assert_eq!(synchronous[1..11], tasks);
    assert_eq!(asynchronous[0], "Asynchronous:");
    let mut at_once = asynchronous[1..11].to_vec();
    at_once.sort();
    assert_eq!(at_once, tasks);
    assert_eq!(asynchronous[11], "DONE");
    // 1 s and 0.1 s on a quiet machine.
    let (one_by_one, at_once) = (number(&synchronous[11]), number(&asynchronous[12]));
    assert!(one_by_one >= 1.0 && at_once >= 0.1 && at_once < one_by_one, "{:?}", ended.lines);
}

#[test]
fn c8_many_coroutines_sleep_at_once() {
    let ended = run("c8_million", "20000 --scale 0.05");
    assert_eq!(ended.lines[0], "20000 coroutines asleep in one thread");
    // Compiled without optimization a coroutine takes two pages for its stack. Twice what that
    // makes is still far from 256 KiB.
    let (_, each) = ended.after("memory: ").split_once(", ").unwrap();
    assert!(number(each) < 20_000.0, "{each}");
    assert_eq!(number(ended.after("stacks: ")), 20_000.0);
    let (_, sum) = ended.lines.last().unwrap().rsplit_once(' ').unwrap();
    assert_eq!(sum.parse(), Ok(19_999 * 20_000 / 2_u64));
}

/// For how long the ticking coroutine had no turn, in seconds.
fn gap(ended: &Ended, way: &str) -> f64 {
    let (_, seconds) = ended.after(way).rsplit_once("a gap of ").unwrap();
    number(seconds)
}

#[test]
fn c9_processes_of_threads_of_coroutines_share_the_work() {
    let ended = run("c9_processes_threads_coroutines", "--scale 0.2");
    let cores = std::thread::available_parallelism().unwrap().get();
    let mut pids = BTreeSet::new();
    for line in ended.lines.iter().filter_map(|line| line.strip_prefix("process ")) {
        let (pid, rest) = line.split_once(": ").unwrap();
        assert_eq!(rest, "2 threads, 100 coroutines");
        pids.insert(pid.parse::<u32>().unwrap());
    }
    assert_eq!(pids.len(), cores.max(2));
    assert!(!pids.contains(&ended.pid));
    let (below, sum) = ended.after("sum of the numbers below ").split_once(": ").unwrap();
    let below: u128 = below.parse().unwrap();
    assert_eq!(sum, (below * (below - 1) / 2).to_string());
    // Whoever else wants the cores: with one thread at a time it would be less than one.
    let ready = number(ended.after("at any moment, "));
    assert!(ready > 1.0, "{:?}", ended.lines);
    assert!(number(ended.after("busy: ")) > 0.0, "{:?}", ended.lines);
}

#[test]
fn c10_no_lock_is_needed_between_waits_and_who_blocks_blocks_all() {
    let ended = run("c10_no_lock_between_waits", "--scale 2");
    assert_eq!(ended.after("changed between waits: "), "10000 of 10000");
    assert_eq!(ended.after("kept across a wait: "), "1 of 100");
    assert!(ended.after("borrowed across a wait: ").contains("already borrowed"));
    let (blocking, switching) =
        (gap(&ended, "a sleep that blocks: "), gap(&ended, "a sleep that switches: "));
    // 0.03 s on a quiet machine if it switches.
    assert!(blocking >= 1.0 && switching < blocking, "{:?}", ended.lines);
    let report = ended.stderr.lines().find(|line| line.starts_with("watchdog: "));
    assert!(report.is_some_and(|line| line.contains("'sleeper'")), "{}", ended.stderr);
    assert!(ended.stderr.contains("c10_no_lock_between_waits"), "{}", ended.stderr);
}

#[test]
fn h1_pages_are_fetched_at_the_same_time() {
    let ended = run("h1_pages_in_coroutines", "--scale 5");
    assert_eq!(ended.count("200"), 50);
    assert!(ended.after("50 pages, 51275 bytes, in ").ends_with(" s"));
    // All 50 on a quiet machine; 1 if they took turns.
    assert!(number(ended.after("fetched at a time, at most: ")) >= 25.0, "{:?}", ended.lines);
}
