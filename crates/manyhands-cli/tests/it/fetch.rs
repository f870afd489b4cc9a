//! `manyhands fetch`: results, failures, patience, lists.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use serde_json::Value;

use crate::command::{Finished, finish, manyhands, run};
use crate::paths::{Paths, body};

/// Runs `fetch` with these arguments and this standard input.
fn fetch_with_input(args: &[&str], input: &str) -> Finished {
    let mut child = manyhands(&["fetch"])
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut stdin = child.stdin.take().expect("standard input is a pipe");
    stdin.write_all(input.as_bytes()).expect("it reads all of it");
    drop(stdin);
    finish(child)
}

/// The object of a URL among those printed.
fn of<'a>(objects: &'a [Value], url: &str) -> &'a Value {
    objects
        .iter()
        .find(|object| object["url"] == url)
        .unwrap_or_else(|| panic!("{url} is not in {objects:?}"))
}

/// One executor of each sort that fetches in its own way: by futures here, and in other processes.
const SORTS: [&str; 2] = ["async", "processes:2"];

#[test]
fn the_body_of_a_single_url_is_printed_and_nothing_else() {
    let server = Paths::start();
    for with in SORTS {
        let fetch = |more: &[&str]| run(&[&["fetch", "--with", with], more].concat());
        let finished = fetch(&[&server.url("/ok/5000")]);
        assert_eq!((finished.code, &*finished.stderr), (Some(0), ""), "{with}");
        assert_eq!(finished.stdout.as_bytes(), body(5000), "{with}");

        let finished = fetch(&[&server.url("/status/404")]);
        assert_eq!((finished.code, &*finished.stdout), (Some(1), "no luck"), "{with}");
        assert!(finished.stderr.contains("/status/404: the status is 404"), "{}", finished.stderr);

        let finished = fetch(&["--retries", "0", "http://127.0.0.1:1/"]);
        assert_eq!((finished.code, &*finished.stdout), (Some(1), ""), "{with}");
        assert!(finished.stderr.contains("connecting: Connection refused"), "{}", finished.stderr);
    }
}

#[test]
fn a_printed_body_is_not_begun_twice() {
    let server = Paths::start();
    for with in SORTS {
        let finished = run(&["fetch", "--with", with, &server.url("/half")]);
        assert_eq!((finished.code, &*finished.stdout), (Some(1), "half"), "{with}");
        assert!(finished.stderr.contains("--output"), "{}", finished.stderr);
    }
}

#[test]
fn several_urls_get_a_line_each_and_a_summary() {
    let server = Paths::start();
    let (one, two) = (server.url("/ok/10"), server.url("/status/500"));
    let finished = run(&["fetch", "--retries", "0", &one, &two]);
    assert_eq!(finished.code, Some(1));
    let line =
        |url: &str| finished.stdout.lines().find(|line| line.contains(url)).map(str::to_owned);
    assert!(line(&one).is_some_and(|line| line.starts_with("200        10 B")), "{finished:?}");
    assert!(
        line(&two).is_some_and(|line| line.ends_with("the status is 500 Internal Server Error"))
    );
    assert!(finished.stderr.contains("1 of 2 URLs fetched"), "{}", finished.stderr);
    assert!(finished.stderr.contains("p50 "), "{}", finished.stderr);
    assert!(finished.stderr.contains("failed: 1 × status 500"), "{}", finished.stderr);
}

#[test]
fn objects_say_everything_about_each_url() {
    let server = Paths::start();
    let urls = [server.url("/ok/10"), server.url("/status/404"), "http://127.0.0.1:1/".into()];
    let finished = run(&["fetch", "--json", "--retries", "1", &urls[0], &urls[1], &urls[2]]);
    assert_eq!(finished.code, Some(1));
    let objects = finished.json();
    assert_eq!(objects.len(), 3);
    for object in &objects {
        let mut members: Vec<_> = object.as_object().expect("an object").keys().collect();
        members.sort();
        assert_eq!(members, ["attempts", "bytes", "elapsed_s", "error", "path", "status", "url"]);
    }
    let fine = of(&objects, &urls[0]);
    assert_eq!(
        (&fine["status"], &fine["bytes"], &fine["attempts"]),
        (&200.into(), &10.into(), &1.into())
    );
    assert_eq!((&fine["error"], &fine["path"]), (&Value::Null, &Value::Null));
    assert!(fine["elapsed_s"].as_f64().expect("a number") > 0.0);
    let missing = of(&objects, &urls[1]);
    assert_eq!((&missing["status"], &missing["attempts"]), (&404.into(), &1.into()));
    assert_eq!(missing["error"], "the status is 404 Not Found");
    let refused = of(&objects, &urls[2]);
    assert_eq!((&refused["status"], &refused["attempts"]), (&Value::Null, &2.into()));
    assert!(refused["error"].as_str().expect("text").starts_with("connecting: "));
}

#[test]
fn a_wrong_line_is_reported_with_its_number_and_the_rest_goes_on() {
    let server = Paths::start();
    let list = format!(
        "# a list\n{}\n\nno scheme here\nftp://a.example/\n{}\n",
        server.url("/ok/1"),
        server.url("/ok/2")
    );
    let finished = fetch_with_input(&["-"], &list);
    assert_eq!(finished.code, Some(1));
    assert_eq!(finished.stdout.lines().count(), 2);
    for words in ["stdin:4: \"no scheme here\"", "stdin:5: ", "2 of 4 URLs", "2 × not a URL"] {
        assert!(finished.stderr.contains(words), "{words}: {}", finished.stderr);
    }

    let finished = fetch_with_input(&["--file", "-", "--json"], &list);
    assert_eq!(finished.code, Some(1));
    let objects = finished.json();
    assert_eq!(objects.len(), 4, "every line has its object");
    let wrong = of(&objects, "no scheme here")["error"].as_str().expect("text");
    assert!(wrong.starts_with("stdin:4: "), "{wrong}");
}

#[test]
fn lists_come_from_files_and_add_up() {
    let server = Paths::start();
    let directory = tempfile::tempdir().expect("room");
    let list = directory.path().join("urls.txt");
    std::fs::write(&list, format!("{}\nwrong\n", server.url("/ok/1"))).expect("room");
    let list = list.to_str().expect("text");
    let finished = run(&["fetch", "--file", list, "--file", list, &server.url("/ok/2")]);
    assert_eq!(finished.code, Some(1));
    assert_eq!(finished.stdout.lines().count(), 3);
    assert!(finished.stderr.contains(&format!("{list}:2: ")), "{}", finished.stderr);

    let finished = run(&["fetch", "--file", "/no/such/list"]);
    assert_eq!(finished.code, Some(1));
    assert!(finished.stderr.contains("cannot open /no/such/list"), "{}", finished.stderr);
}

#[test]
fn an_empty_list_is_done_at_once() {
    let finished = fetch_with_input(&["-"], "\n# nothing\n");
    assert_eq!((finished.code, &*finished.stdout), (Some(0), ""));
    assert!(finished.stderr.starts_with("0 of 0 URLs fetched"), "{}", finished.stderr);
    let finished = fetch_with_input(&["-", "--json"], "");
    assert_eq!((finished.code, &*finished.stdout), (Some(0), ""));
}

#[test]
fn what_is_known_is_fetched_while_the_list_is_still_being_written() {
    let server = Paths::start();
    let mut child = manyhands(&["fetch", "-", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
    for round in 0..3 {
        let url = server.url(&format!("/ok/{round}"));
        writeln!(stdin, "{url}").expect("it listens");
        let mut line = String::new();
        stdout.read_line(&mut line).expect("it prints");
        let object: Value = serde_json::from_str(&line).expect("an object");
        assert_eq!(object["url"], url.as_str());
    }
    drop(stdin);
    assert_eq!(finish(child).code, Some(0));
}

#[test]
fn all_executors_come_to_the_same_results() {
    let server = Paths::start();
    let mut list: Vec<String> =
        (0..60).map(|n| server.url(&format!("/ok/{}/x", n * 100))).collect();
    list.push(server.url("/status/404"));
    list.push("http://127.0.0.1:1/".to_owned());
    list.push("wrong".to_owned());
    let list = list.join("\n");
    let results: Vec<_> = ["sequential", "threads:8", "async:200", "processes:2"]
        .into_iter()
        .map(|executor| {
            let directory = tempfile::tempdir().expect("room");
            let output = directory.path().to_str().expect("text");
            let args = ["-", "--json", "--retries", "0", "--with", executor, "--output", output];
            let finished = fetch_with_input(&args, &list);
            assert_eq!(finished.code, Some(1), "{finished:?}");
            let mut objects: Vec<_> = finished
                .json()
                .into_iter()
                .map(|mut object| {
                    object["elapsed_s"].take();
                    let path = object["path"].as_str().map(|path| path.replace(output, "DIR"));
                    object["path"] = path.into();
                    object.to_string()
                })
                .collect();
            objects.sort();
            let mut files: Vec<_> = std::fs::read_dir(&directory)
                .expect("it is there")
                .map(|entry| {
                    let path = entry.expect("readable").path();
                    (
                        path.file_name().expect("a name").to_owned(),
                        std::fs::read(&path).expect("it"),
                    )
                })
                .collect();
            files.sort();
            assert_eq!(files.len(), 60);
            (objects, files)
        })
        .collect();
    assert!(results[0] == results[1], "threads differ from sequential");
    assert!(results[0] == results[2], "async differs from sequential");
    assert!(results[0] == results[3], "processes differ from sequential");
}

#[test]
fn the_executor_and_the_limit_say_how_many_are_under_way() {
    let server = Paths::start();
    let list = (0..30).map(|n| server.url(&format!("/ok/{n}"))).collect::<Vec<_>>().join("\n");
    for (args, most) in [
        (&["-", "--with", "sequential"][..], 1),
        (&["-", "--with", "threads:4"], 4),
        (&["-", "--with", "threads", "--concurrency", "4"], 4),
        (&["-", "--with", "async:100", "-c", "4"], 4),
        (&["-", "--per-host", "4"], 4),
        (&["-", "--with", "processes:2"], 2),
        (&["-", "--with", "processes", "--concurrency", "3"], 3),
        (&["-", "--with", "processes:8", "--concurrency", "2"], 2),
        (&["-", "--with", "processes:2", "--per-host", "2"], 2),
    ] {
        let before = Paths::start();
        let list = list.replace(&server.url(""), &before.url(""));
        assert_eq!(fetch_with_input(args, &list).code, Some(0), "{args:?}");
        assert!(before.most_under_way() <= most, "{args:?}: {}", before.most_under_way());
    }
}

#[test]
fn a_busy_server_is_asked_again_when_it_wants_to_be() {
    let server = Paths::start();
    let fine = server.url("/ok/1");
    for (number, with) in SORTS.into_iter().enumerate() {
        let busy = server.url(&format!("/flaky/1/429/1?{number}"));
        let finished = run(&["fetch", "--with", with, "--json", &busy, &fine]);
        assert_eq!(finished.code, Some(0), "{with}: {finished:?}");
        let objects = finished.json();
        let object = of(&objects, &busy);
        assert_eq!((&object["status"], &object["attempts"]), (&200.into(), &2.into()), "{with}");
        assert!(object["elapsed_s"].as_f64().expect("a number") >= 1.0, "{with}");
    }

    let finished =
        run(&["fetch", "--json", "--retries", "0", &server.url("/flaky/9/503/1"), &fine]);
    assert_eq!(finished.code, Some(1));
}

#[test]
fn a_server_that_hangs_is_given_up_in_time() {
    let server = Paths::start();
    let (hold, fine) = (server.url("/hold"), server.url("/ok/1"));
    let args = ["fetch", "--json", "--timeout", "0.3", "--retries", "1", &hold, &fine];
    for with in SORTS {
        let finished = run(&[&args[..], &["--with", with]].concat());
        assert_eq!(finished.code, Some(1), "{with}");
        let objects = finished.json();
        assert_eq!(of(&objects, &fine)["error"], Value::Null, "{with}");
        let object = of(&objects, &hold);
        let error = object["error"].as_str().expect("text");
        assert_eq!(error, "receiving the body: the time limit of 300ms passed", "{with}");
        assert_eq!(object["attempts"], 2, "{with}");
        assert!(finished.stderr.contains("1 × no response in time"), "{}", finished.stderr);
    }
}

#[test]
fn headers_are_sent() {
    let server = Paths::start();
    for with in SORTS {
        let args = ["fetch", "--with", with, "-H", "X-Test: a: b", &server.url("/echo")];
        let finished = run(&args);
        assert_eq!((finished.code, &*finished.stdout), (Some(0), "a: b"), "{with}");
    }
}

#[test]
fn wrong_usage_is_told_apart() {
    for (args, words) in [
        (&["fetch"][..], "required"),
        (&["fetch", "a.example"], "has no scheme"),
        (&["fetch", "--with", "fibres:4", "http://a.example/"], "possible are sequential"),
        (
            &["fetch", "--with", "processes:4", "--per-host", "2", "http://a.example/"],
            "use --with processes:2",
        ),
        (&["fetch", "--with", "threads:0", "http://a.example/"], "the size is 0"),
        (&["fetch", "-c", "0", "http://a.example/"], "0 is not in"),
        (&["fetch", "-t", "0", "http://a.example/"], "above 0"),
        (&["fetch", "-H", "no colon", "http://a.example/"], "a colon"),
        (&["fetch", "-H", "a b: c", "http://a.example/"], "\"a b\""),
    ] {
        let finished = run(args);
        assert_eq!(finished.code, Some(2), "{args:?}: {finished:?}");
        assert!(finished.stderr.contains(words), "{args:?}: {}", finished.stderr);
    }
}

#[test]
fn a_reader_that_has_seen_enough_ends_the_command_quietly() {
    let server = Paths::start();
    let many: String = (0..20_000).map(|_| server.url("/ok/10\n")).collect();
    let directory = tempfile::tempdir().expect("room");
    let list = directory.path().join("urls.txt");
    std::fs::write(&list, many).expect("room");
    for args in [&["fetch", "--json", "--file"][..], &["fetch", "--file"]] {
        let mut child = manyhands(args)
            .arg(&list)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut line = String::new();
        stdout.read_line(&mut line).expect("it prints");
        drop(stdout);
        let finished = finish(child);
        assert_eq!((finished.code, &*finished.stderr), (Some(0), ""), "{args:?}");
    }

    for with in SORTS {
        let mut child = manyhands(&["fetch", "--with", with, &server.url("/ok/30000000")])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        drop(child.stdout.take());
        let finished = finish(child);
        assert_eq!((finished.code, &*finished.stderr), (Some(0), ""), "{with}");
    }
}
