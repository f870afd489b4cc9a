//! `manyhands compare --crash`: what a task that aborts takes with it.

use std::process::Stdio;

use rustix::process::Signal;

use crate::command::{children, eventually, finish, is_alive, manyhands, run, send};

#[test]
fn the_program_is_lost_or_one_task_of_a_hundred() {
    let finished = run(&["compare", "--crash", "--json"]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let object = &finished.json()[0];
    assert_eq!((&object["tasks"], &object["crashing_task"]), (&100.into(), &50.into()));
    let models = object["models"].as_array().expect("models is a list");
    assert_eq!(models.len(), 5, "{object}");
    for model in models {
        let name = model["model"].as_str().expect("a name");
        let figure = |name: &str| model[name].as_u64().expect("a number");
        let figures = (figure("results"), figure("failed"), figure("lost"));
        let what = model["what_happened"].as_str().expect("text");
        assert_eq!(model["as_promised"], true, "{model}");
        assert!(what.contains("SIGABRT"), "{model}");
        if name.starts_with("processes") {
            assert_eq!(figures, (99, 1, 0), "{model}");
            assert_eq!(model["usable_after"], true, "{model}");
            assert!(what.starts_with("task 50 failed: "), "{model}");
            assert!(what.contains("the worker (process "), "{model}");
        } else {
            let (results, failed, lost) = figures;
            assert!(results < 100 && failed == 0 && results + lost == 100, "{model}");
            assert_eq!(model["usable_after"], false, "{model}");
        }
    }
    assert_eq!(models[0]["results"], 49, "one after the other, those before it arrive");
}

#[test]
fn the_table_fits_a_terminal_and_says_what_happened() {
    let finished = run(&["compare", "--crash", "--models", "threads:2,processes:2"]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(finished.stdout.lines().all(|line| line.chars().count() <= 80), "{}", finished.stdout);
    for part in ["usable after", "threads:2: the program was lost", "processes:2: task 50 failed"] {
        assert!(finished.stdout.contains(part), "{part}: {}", finished.stdout);
    }
    assert!(!finished.stdout.contains("promise"), "{}", finished.stdout);
}

#[test]
fn a_model_that_is_killed_has_not_kept_its_promise() {
    let args = ["compare", "--crash", "--json", "--models", "sequential,processes:2"];
    let mut command = manyhands(&args);
    let crash = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut model = None;
    eventually("the first model runs", || {
        let running = children(crash.id());
        model = running.into_iter().find(|(_, line)| line.contains("run-crash"));
        model.is_some()
    });
    let (model, _) = model.expect("it was found");
    send(model, Signal::KILL);
    let finished = finish(crash);
    assert_eq!(finished.code, Some(1), "{finished:?}");
    let object = &finished.json()[0];
    assert_eq!(object["models"][0]["as_promised"], false, "{object}");
    assert_eq!(object["models"][1]["as_promised"], true, "{object}");
    assert!(!is_alive(model));
}
