//! `manyhands compare` when all goes well.

use serde_json::Value;

use crate::command::{finish, manyhands, run};

/// The bytes of the twelve pages together.
const PAGE_BYTES: u64 = 2_371_912;

fn model<'a>(object: &'a Value, name: &str) -> &'a Value {
    let models = object["models"].as_array().expect("models is a list");
    models.iter().find(|model| model["model"] == name).expect("the model was run")
}

#[test]
fn the_default_prints_one_object_for_pages_and_one_for_json() {
    let finished = run(&["compare", "--latency", "0.05", "--repeats", "2", "--json"]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let objects = finished.json();
    let names: Vec<_> = objects.iter().map(|object| object["workload"].as_str()).collect();
    assert_eq!(names, [Some("pages"), Some("json")]);
    let expected = [("threads:5", "processes:5", 12), ("threads:24", "processes:6", 24)];
    for (object, (threads, processes, tasks)) in objects.iter().zip(expected) {
        assert_eq!(object["tasks"], tasks);
        assert_eq!(object["outputs_identical"], true);
        assert_eq!(object["interrupted"], false);
        for name in ["sequential", threads, "coroutines", "async", processes] {
            let model = model(object, name);
            assert_eq!(model["ok"], tasks, "{model}");
            assert_eq!(model["failed"], 0, "{model}");
            assert_eq!(model["runs"], 2, "{model}");
            assert!(model["error"].is_null(), "{model}");
            for figure in ["wall_s", "cpu_s", "peak_rss_bytes", "speedup", "concurrency"] {
                assert!(
                    model[figure].as_f64().is_some_and(|figure| figure > 0.0),
                    "{figure}: {model}"
                );
            }
            assert!(model["wall_min_s"].as_f64() <= model["wall_s"].as_f64(), "{model}");
            assert!(model["wall_s"].as_f64() <= model["wall_max_s"].as_f64(), "{model}");
        }
        assert_eq!(model(object, "sequential")["speedup"], 1.0);
        assert_eq!(model(object, "sequential")["concurrency"], 1);
        assert!(object["advice"]["why"].as_str().is_some_and(|why| !why.is_empty()));
    }
    assert_eq!(model(&objects[0], "async")["bytes"], PAGE_BYTES);
    assert_eq!(model(&objects[0], "processes:5")["bytes"], PAGE_BYTES);
}

#[test]
fn waits_overlap_as_far_as_a_model_allows() {
    let finished = run(&[
        "compare",
        "-w",
        "pages",
        "--latency",
        "0.5",
        "-m",
        "threads:5,async,processes:5",
        "-r",
        "1",
        "--json",
    ]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let object = &finished.json()[0];
    assert_eq!(model(object, "threads:5")["concurrency"], 5);
    assert_eq!(model(object, "async")["concurrency"], 12);
    assert_eq!(model(object, "processes:5")["concurrency"], 5);
    assert!(model(object, "async")["speedup"].is_null(), "there is no sequential run");
    assert!(object["advice"]["why"].as_str().is_some_and(|why| why.contains("add sequential")));
}

#[test]
fn the_table_fits_a_terminal_and_has_no_colours_in_a_pipe() {
    let finished =
        run(&["compare", "--latency", "0.01", "-w", "json", "-w", "cpu", "--effort", "0.01"]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert!(!finished.stdout.contains('\u{1b}'), "{}", finished.stdout);
    assert!(finished.stdout.lines().all(|line| line.chars().count() <= 80), "{}", finished.stdout);
    for part in ["json:", "cpu:", "sequential", "threads:24", "processes:6", "Advice:", "* fastest"]
    {
        assert!(finished.stdout.contains(part), "{part}: {}", finished.stdout);
    }
    assert_eq!(finished.stderr, "", "progress is for terminals");
}

#[test]
fn colours_can_be_forced_and_json_never_has_any() {
    let forced = |args: &[&str]| {
        let mut command = manyhands(&["compare", "-w", "cpu", "--effort", "0.001", "-r", "1"]);
        command.args(args).env("CLICOLOR_FORCE", "1");
        finish(command.stdout(std::process::Stdio::piped()).spawn().expect("it starts")).stdout
    };
    assert!(forced(&[]).contains('\u{1b}'));
    assert!(!forced(&["--json"]).contains('\u{1b}'));
}

#[test]
fn computing_and_mixed_work_gives_the_same_under_every_model() {
    let args =
        ["compare", "-w", "cpu", "-w", "mixed", "--effort", "0.02", "--latency", "0.05", "-r", "1"];
    let finished = run(&[&args[..], &["--json"]].concat());
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let objects = finished.json();
    assert_eq!(objects.len(), 2);
    assert_eq!(model(&objects[0], "sequential")["ok"], 16);
    assert_eq!(model(&objects[1], "async")["ok"], 24);
    assert_eq!(model(&objects[1], "processes:6")["ok"], 24);
    assert!(objects.iter().all(|object| object["outputs_identical"] == true));
}

#[test]
fn what_worker_processes_use_is_counted() {
    let finished =
        run(&["compare", "-w", "cpu", "-m", "sequential,processes:2", "-r", "1", "--json"]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let object = &finished.json()[0];
    let figure = |name: &str, figure: &str| model(object, name)[figure].as_f64().expect("a number");
    // The workers do all of the computing, and each has a memory of its own.
    let (alone, workers) = (figure("sequential", "cpu_s"), figure("processes:2", "cpu_s"));
    assert!(workers > alone * 0.5, "{workers} s after {alone} s");
    let memory = (figure("sequential", "peak_rss_bytes"), figure("processes:2", "peak_rss_bytes"));
    assert!(memory.1 > memory.0 * 1.5, "{memory:?}");
}

#[test]
fn a_sweep_steps_through_the_workers_and_names_an_optimum() {
    let args = ["compare", "--sweep=6", "-w", "json", "--latency", "0.6", "-r", "1"];
    let finished = run(&[&args[..], &["--json"]].concat());
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let object = &finished.json()[0];
    let points = object["sweep"].as_array().expect("sweep is a list");
    let workers: Vec<_> = points.iter().map(|point| point["workers"].as_u64()).collect();
    assert_eq!(workers, [Some(1), Some(2), Some(4), Some(6)]);
    for point in points {
        assert_eq!(point["concurrency"], point["workers"], "{point}");
    }
    assert!(object["optimum"]["workers"].as_u64().is_some_and(|workers| workers > 1), "{object}");

    let table = run(&args);
    assert_eq!(table.code, Some(0), "{table:?}");
    assert!(table.stdout.contains("Optimum: "), "{}", table.stdout);
    assert!(table.stdout.lines().all(|line| line.chars().count() <= 80), "{}", table.stdout);
}

#[test]
fn warm_up_runs_do_not_count() {
    let args = ["compare", "-w", "cpu", "--effort", "0.001", "-r", "2", "--warmup", "1", "--json"];
    let finished = run(&args);
    assert_eq!(model(&finished.json()[0], "sequential")["runs"], 2);
}
