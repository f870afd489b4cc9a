//! Rows T1 to T7: threads, and what processes are beside them.

use std::collections::BTreeSet;

use crate::program::{number, run};

#[test]
fn t1_the_main_thread_prints_first_and_the_greeting_follows() {
    let ended = run("t1_start_a_thread", "--scale 0.25");
    assert_eq!(ended.lines, ["主线程", "egon say hello", "主线程", "egon say hello"]);
}

#[test]
fn t2_threads_have_the_number_of_their_process_and_processes_have_their_own() {
    let ended = run("t2_one_process_id", "");
    let pid = ended.pid.to_string();
    let (main, hello) = (format!("主线程/主进程pid {pid}"), format!("hello {pid}"));
    let mut parts = ended.lines.split(|line| line == "threads:" || line == "processes:");
    let (threads, processes) = (parts.nth(1).unwrap(), parts.next().unwrap());
    let count = |part: &[String], line: &str| part.iter().filter(|other| *other == line).count();
    assert_eq!((count(threads, &main), count(threads, &hello)), (1, 2));
    assert_eq!((count(processes, &main), count(processes, &hello)), (1, 0));
    let others = processes.iter().filter_map(|line| line.strip_prefix("hello "));
    let others: BTreeSet<&str> = others.collect();
    let told = ended.after("process numbers ").split_once(" and ").unwrap();
    assert_eq!(others, BTreeSet::from([told.0, told.1]));
    assert_eq!(others.len(), 2);
    let numbers = ended.after("thread numbers ").split_once(" and ").unwrap();
    assert!(numbers.0 != numbers.1 && numbers.0 != pid && numbers.1 != pid, "{numbers:?}");
}

#[test]
fn t3_a_thread_is_cheaper_to_start_than_a_process() {
    let ended = run("t3_cheap_to_start", "");
    assert_eq!(ended.count("hello"), 2);
    assert_eq!(ended.count("主线程/主进程"), 2);
    // Around 100 on a quiet machine.
    assert!(number(ended.after("ratio: ")) > 2.0, "{:?}", ended.lines);
}

#[test]
fn t4_threads_share_a_number_and_a_list_and_processes_do_not() {
    let ended = run("t4_threads_share_memory", "");
    let (processes, threads) = ended.lines.split_at(10);
    assert_eq!(
        processes,
        ["processes:", "子 100", "主 100", "[0]", "[1]", "[2]", "[3]", "[4]", "[5]", "[]"]
    );
    assert_eq!(threads[..2], ["threads:", "主 0"]);
    let lengths: Vec<usize> = threads[2..].iter().map(|list| list.split(", ").count()).collect();
    assert_eq!(lengths, [1, 2, 3, 4, 5, 6]);
    let mut last: Vec<&str> = threads[7].trim_matches(['[', ']']).split(", ").collect();
    last.sort_unstable();
    assert_eq!(last, ["0", "1", "2", "3", "4", "5"]);
}

#[test]
fn t5_threads_have_names_and_are_listed() {
    let ended = run("t5_names_and_lists", "--scale 0.25");
    let main = format!("<_MainThread(MainThread, started {})>", ended.pid);
    assert_eq!(ended.lines[..2], ["MainThread".to_owned(), main.clone()]);
    // Its number is there once it runs.
    let second = ended.lines[2].strip_prefix(&format!("[{main}, <Thread(Thread-1, started"));
    assert!(second.is_some_and(|rest| rest.ends_with(")>]")), "{:?}", ended.lines);
    assert_eq!(ended.lines[3..], ["2", "主线程/主进程", "Thread-1"]);
}

#[test]
fn t6_join_waits_and_the_thread_is_not_alive_any_more() {
    let ended = run("t6_join", "--scale 0.05");
    assert_eq!(ended.lines, ["egon say hello", "主线程", "False"]);
}

#[test]
fn t7_a_daemon_thread_ends_with_the_program() {
    // The greeting would come after 2000 seconds: if the program waited for it, so would this test.
    let ended = run("t7_daemon_thread", "--scale 1000");
    assert_eq!(ended.lines, ["主线程", "True"]);
}

#[test]
fn t7_the_process_waits_for_the_other_thread_and_not_for_the_daemon() {
    let mut ended = run("t7_daemon_beside_another", "3.999 --scale 50");
    assert_eq!(ended.lines.pop().as_deref(), Some("end456"));
    ended.lines.sort();
    assert_eq!(ended.lines, ["123", "456", "main-------"]);
}

#[test]
fn t7_a_daemon_runs_on_while_the_process_waits_for_others() {
    let mut ended = run("t7_daemon_beside_another", "0.1 --scale 0.5");
    assert_eq!(ended.lines.pop().as_deref(), Some("end456"));
    // The daemon may have come to its end before the other has begun.
    ended.lines.sort();
    assert_eq!(ended.lines, ["123", "456", "end123", "main-------"]);
}
