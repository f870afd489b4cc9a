//! `manyhands fetch --output`: the files, their names, and what an interrupt leaves behind.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Stdio;

use rustix::process::Signal;

use crate::command::{children, eventually, finish, manyhands, run, send};
use crate::paths::{Paths, body};

/// The names of the files in a directory, sorted.
fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(directory)
        .expect("it is there")
        .map(|entry| entry.expect("readable").file_name().into_string().expect("text"))
        .collect();
    names.sort();
    names
}

#[test]
fn bodies_become_files() {
    let server = Paths::start();
    let directory = tempfile::tempdir().expect("room");
    // It is made, with what is above it.
    let output = directory.path().join("a/b");
    let finished = run(&[
        "fetch",
        "--output",
        output.to_str().expect("text"),
        &server.url("/ok/300000/large.bin"),
        &server.url("/ok/0/empty"),
        &server.url("/status/404"),
        &server.url("/half"),
    ]);
    assert_eq!(finished.code, Some(1));
    assert_eq!(names(&output), ["empty", "large.bin"], "no file for what failed");
    assert!(std::fs::read(output.join("large.bin")).expect("it") == body(300_000));
    assert!(finished.stdout.contains("→"), "{}", finished.stdout);
    assert_eq!(server.seen("/half"), 3, "a body that broke off is fetched again");
}

#[test]
fn names_stay_in_the_directory_and_apart() {
    let server = Paths::start();
    let directory = tempfile::tempdir().expect("room");
    let output = directory.path().join("in");
    let long = format!("/ok/1/{}.html", "x".repeat(2000));
    let finished = run(&[
        "fetch",
        "--output",
        output.to_str().expect("text"),
        &server.url("/ok/1/..%2f..%2fescaped"),
        &server.url("/ok/2/%2e%2e%5c%00"),
        &server.url("/ok/3/same.txt"),
        &server.url("/ok/4/SAME.TXT"),
        &server.url("/ok/5/same.txt?a=/../b"),
        &server.url(&long),
    ]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let cut = format!("{}.html", "x".repeat(175));
    let mut expected = ["_.._escaped", "__", "same.txt", "SAME-2.TXT", "same_a=_.._b.txt", &*cut];
    expected.sort_unstable();
    assert_eq!(names(&output), expected);
    assert_eq!(names(directory.path()), ["in"], "nothing outside");
}

#[test]
fn a_directory_whose_name_is_not_text_takes_files() {
    let server = Paths::start();
    for executor in ["async", "processes:2"] {
        let directory = tempfile::tempdir().expect("room");
        let output = directory.path().join(OsStr::from_bytes(b"caf\xe9"));
        let mut command = manyhands(&["fetch", "--with", executor, "--json", "--output"]);
        command.arg(&output).arg(server.url("/ok/5/x"));
        let child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        let finished = finish(child);
        assert_eq!(finished.code, Some(0), "{executor}: {finished:?}");
        assert_eq!(names(&output), ["x"], "{executor}");
        let path = finished.json()[0]["path"].to_string();
        assert!(path.ends_with("/caf\u{fffd}/x\""), "{executor}: {path}");
    }
}

#[test]
fn a_worker_process_that_is_killed_costs_the_url_that_it_had() {
    let server = Paths::start();
    let directory = tempfile::tempdir().expect("room");
    let mut command = manyhands(&["fetch", "--with", "processes:1", "--json", "--output"]);
    command.arg(directory.path());
    command.args([server.url("/hold"), server.url("/ok/5/x")]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    eventually("a request is under way", || server.seen("/hold") == 1);
    let workers = children(child.id());
    assert_eq!(workers.len(), 1, "{workers:?}");
    send(workers[0].0, Signal::KILL);
    let finished = finish(child);
    assert_eq!(finished.code, Some(1), "{finished:?}");
    let objects = finished.json();
    assert_eq!(objects.len(), 2);
    let error = objects[0]["error"].as_str().expect("text");
    assert!(error.contains("SIGKILL"), "{error}");
    assert_eq!(objects[1]["error"], serde_json::Value::Null, "the next one fetches the rest");
    assert!(directory.path().join("x").exists());
    assert!(finished.stderr.contains("1 × worker died"), "{}", finished.stderr);
}

#[test]
fn a_second_run_overwrites_nothing() {
    let server = Paths::start();
    let directory = tempfile::tempdir().expect("room");
    std::fs::write(directory.path().join("x"), "mine").expect("room");
    let output = directory.path().to_str().expect("text");
    for _ in 0..2 {
        let finished = run(&["fetch", "-o", output, &server.url("/ok/5/x")]);
        assert_eq!(finished.code, Some(0));
    }
    assert_eq!(names(directory.path()), ["x", "x-2", "x-3"]);
    assert_eq!(std::fs::read(directory.path().join("x")).expect("it"), b"mine");
}

#[test]
fn a_directory_that_takes_no_files_is_said_for_each() {
    let server = Paths::start();
    let urls = [server.url("/ok/1"), server.url("/ok/2")];
    // Not even the superuser makes files there.
    let finished = run(&["fetch", "--json", "--output", "/proc", &urls[0], &urls[1]]);
    assert_eq!(finished.code, Some(1));
    let objects = finished.json();
    assert_eq!(objects.len(), 2);
    for object in objects {
        let error = object["error"].as_str().expect("text");
        assert!(error.contains("the body cannot be written"), "{error}");
        assert_eq!(object["attempts"], 1, "that does not pass by itself");
    }
    assert!(finished.stderr.contains("2 × not stored"), "{}", finished.stderr);

    let finished = run(&["fetch", "--output", "/dev/null/x", &urls[0]]);
    assert_eq!(finished.code, Some(1));
    assert!(finished.stderr.contains("cannot make the directory"), "{}", finished.stderr);
}

#[test]
fn an_interrupt_leaves_whole_files_and_nothing_else() {
    for executor in ["sequential", "threads:8", "async:200", "processes:2"] {
        let server = Paths::start();
        let directory = tempfile::tempdir().expect("room");
        let fine: Vec<_> = (0..4).map(|n| server.url(&format!("/ok/50000/file-{n}"))).collect();
        let mut command = manyhands(&["fetch", "--with", executor, "--json", "--output"]);
        command.arg(directory.path()).args(&fine);
        command.args([server.url("/hold"), server.url("/hold"), server.url("/ok/1/late")]);
        let child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        eventually("a held request is under way, after or beside the others", || {
            let whole = (0..4).all(|n| directory.path().join(format!("file-{n}")).exists());
            let parts = names(directory.path()).iter().any(|name| name.ends_with(".part"));
            whole && parts && server.seen("/hold") > 0
        });
        send(child.id(), Signal::INT);
        let finished = finish(child);
        assert_eq!(finished.code, Some(130), "{executor}: {finished:?}");
        let left = names(directory.path());
        let late = left.iter().any(|name| name == "late");
        let expected = ["file-0", "file-1", "file-2", "file-3", "late"];
        assert_eq!(left, expected[..if late { 5 } else { 4 }], "{executor}");
        for name in &left[..4] {
            let bytes = std::fs::read(directory.path().join(name)).expect("it");
            assert!(bytes == body(50_000), "{executor}: {name}");
        }
        assert_eq!(finished.json().len(), left.len(), "{executor}: one object per file");
        assert!(finished.stderr.contains("interrupted with "), "{executor}: {}", finished.stderr);
    }
}

#[test]
fn an_endless_list_can_be_interrupted() {
    let server = Paths::start();
    let url = server.url("/ok/10");
    let mut child = manyhands(&["fetch", "-", "--concurrency", "8"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let line = format!("{url}\n");
    let writer = std::thread::spawn(move || {
        use std::io::Write;
        let mut lines: u64 = 0;
        while stdin.write_all(line.as_bytes()).is_ok() {
            lines += 1;
        }
        lines
    });
    eventually("a hundred are fetched", || server.seen("/ok/10") > 100);
    send(child.id(), Signal::INT);
    let finished = finish(child);
    assert_eq!(finished.code, Some(130), "{finished:?}");
    writer.join().expect("the writer ends when nobody reads");
}
