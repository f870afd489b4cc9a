//! `manyhands compare` when tasks fail, models break, or outputs differ.

use std::net::TcpListener;
use std::process::Stdio;

use rustix::process::Signal;

use crate::command::{children, eventually, finish, manyhands, run, send};
use crate::server::Server;

/// A URL that nobody answers at: its port was free a moment ago.
fn refused() -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
    format!("http://{}/refused", listener.local_addr().expect("it has an address"))
}

#[test]
fn a_refused_url_fails_alone_under_every_model() {
    let server = Server::start(|path, _| path.to_owned());
    let (good, bad) = (server.url("/good"), refused());
    let args = ["compare", "--warmup", "0", "-r", "1", &good, &bad];
    let finished = run(&[&args[..], &["--json"]].concat());
    assert_eq!(finished.code, Some(1), "{finished:?}");
    let object = &finished.json()[0];
    for model in object["models"].as_array().expect("models is a list") {
        assert_eq!((&model["ok"], &model["failed"]), (&1.into(), &1.into()), "{model}");
    }
    assert_eq!(object["outputs_identical"], true);
    let why = object["advice"]["why"].as_str().unwrap_or_default();
    assert!(why.contains("1 of 2 tasks failed under every model"), "{why}");

    let table = run(&args).stdout;
    assert!(table.contains(&format!("failed {bad} under every model")), "{table}");
}

#[test]
fn an_error_page_is_a_failure_that_tells_its_status() {
    let (site, address) = crate::command::start_site(&["--latency", "0", "--until-eof"]);
    let finished =
        run(&["compare", "-m", "sequential,async", "-r", "1", &format!("http://{address}/no")]);
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(finished.stdout.contains("404"), "{}", finished.stdout);
    assert!(finished.stdout.contains("Advice: none"), "{}", finished.stdout);
    assert_eq!(finish(site).code, Some(0));
}

#[test]
fn a_request_that_takes_too_long_fails() {
    let server = Server::start(|_, _| String::new());
    server.hold_from(0);
    let url = server.url("/slow");
    let finished =
        run(&["compare", "--warmup", "0", "-r", "1", "--timeout", "0.2", "--json", &url]);
    assert_eq!(finished.code, Some(1), "{finished:?}");
    for model in finished.json()[0]["models"].as_array().expect("models is a list") {
        assert_eq!(model["failed"], 1, "{model}");
    }
}

#[test]
fn outputs_that_differ_are_reported_loudly() {
    let server = Server::start(|_, number| format!("answer {number}"));
    let url = server.url("/changing");
    let args = ["compare", "--warmup", "0", "-r", "1", &url];
    let table = run(&args);
    assert_eq!(table.code, Some(1), "{table:?}");
    assert!(table.stdout.contains("OUTPUTS DIFFER"), "{}", table.stdout);
    assert!(table.stdout.contains(&url), "{}", table.stdout);
    let object = &run(&[&args[..], &["--json"]].concat()).json()[0];
    assert_eq!(object["outputs_identical"], false);
    assert_eq!(object["differing_tasks"], serde_json::json!([0]));
}

#[test]
fn a_killed_model_is_reported_and_the_others_go_on() {
    let server = Server::start(|path, _| path.to_owned());
    server.hold_from(0);
    let mut command =
        manyhands(&["compare", "--warmup", "0", "-r", "1", "--json", &server.url("/x")]);
    let compare = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    eventually("the first model asks", || server.seen() == 1);
    let running = children(compare.id());
    let (child, _) = running.iter().find(|(_, line)| line.contains("run-model")).expect("it runs");
    send(*child, Signal::KILL);
    server.release();
    let finished = finish(compare);
    assert_eq!(finished.code, Some(1), "{finished:?}");
    let object = &finished.json()[0];
    let models = object["models"].as_array().expect("models is a list");
    let error = models[0]["error"].as_str().unwrap_or_default();
    assert!(error.contains("signal 9 (SIGKILL)"), "{error}");
    assert!(models[0]["wall_s"].is_null());
    assert_eq!(models[1]["ok"], 1);
    assert_eq!(models[2]["ok"], 1);
}
