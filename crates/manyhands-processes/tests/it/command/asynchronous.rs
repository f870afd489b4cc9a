//! The same from async code, from the threads of runtimes, and from another scheduler's parker.

use std::sync::{Arc, Condvar, Mutex};
use std::task::{Wake, Waker};
use std::time::{Duration, Instant};

use manyhands_processes::{Command, CommandErrorKind, InputFrom, OutputTo};
use manyhands_wait::{Parker, with_parker};

use super::{eventually, lives, pids};

#[tokio::test]
async fn programs_run_while_others_go_on() {
    let nap = || Command::shell("sleep 0.2; echo done");
    let (first, second) = tokio::join!(nap().output_async(), nap().output_async());
    assert_eq!(first.unwrap().stdout(), b"done\n");
    assert_eq!(second.unwrap().stdout(), b"done\n");
    assert!(Command::new("true").status_async().await.unwrap().is_success());
    let both = Command::new("echo").arg("x").pipe(Command::new("cat"));
    assert_eq!(both.output_async().await.unwrap().stdout(), b"x\n");
}

#[tokio::test]
async fn limits_are_kept() {
    let start = Instant::now();
    let late = Command::shell("echo early; sleep 30").timeout(Duration::from_millis(200));
    let error = late.output_async().await.unwrap_err();
    assert!(error.is_timed_out());
    assert_eq!(error.output().unwrap().stdout(), b"early\n");
    assert!(start.elapsed() < Duration::from_secs(15));
    let much = Command::new("yes").max_output(1000).output_async().await.unwrap_err();
    assert_eq!(much.kind(), CommandErrorKind::TooMuchOutput);
}

#[tokio::test]
async fn a_future_that_is_dropped_kills_the_group() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pids");
    let script = format!("sleep 30 & echo $! > {0}; echo $$ >> {0}; wait", file.display());
    let task = tokio::spawn(Command::shell(script).output_async());
    let seen = tokio::task::spawn_blocking(move || pids(&file, 2));
    let seen = seen.await.unwrap();
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    for pid in seen {
        eventually("it is gone", || !lives(&pid));
    }
}

#[tokio::test]
async fn one_talks_with_a_program() {
    let cat = Command::new("cat").stdin(InputFrom::Pipe).stdout(OutputTo::Capture);
    let mut cat = cat.start().unwrap();
    for _ in 0..10 {
        cat.stdin().unwrap().write_all_async(b"one\r\ntwo\n").await.unwrap();
        let stdout = cat.stdout().unwrap();
        assert_eq!(stdout.next_line_async().await.unwrap().as_deref(), Some("one"));
        assert_eq!(stdout.next_line_async().await.unwrap().as_deref(), Some("two"));
    }
    cat.stdin().unwrap().write_all_async(b"rest").await.unwrap();
    drop(cat.take_stdin());
    let mut two = [0; 2];
    assert_eq!(cat.stdout().unwrap().read_async(&mut two).await.unwrap(), 2);
    assert_eq!(cat.stdout().unwrap().next_line_async().await.unwrap().as_deref(), Some("st"));
    assert_eq!(cat.stdout().unwrap().next_line_async().await.unwrap(), None);
    assert!(cat.wait_async().await.unwrap().is_success());
    let late = Command::new("sleep").arg("30").timeout(Duration::from_millis(100));
    assert!(late.start().unwrap().wait_async().await.unwrap_err().is_timed_out());
    let echo = Command::new("echo").arg("x").stdout(OutputTo::Capture).start().unwrap();
    assert_eq!(echo.communicate_async().await.unwrap().stdout(), b"x\n");
}

#[tokio::test]
async fn blocking_where_nobody_could_wait_is_an_error_and_starts_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("made");
    let error = Command::new("touch").arg(&file).output().unwrap_err();
    assert_eq!(error.kind(), CommandErrorKind::Io);
    assert!(error.to_string().contains(".await"), "{error}");
    assert!(!file.exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blocking_in_a_task_of_several_threads_works() {
    let task = tokio::spawn(async { Command::new("echo").arg("x").output().unwrap() });
    assert_eq!(task.await.unwrap().stdout(), b"x\n");
    let blocking = tokio::task::spawn_blocking(|| Command::new("echo").arg("y").output().unwrap());
    assert_eq!(blocking.await.unwrap().stdout(), b"y\n");
}

/// A program that was started in one place is waited for in another, in turn.
#[test]
fn a_running_program_moves_between_threads_and_runtimes() {
    let cat = Command::new("cat").stdin(InputFrom::Pipe).stdout(OutputTo::Capture);
    let mut cat = cat.start().unwrap();
    for _ in 0..5 {
        cat = std::thread::spawn(move || {
            assert!(cat.wait_timeout_without_closing());
            cat
        })
        .join()
        .unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        cat = runtime.block_on(async move {
            cat.stdin().unwrap().write_all_async(b"x\n").await.unwrap();
            let line = cat.stdout().unwrap().next_line_async().await.unwrap();
            assert_eq!(line.as_deref(), Some("x"));
            cat
        });
    }
    assert!(cat.wait().unwrap().is_success());
}

trait StillRuns {
    fn wait_timeout_without_closing(&mut self) -> bool;
}

impl StillRuns for manyhands_processes::Running {
    /// Reads from this thread, for a moment, what does not come.
    fn wait_timeout_without_closing(&mut self) -> bool {
        let mut byte = [0];
        let read = || std::io::Read::read(self.stdout().unwrap(), &mut byte);
        manyhands_wait::timeout(Duration::from_millis(5), read).is_err()
            && self.try_wait().unwrap().is_none()
    }
}

/// A scheduler's way to park, as far as it matters here: a flag of its own, and somebody else who
/// turns the reactor.
#[derive(Default)]
struct Flag {
    woken: Mutex<bool>,
    changed: Condvar,
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        *self.woken.lock().unwrap() = true;
        self.changed.notify_all();
    }
}

struct OnFlag(Arc<Flag>);

impl Parker for OnFlag {
    fn waker(&self) -> Waker {
        Waker::from(Arc::clone(&self.0))
    }

    fn park(&self, until: Option<Instant>) {
        let mut woken = self.0.woken.lock().unwrap();
        while !*woken {
            match until {
                None => woken = self.0.changed.wait(woken).unwrap(),
                Some(until) => {
                    let left = until.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return;
                    }
                    woken = self.0.changed.wait_timeout(woken, left).unwrap().0;
                }
            }
        }
        *woken = false;
    }
}

#[test]
fn a_scheduler_parks_for_whoever_waits() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let _context = runtime.enter();
    let parker = OnFlag(Arc::default());
    with_parker(&parker, || {
        let output = Command::new("cat").input("through").output().unwrap();
        assert_eq!(output.stdout(), b"through");
        let late = Command::new("sleep").arg("30").timeout(Duration::from_millis(100));
        assert!(late.output().unwrap_err().is_timed_out());
        let ambient = manyhands_wait::timeout(Duration::from_millis(100), || {
            Command::new("sleep").arg("30").output()
        });
        assert!(ambient.is_err());
    });
}
