//! Cancellation and deadlines that are ambient.

use std::path::Path;
use std::time::{Duration, Instant};

use manyhands_processes::Command;
use manyhands_wait::{CancelToken, timeout, with_cancel_token};

use super::{eventually, lives, pids};

/// Says its own number and that of a child, and would go on for half a minute.
fn family(file: &Path) -> Command {
    Command::shell(format!("sleep 30 & echo $! > {0}; echo $$ >> {0}; wait", file.display()))
}

#[test]
fn cancelling_ends_the_whole_group_before_it_unwinds() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pids");
    let token = CancelToken::new();
    let canceller = {
        let (token, file) = (token.clone(), file.clone());
        std::thread::spawn(move || {
            let pids = pids(&file, 2);
            token.cancel();
            pids
        })
    };
    let start = Instant::now();
    let cancelled = with_cancel_token(&token, || family(&file).output());
    assert!(cancelled.is_err());
    assert!(start.elapsed() < Duration::from_secs(20));
    let pids = canceller.join().unwrap();
    assert!(!Path::new("/proc").join(&pids[1]).exists(), "the program is gone and reaped");
    eventually("its child is gone, too", || !lives(&pids[0]));
}

#[test]
fn a_cancelled_program_may_clean_up() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("log");
    let script = format!(
        "trap 'echo cleaned >> {0}; exit' TERM; echo ready > {0}; while :; do sleep 0.05; done",
        file.display()
    );
    let token = CancelToken::new();
    let canceller = {
        let (token, file) = (token.clone(), file.clone());
        std::thread::spawn(move || {
            pids(&file, 1);
            token.cancel();
        })
    };
    let command = Command::shell(script).grace(Duration::from_secs(60));
    assert!(with_cancel_token(&token, || command.output()).is_err());
    canceller.join().unwrap();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "ready\ncleaned\n");
}

#[test]
fn an_ambient_deadline_ends_it() {
    let start = Instant::now();
    let late = timeout(Duration::from_millis(200), || Command::new("sleep").arg("30").output());
    assert!(late.is_err());
    assert!(start.elapsed() < Duration::from_secs(15));
    // And the next one is none the worse.
    assert!(Command::new("true").status().unwrap().is_success());
}

#[test]
fn who_is_cancelled_already_starts_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("made");
    let token = CancelToken::new();
    token.cancel();
    let touch = Command::new("touch").arg(&file);
    assert!(with_cancel_token(&token, || touch.output()).is_err());
    assert!(!file.exists());
}

#[test]
fn a_cancelled_pipeline_is_ended_as_a_whole() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pids");
    let say = format!("echo $$ >> {}; exec sleep 30", file.display());
    let token = CancelToken::new();
    let canceller = {
        let (token, file) = (token.clone(), file.clone());
        std::thread::spawn(move || {
            let pids = pids(&file, 3);
            token.cancel();
            pids
        })
    };
    let stage = || Command::shell(say.clone());
    let pipeline = stage().pipe(stage()).pipe(stage());
    assert!(with_cancel_token(&token, || pipeline.output()).is_err());
    for pid in canceller.join().unwrap() {
        assert!(!Path::new("/proc").join(&pid).exists(), "{pid}");
    }
}
