//! Rows A1, A2, G1 and G2: async tasks, and which model for which work.

use std::collections::BTreeSet;

use examples::FRONT_PAGES;

use crate::program::{number, run};

#[test]
fn a1_all_tasks_are_done_and_have_their_results() {
    let ended = run("a1_event_loop", "--scale 0.1");
    assert_eq!(ended.lines[0], "done: 12, not done: 0");
    for (line, (host, bytes)) in ended.lines[1..].iter().zip(FRONT_PAGES) {
        assert!(line.ends_with(&format!("/{host}: {bytes} bytes")), "{line}");
    }
    assert_eq!(ended.lines.len(), 13);
}

#[test]
fn a2_never_more_than_ten_pages_at_a_time() {
    let ended = run("a2_bounded_crawler", "--scale 0.2");
    let pages: BTreeSet<&str> = ended
        .lines
        .iter()
        .filter_map(|line| line.strip_prefix("craw url:")?.rsplit_once('/'))
        .map(|(_, page)| page)
        .collect();
    let expected: BTreeSet<String> =
        (1..=50).map(|page| format!("{page} {}", 1000 + page)).collect();
    assert!(pages.iter().eq(&expected), "{pages:?}");
    assert_eq!(ended.after("at most "), "10 at a time");
    assert_eq!(ended.count("craw url:"), 100);
    assert!(number(ended.after("with a semaphore the site saw at most ")) <= 10.0);
    assert!(number(ended.after("the site saw at most ")) <= 10.0);
    // Five rounds of at least 20 ms each.
    for how in ["a semaphore", "a pool of ten"] {
        assert!(number(ended.after(&format!("{how}: use time second: "))) >= 0.1);
    }
}

#[test]
fn g1_all_models_agree_and_waiting_is_not_for_one_alone() {
    let ended = run("g1_which_model", "--scale 0.5");
    let mut results: Vec<Vec<&str>> = Vec::new();
    let mut best = Vec::new();
    for line in &ended.lines {
        match (line.split_once("result "), line.strip_prefix("  best: ")) {
            (Some((_, result)), _) => results.last_mut().unwrap().push(result),
            (_, Some(model)) => best.push(model),
            _ => results.push(Vec::new()),
        }
    }
    assert_eq!(results.iter().map(Vec::len).collect::<Vec<_>>(), [3, 4, 2]);
    assert!(results.iter().all(|of_work| of_work.iter().all(|result| *result == of_work[0])));
    assert_ne!(best[0], "sequential", "one after the other takes 24 waits of 24 ms");
    assert_eq!(best[2], "async:1000", "100 threads take ten rounds of waits");
}

#[test]
fn g2_threads_execute_at_the_same_moment() {
    let ended = run("g2_all_cores", "--scale 0.01");
    let sum = |model: &str| ended.after(model).rsplit_once("sum ").unwrap().1.to_owned();
    let cores = std::thread::available_parallelism().unwrap().get();
    assert_eq!(sum("sequential: "), sum(&format!("threads:{cores}: ")));
    assert!(number(ended.after(&format!("speed-up on {cores} cores: "))) > 0.0);
    if cores > 1 {
        // Twenty on a quiet machine. If one thread had to be switched off for the other to go on,
        // a hundred throws would take at least a hundred switches: a hundred milliseconds.
        let throws = number(ended.after("100 throws from core to core: "));
        assert!(throws < 1000.0, "{throws} µs");
    }
}
