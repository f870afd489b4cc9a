//! URLs from arguments, files and standard input, and wrong usage.

use std::io::Write;
use std::process::Stdio;

use crate::command::{finish, manyhands, run};
use crate::server::Server;

fn echo() -> Server {
    Server::start(|path, _| path.to_owned())
}

#[test]
fn urls_are_fetched_under_every_model() {
    let server = echo();
    let urls = [server.url("/one"), server.url("/twelve")];
    let finished = run(&["compare", "--warmup", "0", "-r", "1", "--json", &urls[0], &urls[1]]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let object = &finished.json()[0];
    assert_eq!(object["workload"], "urls");
    for (model, name) in object["models"].as_array().expect("models is a list").iter().zip([
        "sequential",
        "threads:2",
        "coroutines",
        "async:2",
        "processes:2",
    ]) {
        assert_eq!(model["model"], name);
        assert_eq!(model["bytes"], "/one/twelve".len());
    }
    assert_eq!(server.seen(), 10);
}

#[test]
fn servers_of_others_are_warmed_up_once() {
    let server = echo();
    run(&["compare", "-m", "sequential", "-r", "2", &server.url("/")]);
    assert_eq!(server.seen(), 3);
}

#[test]
fn wrong_lines_are_reported_with_their_numbers_and_the_rest_goes_on() {
    let server = echo();
    let mut file = tempfile::NamedTempFile::new().expect("a file can be made");
    write!(
        file,
        "# pages\n{}\n\nexample.org/x\n{}\nftp://h/\n",
        server.url("/a"),
        server.url("/b")
    )
    .expect("it can be written");
    let path = file.path().to_str().expect("its path is text");
    let finished = run(&["compare", "-m", "sequential", "-r", "1", "--json", "--file", path]);
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(finished.stderr.contains(&format!("{path}:4: ")), "{}", finished.stderr);
    assert!(finished.stderr.contains(&format!("{path}:6: ")), "{}", finished.stderr);
    let object = &finished.json()[0];
    assert_eq!(object["models"][0]["ok"], 2);
    assert_eq!(object["models"][0]["failed"], 0);
}

#[test]
fn a_dash_reads_standard_input() {
    let server = echo();
    let mut child = manyhands(&["compare", "-m", "sequential", "-r", "1", "--json", "--file", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut stdin = child.stdin.take().expect("standard input is a pipe");
    write!(stdin, "{}\r\n", server.url("/a")).expect("it reads");
    drop(stdin);
    let finished = finish(child);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert_eq!(finished.json()[0]["models"][0]["ok"], 1);
}

#[test]
fn wrong_usage_ends_with_two_and_says_what_is_wrong() {
    let empty = tempfile::NamedTempFile::new().expect("a file can be made");
    let empty = empty.path().to_str().expect("its path is text");
    for (args, words) in [
        (&["compare", "nonsense"][..], "http://"),
        (&["compare", "--models", "threads:0"], "threads:0"),
        (&["compare", "--models", "fibres"], "fibres"),
        (&["compare", "--models", "async,threads:2,async"], "async is there twice"),
        (&["compare", "--workload", "tea"], "tea"),
        (&["compare", "--workload", "pages", "http://127.0.0.1:9/"], "mixed"),
        (&["compare", "--sweep", "--models", "async"], "--models"),
        (&["compare", "--crash", "--workload", "cpu"], "--workload"),
        (&["compare", "--crash", "http://127.0.0.1:9/"], "--crash"),
        (&["compare", "--repeats", "0"], "0"),
        (&["compare", "--timeout", "-1"], "-1"),
        (&["compare", "--file", empty], "no URL"),
        (&["brew"], "brew"),
    ] {
        let finished = run(args);
        assert_eq!(finished.code, Some(2), "{args:?}: {finished:?}");
        assert!(finished.stderr.contains(words), "{args:?}: {}", finished.stderr);
    }
}

#[test]
fn a_file_that_is_not_there_is_an_error_that_names_it() {
    let finished = run(&["compare", "--file", "/nowhere/urls.txt"]);
    assert_eq!(finished.code, Some(1));
    assert!(finished.stderr.contains("/nowhere/urls.txt"), "{}", finished.stderr);
}

#[test]
fn a_page_that_cannot_be_written_is_told_before_anything_is_measured() {
    let server = echo();
    let finished = run(&["compare", "--html", "/nowhere/report.html", &server.url("/x")]);
    assert_eq!(finished.code, Some(1));
    assert!(finished.stderr.contains("/nowhere/report.html"), "{}", finished.stderr);
    assert_eq!(server.seen(), 0);
}
