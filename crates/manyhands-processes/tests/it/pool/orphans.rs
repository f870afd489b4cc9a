//! Workers are gone soon after their parent, whatever ended it and whatever they do meanwhile.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use manyhands_executor::{Executor, ExecutorExt, Shutdown};
use manyhands_processes::{Bytes, ProcessPool};

use super::{compute_for_ever, double};
use crate::patience::LONG;

const STATE: &str = "MANYHANDS_POOL_ORPHANS";

/// Where the program's initializers say that they run: a file for each.
const FOLDER: &str = "MANYHANDS_POOL_ORPHANS_FOLDER";

fn initialize(is_to_stay: bool) -> Result<(), String> {
    if is_to_stay {
        let folder = std::env::var_os(FOLDER).ok_or("the folder is not known")?;
        let file = Path::new(&folder).join(std::process::id().to_string());
        std::fs::write(file, "").map_err(|error| error.to_string())?;
        std::thread::sleep(LONG);
    }
    Ok(())
}

fn echo(bytes: Bytes) -> Bytes {
    bytes
}

fn wait_until(mut condition: impl FnMut() -> bool) {
    while !condition() {
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The program that is to be killed: makes a pool, brings it into the state, and says who its
/// workers are.
fn parent(state: &str) -> ! {
    let pool = ProcessPool::builder().workers(2).eager(true);
    let pool = pool.initializer(initialize, state == "in the initializer").build().unwrap();
    let mut running = Vec::new();
    match state {
        "idle" => drop(pool.submit(double, 1).result().unwrap()),
        "computing" | "shutting down" => {
            running.extend([(); 2].map(|()| pool.submit(compute_for_ever, ())));
            wait_until(|| running.iter().all(|task| task.is_running()));
        }
        "in the initializer" => {
            let folder = std::env::var_os(FOLDER).unwrap();
            wait_until(|| std::fs::read_dir(&folder).unwrap().count() == 2);
        }
        _ => {}
    }
    wait_until(|| pool.worker_pids().len() == 2);
    if state == "shutting down" {
        pool.shutdown(Shutdown::DETACH);
    }
    println!("workers: {:?}", pool.worker_pids());
    if state == "transferring" {
        // In both directions, and again until the end.
        let bytes = Bytes::from(vec![1; 200 << 20]);
        loop {
            let tasks = [(); 2].map(|()| pool.submit(echo, bytes.clone()));
            tasks.into_iter().for_each(|task| drop(task.result().unwrap()));
        }
    }
    if state == "shutting down" {
        pool.shutdown(Shutdown::WAIT);
    }
    loop {
        std::thread::sleep(LONG);
    }
}

fn start(state: &str, folder: &Path) -> (Child, Vec<u32>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "pool::orphans::program_to_be_killed", "--nocapture", "--ignored"])
        .env(STATE, state)
        .env(FOLDER, folder)
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

/// Workers are gone within 100 ms on a machine with nothing else to do; on one that is busy the thread
/// that notices has to wait for its turn.
const BOUND: Duration = Duration::from_secs(2);

fn killed(state: &str, after: Duration) {
    let folder = tempfile::tempdir().unwrap();
    let (mut child, pids) = start(state, folder.path());
    assert!(pids.len() == 2 && pids.iter().all(|pid| is_alive(*pid)), "{pids:?}");
    std::thread::sleep(after);
    child.kill().unwrap();
    child.wait().unwrap();
    let start = Instant::now();
    while pids.iter().any(|pid| is_alive(*pid)) {
        assert!(start.elapsed() < BOUND, "workers of a parent that was killed {state} live on");
        std::thread::sleep(Duration::from_millis(1));
    }
    println!("killed {state}: the workers were gone after {:?}", start.elapsed());
}

#[test]
fn parent_killed_idle() {
    killed("idle", Duration::ZERO);
}

#[test]
fn parent_killed_computing() {
    killed("computing", Duration::ZERO);
}

#[test]
fn parent_killed_starting() {
    killed("starting", Duration::ZERO);
}

#[test]
fn parent_killed_in_the_initializer() {
    killed("in the initializer", Duration::ZERO);
}

#[test]
fn parent_killed_shutting_down() {
    killed("shutting down", Duration::ZERO);
}

#[test]
fn parent_killed_transferring() {
    // At any moment of a transfer: each of them is as good.
    for n in 0..4 {
        killed("transferring", Duration::from_millis(n * 70));
    }
}
