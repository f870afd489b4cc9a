//! Workers are gone soon after their parent, whatever ended it and whatever they do meanwhile.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use manyhands_executor::ExecutorExt;
use manyhands_processes::ProcessPool;

use super::{compute_for_ever, double};
use crate::patience::LONG;

const STATE: &str = "MANYHANDS_POOL_ORPHANS";

/// The program that is to be killed: makes a pool, brings it into the state, and says who its
/// workers are.
fn parent(state: &str) -> ! {
    let pool = ProcessPool::builder().workers(2).eager(true);
    let pool = match state {
        "starting" => pool.initializer(
            |()| {
                std::thread::sleep(LONG);
                Ok::<(), String>(())
            },
            (),
        ),
        _ => pool,
    };
    let pool = pool.build().unwrap();
    match state {
        "idle" => drop(pool.submit(double, 1).result().unwrap()),
        "computing" => {
            let tasks = [(); 2].map(|()| pool.submit(compute_for_ever, ()));
            while !tasks.iter().all(|task| task.is_running()) {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        _ => {}
    }
    while pool.worker_pids().len() < 2 {
        std::thread::sleep(Duration::from_millis(1));
    }
    println!("workers: {:?}", pool.worker_pids());
    loop {
        std::thread::sleep(LONG);
    }
}

fn start(state: &str) -> (Child, Vec<u32>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "pool::orphans::program_to_be_killed", "--nocapture", "--ignored"])
        .env(STATE, state)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines
        .map(Result::unwrap)
        .find(|line| line.contains("workers: "))
        .expect("the program says who its workers are");
    let list = line.split_once("workers: ").unwrap().1;
    let pids = list.trim_matches(['[', ']']).split(", ").map(|pid| pid.parse().unwrap());
    (child, pids.collect())
}

#[test]
#[ignore = "is started by the others, to be killed"]
fn program_to_be_killed() {
    if let Ok(state) = std::env::var(STATE) {
        parent(&state);
    }
}

fn is_alive(pid: u32) -> bool {
    // A zombie whose parent is gone too waits for the system to reap it: it runs no more.
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('Z')))
}

fn killed_in(state: &str) {
    let (mut child, pids) = start(state);
    assert!(pids.len() == 2 && pids.iter().all(|pid| is_alive(*pid)), "{pids:?}");
    child.kill().unwrap();
    child.wait().unwrap();
    let start = Instant::now();
    while pids.iter().any(|pid| is_alive(*pid)) {
        assert!(start.elapsed() < LONG, "workers of a parent that was killed {state} live on");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn parent_killed_idle() {
    killed_in("idle");
}

#[test]
fn parent_killed_computing() {
    killed_in("computing");
}

#[test]
fn parent_killed_starting() {
    killed_in("starting");
}
