//! Ctrl-C in the middle, and what is left when the command is killed.

use std::process::Stdio;

use rustix::process::Signal;

use crate::command::{children, eventually, finish, is_alive, manyhands, send};
use crate::server::Server;

#[test]
fn an_interrupt_prints_the_models_measured_so_far() {
    let server = Server::start(|path, _| path.to_owned());
    server.hold_from(1);
    let mut command = manyhands(&["compare", "--warmup", "0", "--json", &server.url("/x")]);
    let compare = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    eventually("the second model asks", || server.seen() == 2);
    let running = children(compare.id());
    send(compare.id(), Signal::INT);
    let finished = finish(compare);
    assert_eq!(finished.code, Some(130), "{finished:?}");
    let object = &finished.json()[0];
    assert_eq!(object["interrupted"], true);
    let models = object["models"].as_array().expect("models is a list");
    assert_eq!(models.len(), 1, "{object}");
    assert_eq!(models[0]["model"], "sequential");
    assert_eq!(models[0]["ok"], 1);
    assert!(running.iter().all(|(pid, _)| !is_alive(*pid)), "{running:?}");
}

#[test]
fn an_interrupt_before_anything_is_measured_says_so() {
    let server = Server::start(|path, _| path.to_owned());
    server.hold_from(0);
    let mut command = manyhands(&["compare", &server.url("/x")]);
    let compare = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    eventually("the first model asks", || server.seen() == 1);
    send(compare.id(), Signal::TERM);
    let finished = finish(compare);
    assert_eq!(finished.code, Some(143), "{finished:?}");
    assert!(finished.stdout.contains("before any model had run"), "{}", finished.stdout);
}

#[test]
fn an_interrupt_ends_worker_processes_too() {
    let server = Server::start(|path, _| path.to_owned());
    server.hold_from(0);
    let args = ["compare", "-m", "processes:2", "--timeout", "1000", &server.url("/x")];
    let mut command = manyhands(&args);
    let compare = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    eventually("the model asks", || server.seen() == 1);
    let model = children(compare.id()).pop().expect("it runs").0;
    let workers = children(model);
    assert!(!workers.is_empty());
    send(compare.id(), Signal::INT);
    let finished = finish(compare);
    assert_eq!(finished.code, Some(130), "{finished:?}");
    eventually("the workers are gone", || workers.iter().all(|(pid, _)| !is_alive(*pid)));
}

#[test]
fn the_site_does_not_outlive_a_killed_command() {
    outlives_nothing(&["-w", "pages", "--latency", "1000"], "serve");
}

#[test]
fn a_model_does_not_outlive_a_killed_command() {
    // The request is never answered, so only the loss of its parent can end the model.
    let server = Server::start(|path, _| path.to_owned());
    server.hold_from(0);
    outlives_nothing(&[&server.url("/x")], "run-model");
}

/// Kills a comparison while it has a child with `part` in its command line.
fn outlives_nothing(args: &[&str], part: &str) {
    let mut command = manyhands(&["compare", "-m", "threads:2", "--timeout", "1000"]);
    let mut compare = command.args(args).stdout(Stdio::null()).spawn().expect("it starts");
    let mut child = None;
    eventually("the child runs", || {
        let running = children(compare.id());
        child = running.into_iter().find(|(_, line)| line.contains(part)).map(|(pid, _)| pid);
        child.is_some()
    });
    send(compare.id(), Signal::KILL);
    compare.wait().expect("it can be waited for");
    eventually("the child is gone", || child.is_some_and(|pid| !is_alive(pid)));
}
