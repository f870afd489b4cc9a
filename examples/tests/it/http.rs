//! Rows H2 to H6: HTTP.

use examples::FRONT_PAGES;

use crate::program::{Ended, number, run};

#[test]
fn h2_responses_come_in_order() {
    let ended = run("h2_map_of_requests", "--scale 0.1");
    assert_eq!(ended.lines[0], "[<Response [200]>, <Response [200]>, <Response [200]>]");
    assert_eq!(ended.lines[1..], ["3", "5", "7", "9", "11", "13", "15", "17", "19"]);
}

#[test]
fn h2_a_failed_request_is_an_error_in_its_place() {
    let ended = run("h2_map_of_requests", "http://127.0.0.1:1/ nowhere");
    assert!(ended.lines[0].contains("http://127.0.0.1:1/"), "{}", ended.lines[0]);
    assert!(ended.lines[0].contains("nowhere"), "{}", ended.lines[0]);
}

#[test]
fn h3_at_once_is_several_times_as_fast() {
    let ended = run("h3_sequential_or_at_once", "");
    assert_eq!(ended.after("24 pages, the same both times: "), "true");
    let last = ended.lines.last().unwrap();
    // 15 times on a quiet machine; in sequence it takes at least 1.15 s.
    assert!(number(last) >= 3.0, "{:?}", ended.lines);
}

#[test]
fn h4_every_program_reads_the_same_twelve_pages() {
    let ended = run("h4_twelve_sites", "--scale 0.25");
    let programs: Vec<&[String]> =
        ended.lines.split_inclusive(|line| line.starts_with("Download 12 sites in ")).collect();
    let heads: Vec<&str> = programs.iter().map(|lines| lines[0].as_str()).collect();
    assert_eq!(
        heads,
        [
            "sequential, in order:",
            "threads:5, in order:",
            "processes, in order:",
            "threads:3, as completed:",
            "threads:3, in order:",
            "async:12, as completed:"
        ]
    );
    let read = |lines: &[String]| -> Vec<(String, usize)> {
        let pages = lines.iter().filter_map(|line| line.strip_prefix("Read "));
        pages
            .map(|page| (page.rsplit_once('/').unwrap().1.to_owned(), number(page) as usize))
            .collect()
    };
    let mut expected: Vec<(String, usize)> =
        FRONT_PAGES.iter().map(|(host, bytes)| ((*host).to_owned(), *bytes)).collect();
    assert_eq!(read(programs[0]), expected);
    expected.sort();
    for program in &programs {
        let mut pages = read(program);
        pages.sort();
        assert_eq!(pages, expected, "{}", program[0]);
    }
    let seconds =
        |lines: &[String]| number(lines[13].strip_prefix("Download 12 sites in ").unwrap());
    let cores = std::thread::available_parallelism().unwrap().get();
    for program in &programs[1..] {
        if program[0].starts_with("processes") && cores == 1 {
            continue; // one process is no faster than one after the other
        }
        assert!(seconds(program) < seconds(programs[0]), "{:?}", ended.lines);
    }
}

/// The median with so many clients, in seconds.
fn median(ended: &Ended, clients: usize) -> f64 {
    number(ended.after(&format!("{clients} clients: p50 ")))
}

#[test]
fn h5_fifty_clients_wait_no_longer_than_one() {
    let ended = run("h5_web_handler", "");
    let answer: serde_json::Value = serde_json::from_str(&ended.lines[0]).unwrap();
    assert_eq!(
        answer,
        serde_json::json!({
            "result_file": "file_result", "result_db": "read db", "result_api": "read api"
        })
    );
    for clients in [1, 10, 50] {
        let seconds = median(&ended, clients);
        // 0.3 s on a quiet machine. One after the other, the calls take 0.6 s; through a pool of
        // the default size, 50 clients take 4.9 s.
        assert!((0.3..0.6).contains(&seconds), "{:?}", ended.lines);
    }
}

#[test]
fn h5_too_small_a_pool_is_the_queue() {
    let ended = run("h5_web_handler", "6 --scale 0.1");
    // 6 threads answer 100 requests a second, so 50 clients wait for half a second each.
    assert!(median(&ended, 50) > 4.0 * 0.03, "{:?}", ended.lines);
    assert_eq!(ended.after("threads started: "), "6 of 6");
}

#[test]
fn h6_the_table_tells_calls_and_times() {
    let ended = run("h6_where_the_time_went", "--scale 0.5");
    let of_model: Vec<&[String]> = ended.lines.chunks(4).collect();
    assert_eq!(of_model.len(), 2);
    let words = |lines: &[String]| number(lines[0].split_once(": ").unwrap().1);
    assert!(words(of_model[0]) > 0.0);
    assert_eq!(words(of_model[0]), words(of_model[1]));
    for lines in &of_model {
        for function in ["get", "count words"] {
            let of_function = |line: &&String| line.ends_with(&format!("  {function}"));
            let row = lines[2..].iter().find(of_function).unwrap();
            assert_eq!(number(row), 12.0, "{row}");
        }
    }
    // At once, the functions together take longer than the clock shows.
    let clock = number(of_model[1][0].rsplit_once(" in ").unwrap().1);
    let get = of_model[1].iter().find(|line| line.ends_with("  get")).unwrap();
    let in_get = number(get.split_whitespace().nth(1).unwrap());
    assert!(in_get > clock, "{:?}", ended.lines);
}
