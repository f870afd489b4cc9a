//! Rows P1 to P4 and Q2: processes, what they share, and external programs.

use std::collections::{BTreeMap, BTreeSet};

use crate::program::run;

#[test]
fn p1_processes_are_started_waited_for_and_have_numbers() {
    let ended = run("p1_start_a_process", "--scale 0.1");
    let main = ended.after("主进程 ");
    assert_eq!(main, ended.pid.to_string());
    let mut pids = BTreeSet::from([main.to_owned()]);
    for number in 1..=8 {
        let (pid, rest) = ended.after(&format!("Process-{number}: pid ")).split_once(',').unwrap();
        assert_eq!(rest, " alive False, exit code Some(0), Ok(200)");
        // It is the process itself that says so.
        assert_eq!(ended.after(&format!("Process-{number} ({pid}): ")), "<Response [200]>");
        pids.insert(pid.to_owned());
    }
    assert_eq!(pids.len(), 9, "all are alive at a time: {:?}", ended.lines);
    assert_eq!(ended.lines.len(), 17);
}

#[test]
fn p1_a_process_that_returns_an_error_has_ended_well() {
    let ended = run("p1_start_a_process", "http://127.0.0.1:1/");
    let line = ended.lines.last().unwrap();
    assert!(line.contains("exit code Some(0), Err("), "{line}");
    assert!(line.contains("127.0.0.1:1"), "{line}");
}

#[test]
fn p2_processes_append_to_a_list_of_the_manager() {
    let ended = run("p2_manager_list", "");
    assert_eq!(
        ended.lines[..3],
        ["[111, 333]", "[111, 333]", "four processes add one: [115, 337]"]
    );
    assert!(ended.after("after the manager: ").contains("its manager was dropped"));
}

#[test]
fn p3_programs_are_started_and_talked_with() {
    let ended = run("p3_subprocess", "");
    assert_eq!(ended.after("sort: "), r#""10\n20\n30\n""#);
    assert_eq!(ended.after(r"printf 'a\nb\na\n' | sort -u: "), r#""a\nb\n""#);
    assert_eq!(ended.after("egon? "), "hello, egon");
    assert_eq!(ended.after("yuan? "), "hello, yuan");
    assert_eq!(ended.after("it ended with "), "exit code 7");
    let failed = ended.after("Failed: `cat /no/such/file` ended with exit code 1");
    assert!(failed.contains("No such file"), "{failed}");
    assert!(ended.after("NotFound: ").contains("no-such-program"));
    for model in ["threads:2", "coroutines:1", "processes:2"] {
        let answers = ended.lines.iter().filter_map(|line| line.strip_prefix(model));
        assert_eq!(answers.collect::<Vec<_>>(), [": one", ": two"]);
    }
}

#[test]
fn p4_the_program_waits_for_the_other_process_and_not_for_the_daemon() {
    // Processes end with the program: `end456` is there because the program has waited.
    let mut ended = run("p4_daemon_process", "--scale 0.2");
    assert_eq!(ended.lines.pop().as_deref(), Some("end456"));
    // The daemon may be ended before its first word.
    ended.lines.retain(|line| line != "123");
    ended.lines.sort();
    assert_eq!(ended.lines, ["456", "main-------"]);
    assert_eq!(ended.stderr, "", "a daemon that ends with the program is no failure");
}

#[test]
fn p4_processes_that_nobody_joins_leave_nothing_behind() {
    let ended = run("p4_no_zombies", "");
    assert_eq!(ended.lines, ["12 processes, which nobody joins", "in the system's list: 0"]);
    assert!(!ended.stderr.contains("nobody looked"), "{}", ended.stderr);
}

#[test]
fn q2_what_is_produced_is_consumed_once() {
    let ended = run("q2_producer_and_consumer", "--scale 0.2");
    for what in ["threads", "processes"] {
        assert_eq!(ended.after(&format!("between {what}: ")), "20 consumed, each once: true");
    }
    let mut lines = ended.lines.split(|line| line.starts_with("between "));
    let (threads, processes) = (lines.next().unwrap(), lines.next().unwrap());
    for (lines, kind) in [(threads, "Thread-"), (processes, "Process-")] {
        let mut consumers = BTreeMap::new();
        let mut numbers = BTreeSet::new();
        for line in lines {
            let (who, number) = line.split_once(" consumed ").unwrap();
            let (name, pid) = who.split_once(" in process ").unwrap();
            assert!(name.starts_with(kind), "{line}");
            consumers.insert(name, pid.parse::<u32>().unwrap());
            numbers.insert(number.parse::<u32>().unwrap());
        }
        assert!(numbers.into_iter().eq(0..20), "{lines:?}");
        let pids: BTreeSet<u32> = consumers.values().copied().collect();
        if kind == "Thread-" {
            assert!(pids.into_iter().eq([ended.pid]));
        } else {
            assert!(!pids.contains(&ended.pid));
            assert_eq!(pids.len(), consumers.len());
        }
    }
}
