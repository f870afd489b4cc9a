//! Programs do not outlive the process that runs them, whatever ends it, unless that is meant.

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use manyhands_executor::ExecutorExt;
use manyhands_processes::{Command, InputFrom, OutputTo, Process, ProcessGroup, ProcessPool};
use manyhands_wait::timeout;

use super::hygiene::alone;
use super::{eventually, lives, pids};
use crate::patience::LONG;

const SCENE: &str = "MANYHANDS_COMMAND_OUTLIVED_SCENE";
const FILE: &str = "MANYHANDS_COMMAND_OUTLIVED_FILE";

/// Says the number of a child and its own, and would go on for minutes.
fn family(file: &Path) -> Command {
    Command::shell(format!("sleep 300 & echo $! > {0}; echo $$ >> {0}; wait", file.display()))
}

/// Says its number, and would go on for minutes.
fn single(file: &Path) -> Command {
    Command::shell(format!("echo $$ > {0}; exec sleep 300", file.display()))
}

/// Runs a family to its end, with a limit that it does not reach.
fn run_family(file: PathBuf) {
    let output = family(&file).timeout(LONG * 10).output();
    unreachable!("it goes on until it is killed, but: {output:?}");
}

/// What the process does that is to be killed, by the name of the scene.
fn play(scene: &str, file: &Path) {
    match scene {
        "started" => {
            let _running = family(file).start().unwrap();
            rest();
        }
        "with a time limit" => run_family(file.to_owned()),
        "under a deadline" => {
            let _never = timeout(LONG * 10, || family(file).output());
        }
        "in a session of its own" => {
            let command = family(file).process_group(ProcessGroup::Session);
            let _running = command.start().unwrap();
            rest();
        }
        "waited for in our group" => drop(single(file).output()),
        "started in our group" => {
            let _running = single(file).process_group(ProcessGroup::Inherit).start().unwrap();
            rest();
        }
        "started by a thread that has ended" => {
            let file = file.to_owned();
            let command = single(&file).process_group(ProcessGroup::Inherit);
            let running = std::thread::spawn(move || command.start().unwrap()).join().unwrap();
            // That thread being gone has done it no harm.
            let pid = running.pid().to_string();
            eventually("the program runs", || pids(&file, 1) == [pid.clone()]);
            assert!(lives(&pid));
            is_there(&file);
            rest();
        }
        "a pipeline whose first has ended" => {
            let rest_of_it = family(file).timeout(LONG * 10);
            let _never = Command::new("true").pipe(rest_of_it).timeout(LONG * 10).output();
        }
        "detached" => {
            single(file).start().unwrap().detach();
            is_there(file);
            rest();
        }
        "left behind by one that has ended" => {
            let script = format!("sleep 300 & echo $! > {}", file.display());
            let mut running = Command::shell(script).start().unwrap();
            assert!(running.wait().unwrap().is_success());
            is_there(file);
            rest();
        }
        "left behind by one that was asked" => {
            let script = format!("sleep 300 & echo $! > {}", file.display());
            let running = Command::shell(script).start().unwrap();
            eventually("it has ended", || running.try_wait().unwrap().is_some());
            is_there(file);
            rest();
        }
        "a worker" => {
            let pool = ProcessPool::new(1).unwrap();
            let _task = pool.submit(run_family, file.to_owned());
            rest();
        }
        other => panic!("no scene is called {other:?}"),
    }
}

/// Says that the scene is where it should be.
fn is_there(file: &Path) {
    std::fs::write(file.with_extension("ready"), "").unwrap();
}

fn rest() {
    std::thread::sleep(LONG * 10);
}

#[test]
#[ignore = "is started by the others, to be killed"]
fn process_to_be_killed() {
    if let Ok(scene) = std::env::var(SCENE) {
        play(&scene, Path::new(&std::env::var_os(FILE).unwrap()));
    }
}

/// A scene that is played in a process of its own.
struct Scene {
    process: Child,
    folder: tempfile::TempDir,
}

impl Scene {
    fn start(scene: &str) -> Scene {
        let folder = tempfile::tempdir().unwrap();
        let process = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "command::outlived::process_to_be_killed", "--nocapture"])
            .arg("--ignored")
            .env(SCENE, scene)
            .env(FILE, folder.path().join("pids"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Scene { process, folder }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("pids")
    }

    /// The processes of the scene, once there are so many.
    fn pids(&self, count: usize) -> Vec<String> {
        let pids = pids(&self.file(), count);
        assert!(pids.iter().all(|pid| lives(pid)), "{pids:?}");
        pids
    }

    /// Waits until the scene says that it is where it should be.
    fn is_ready(&self) {
        let ready = self.file().with_extension("ready");
        eventually("the scene is ready", || ready.exists());
    }

    /// Ends the process that plays it, which does nothing about the signal.
    fn kill(&mut self, signal: i32) {
        let pid = i32::try_from(self.process.id()).unwrap();
        // SAFETY: a system call without pointers; the process is ours and was not waited for.
        assert_eq!(unsafe { libc::kill(pid, signal) }, 0);
        assert_eq!(self.process.wait().unwrap().signal(), Some(signal));
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ended_already = self.process.kill();
        let _reaped = self.process.wait();
    }
}

fn gone(pids: &[String]) {
    eventually("they are gone", || !pids.iter().any(|pid| lives(pid)));
}

#[track_caller]
fn nothing_is_left(scene: &str, signal: i32, count: usize) {
    let mut scene = Scene::start(scene);
    let pids = scene.pids(count);
    scene.kill(signal);
    gone(&pids);
}

#[test]
fn of_one_that_is_killed() {
    nothing_is_left("started", libc::SIGKILL, 2);
}

#[test]
fn of_one_that_is_interrupted() {
    nothing_is_left("started", libc::SIGINT, 2);
}

#[test]
fn of_one_that_is_terminated() {
    nothing_is_left("with a time limit", libc::SIGTERM, 2);
}

#[test]
fn of_one_that_loses_its_terminal() {
    nothing_is_left("under a deadline", libc::SIGHUP, 2);
}

#[test]
fn of_one_that_aborts() {
    nothing_is_left("with a time limit", libc::SIGABRT, 2);
}

#[test]
fn in_a_session_of_its_own() {
    nothing_is_left("in a session of its own", libc::SIGKILL, 2);
}

#[test]
fn of_a_pipeline_whose_first_has_ended() {
    nothing_is_left("a pipeline whose first has ended", libc::SIGKILL, 2);
}

#[test]
fn that_shares_our_group() {
    nothing_is_left("waited for in our group", libc::SIGKILL, 1);
    nothing_is_left("started in our group", libc::SIGKILL, 1);
}

#[test]
fn that_a_thread_has_started_which_is_gone() {
    let mut scene = Scene::start("started by a thread that has ended");
    scene.is_ready();
    let pids = scene.pids(1);
    scene.kill(libc::SIGKILL);
    gone(&pids);
}

#[test]
fn of_a_worker_whose_parent_is_killed() {
    nothing_is_left("a worker", libc::SIGKILL, 2);
}

#[test]
fn of_a_worker_that_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pids");
    let pool = ProcessPool::new(1).unwrap();
    let task = pool.submit(run_family, file.clone());
    let pids = pids(&file, 2);
    pool.kill_workers();
    assert!(task.result().is_err());
    gone(&pids);
}

#[test]
fn of_a_process_that_is_terminated() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pids");
    let process = Process::start(run_family, file.clone()).unwrap();
    let pids = pids(&file, 2);
    process.terminate().unwrap();
    assert!(process.join().is_err());
    gone(&pids);
}

/// Kills the process of a scene that is ready: what was meant to stay does.
fn what_is_left(scene: &str) {
    let mut scene = Scene::start(scene);
    scene.is_ready();
    let left = scene.pids(1).remove(0);
    let mut wardens = Vec::new();
    eventually("somebody watches", || {
        wardens = wardens_of(scene.process.id());
        !wardens.is_empty()
    });
    scene.kill(libc::SIGKILL);
    // Whoever would kill it has ended, and has not.
    gone(&wardens);
    assert!(lives(&left));
    let left: i32 = left.parse().unwrap();
    // SAFETY: a system call without pointers; the process is alive, and nobody else ends it.
    assert_eq!(unsafe { libc::kill(left, libc::SIGKILL) }, 0);
}

/// The children of a process that watch over its programs.
fn wardens_of(parent: u32) -> Vec<String> {
    let of_it = |pid: &String| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let parent = parent.to_string();
        stat.contains("(program-warden)")
            && stat
                .rsplit_once(") ")
                .is_some_and(|(_, rest)| rest.split(' ').nth(1) == Some(&parent))
    };
    let entries = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    entries.filter_map(|entry| entry.file_name().into_string().ok()).filter(of_it).collect()
}

#[test]
fn one_that_was_detached_goes_on() {
    what_is_left("detached");
}

#[test]
fn what_a_program_has_left_behind_goes_on() {
    what_is_left("left behind by one that has ended");
    what_is_left("left behind by one that was asked");
}

#[test]
fn a_warden_that_was_killed_has_a_successor() {
    alone("command::outlived::a_warden_that_was_killed_has_a_successor", || {
        let living = || {
            let mut wardens = wardens_of(std::process::id());
            wardens.retain(|warden| lives(warden));
            wardens
        };
        let cat = Command::new("cat").stdin(InputFrom::Pipe).stdout(OutputTo::Null);
        let _first = cat.start().unwrap();
        eventually("somebody watches", || living().len() == 1);
        let warden = living().remove(0);
        // SAFETY: a system call without pointers, on a child of ours.
        assert_eq!(unsafe { libc::kill(warden.parse().unwrap(), libc::SIGKILL) }, 0);
        // It has ended when all of its threads have, which may be a little later.
        eventually("somebody watches again", || {
            drop(cat.start().unwrap());
            living().iter().any(|successor| *successor != warden)
        });
    });
}
