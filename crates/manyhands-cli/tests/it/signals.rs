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
fn nothing_outlives_a_killed_command() {
    let mut command =
        manyhands(&["compare", "-w", "pages", "-m", "sequential", "--latency", "1000"]);
    let mut compare = command.stdout(Stdio::null()).spawn().expect("it starts");
    let both = |running: &[(u32, String)]| {
        ["serve", "run-model"]
            .iter()
            .all(|part| running.iter().any(|(_, line)| line.contains(part)))
    };
    let mut running = Vec::new();
    eventually("site and model run", || {
        running = children(compare.id());
        both(&running)
    });
    send(compare.id(), Signal::KILL);
    compare.wait().expect("it can be waited for");
    eventually("site and model are gone", || running.iter().all(|(pid, _)| !is_alive(*pid)));
}
