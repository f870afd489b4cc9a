//! The programs about locks and queues.

use crate::program::{number, run};

#[test]
fn l1_without_a_lock_updates_are_lost() {
    let ended = run("l1_without_a_lock", "--scale 1");
    assert_eq!(ended.count("Thread-"), 100);
    let last = ended.after("主:");
    // All read before the first one writes: the pause is far longer than starting a hundred threads.
    assert!(last.ends_with(" n:99"), "{last}");
    assert!(number(last) >= 0.5, "{last}");
}

#[test]
fn l2_with_a_lock_none_is_lost_and_only_the_shared_part_is_in_turns() {
    let ended = run("l2_with_a_lock", "--scale 0.2");
    let last = ended.after("主:");
    assert!(last.ends_with(" n:0"), "{last}");
    // One long pause, side by side, and a hundred short ones in turns: 0.06 + 100 * 0.01.
    assert!(number(last) >= 1.06, "{last}");
    assert!(ended.lines.contains(&"after a panic: true, n:0".to_owned()), "{:?}", ended.lines);
}

#[test]
fn l3_joining_at_once_is_right_and_slower_still() {
    let ended = run("l3_join_instead", "--scale 1");
    assert_eq!(ended.after("with a lock: "), "n:0");
    let last = ended.after("主:");
    assert!(last.ends_with(" n:0"), "{last}");
    // Twenty times both pauses; with a lock it can be as short as one long and twenty short ones.
    assert!(number(last) >= 20.0 * 0.035, "{last}");
    assert!(number(ended.after("joined at once: ")) > 1.5, "{:?}", ended.lines);
}

#[test]
fn l4_a_lock_taken_twice_is_told_with_both_places() {
    let ended = run("l4_locked_twice", "");
    let text = ended.lines.join("\n");
    assert!(text.contains("mutex 'mutexA'") && !text.contains("123"), "{text}");
    let places = text.matches("l4_locked_twice.rs:").count();
    assert!(places >= 2, "{text}");
}

#[test]
fn l5_a_reentrant_lock_counts() {
    assert_eq!(run("l5_locked_again", "").lines, ["123"]);
}

#[test]
fn l6_noodles_and_fork_are_told_and_all_eat() {
    let ended = run("l6_noodles_and_fork", "--scale 0.2");
    let text = ended.lines.join("\n");
    for part in ["mutex 'noodles'", "mutex 'fork'", "'egon'", "'yuan'"] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    assert_eq!(ended.count("one ate"), 1, "{text}");
    assert!(text.contains("with two locks: all ate twice"), "{text}");
    assert!(text.contains("with one re-entrant lock: 6 meals"), "{text}");
    for name in ["哪吒", "egon", "yuan"] {
        assert_eq!(ended.count(&format!("{name} 吃面")), 4, "{text}");
    }
}

#[test]
fn q1_three_queues_give_back_in_their_orders() {
    let expected = "first second third third second first (10, 'b') (20, 'a') (30, 'c')".to_owned();
    assert_eq!(run("q1_three_queues", "").lines.join(" "), expected);
}

#[test]
fn q2_everything_produced_is_consumed_once_through_every_queue() {
    let ended = run("q2_within_a_process", "");
    let lines = ["Queue", "LifoQueue", "PriorityQueue", "Channel"]
        .map(|name| format!("{name}: 300 produced, each consumed once: true"));
    assert_eq!(ended.lines, lines);
}
