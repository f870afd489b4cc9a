//! The page that `compare --html` writes.

use crate::command::run;
use crate::server::Server;

/// Runs a comparison of these URLs and reads the page that it writes.
fn page(args: &[&str]) -> String {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("report.html");
    let file = path.to_str().expect("its path is text");
    let finished = run(&[&["compare", "-r", "2", "--html", file], args].concat());
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{error}: {finished:?}"))
}

#[test]
fn it_needs_nothing_from_elsewhere() {
    let html = page(&["-w", "cpu", "--effort", "0.01"]);
    for outside in ["http://", "https://", "//", "<script", "<link", "src=", "@import", "url(h"] {
        assert!(!html.contains(outside), "{outside} is in the page");
    }
    for part in ["prefers-color-scheme: dark", "name=\"viewport\"", "<title>", "<desc>", "Advice: "]
    {
        assert!(html.contains(part), "{part} is missing");
    }
}

#[test]
fn it_shows_every_model_and_task_as_text_and_picture() {
    let server = Server::start(|path, _| path.to_owned());
    let url = server.url("/page?a=1&b='<i>'");
    let models = ["sequential", "threads:3", "async:3", "processes:2"];
    let html = page(&["--warmup", "0", "-m", &models.join(","), &url, &server.url("/b")]);
    for model in models {
        assert!(html.contains(&format!("<h4>{model}: ")), "{model} has no timeline");
        assert!(html.contains(&format!("<title>Wall of {model}: ")), "{model} has no bar");
        assert!(html.contains(&format!("<th scope=\"row\">{model}")), "{model} has no row");
    }
    assert_eq!(
        html.matches("<rect class=\"task").count(),
        models.len() * 2 + 3,
        "two boxes each, and a legend"
    );
    // The caller itself works; workers work; futures have no worker, only a slot.
    for lane in [">main</li>", ">worker 1</li>", ">slot 1</li>", "title=\"process "] {
        assert!(html.contains(lane), "{lane} is missing");
    }
    assert!(!html.contains("<i>") && !html.contains("&b="), "text from outside became markup");
    let plain = html.replace(&server.url(""), "");
    assert!(!plain.contains("http://") && !plain.contains("https://"));
}

#[test]
fn it_tells_failures_and_differences() {
    let server = Server::start(|_, number| format!("answer {number}"));
    let url = server.url("/changing");
    let html = page(&[
        "--warmup",
        "0",
        "-m",
        "sequential,async",
        "--timeout",
        "2",
        &url,
        "http://127.0.0.1:1/",
    ]);
    assert!(html.contains("Outputs differ"));
    assert!(html.contains("Failed tasks"));
    assert!(html.contains("class=\"task failed\""));
}

#[test]
fn a_sweep_has_a_curve() {
    let html = page(&["-w", "cpu", "--effort", "0.01", "--sweep=4"]);
    assert!(html.contains("Wall by number of workers"));
    assert!(html.contains(">optimum</text>"));
    assert_eq!(html.matches("<circle").count(), 3);
}
