//! Rows T1 to T7: threads.

use crate::program::{number, run};

#[test]
fn t1_the_main_thread_prints_first_and_the_greeting_follows() {
    let ended = run("t1_start_a_thread", "--scale 0.25");
    assert_eq!(ended.lines, ["主线程", "egon say hello", "主线程", "egon say hello"]);
}

#[test]
fn t2_threads_have_the_number_of_their_process() {
    let ended = run("t2_one_process_id", "");
    let pid = ended.pid.to_string();
    assert_eq!(ended.count(&format!("hello {pid}")), 2);
    assert_eq!(ended.after("主线程/主进程pid "), pid);
    let numbers = ended.after("thread numbers ").split_once(" and ").unwrap();
    assert!(numbers.0 != numbers.1 && numbers.0 != pid && numbers.1 != pid, "{numbers:?}");
}

#[test]
fn t3_a_thread_is_cheaper_to_start_than_a_process() {
    let ended = run("t3_cheap_to_start", "");
    assert_eq!(ended.count("hello"), 1);
    assert_eq!(ended.count("主线程/主进程"), 1);
    // Around 20 on a quiet machine.
    assert!(number(ended.after("ratio: ")) > 2.0, "{:?}", ended.lines);
}

#[test]
fn t4_threads_share_a_number_and_a_list() {
    let ended = run("t4_threads_share_memory", "");
    assert_eq!(ended.lines[0], "主 0");
    let lengths: Vec<usize> =
        ended.lines[1..].iter().map(|list| list.split(", ").count()).collect();
    assert_eq!(lengths, [1, 2, 3, 4, 5, 6]);
    let mut last: Vec<&str> = ended.lines[6].trim_matches(['[', ']']).split(", ").collect();
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
    let ended = run("t7_daemon_beside_another", "0.1 --scale 0.3");
    assert_eq!(ended.lines[3..], ["end123", "end456"]);
}
