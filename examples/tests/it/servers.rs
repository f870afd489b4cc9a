//! Rows C7, T8 and T9: echo servers.

use crate::program::{Ended, run};

/// Two clients said these words in turn, and `kind` answered.
fn check_conversation(ended: &Ended, kind: &str) {
    let note = |ending: &str| {
        let ending = format!(" msg: {ending} ({kind})");
        ended.lines.iter().filter_map(|line| line.strip_suffix(&ending)).collect::<Vec<_>>()
    };
    let clients = note("hello");
    assert_eq!(clients.len(), 2, "{:?}", ended.lines);
    assert_ne!(clients[0], clients[1]);
    assert!(clients.iter().all(|client| client.starts_with("client 127.0.0.1:")), "{clients:?}");
    assert_eq!(note("bye"), clients);
    let answers: Vec<&String> =
        ended.lines.iter().filter(|line| *line == "HELLO" || *line == "BYE").collect();
    assert_eq!(answers, ["HELLO", "HELLO", "BYE", "BYE"]);
    assert_eq!(ended.lines.last().unwrap(), "2 connections served");
}

#[test]
fn c7_a_coroutine_for_each_connection_answers_in_upper_case() {
    check_conversation(&run("c7_coroutine_echo_server", "hello bye"), "Coroutine");
}

#[test]
fn t8_a_thread_for_each_connection_answers_in_upper_case() {
    check_conversation(&run("t8_threaded_echo_server", "hello bye"), "Thread");
}

#[test]
fn t9_five_hundred_clients_are_answered_and_none_mixed_up() {
    let ended = run("t9_five_hundred_clients", "500 5");
    for model in ["coroutines:1", "threads:500"] {
        let of_model: Vec<&str> = ended
            .lines
            .iter()
            .filter_map(|line| line.strip_prefix(&format!("{model}: ")))
            .collect();
        assert_eq!(of_model[0], "500 connections at a time, 500 in all");
        assert_eq!(of_model[1], "500 sockets, 2500 answers, none mixed up");
    }
}
