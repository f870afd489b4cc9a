//! Who waits for a task does not make a process quiet while that may end through somebody who is not known.

use std::sync::mpsc::{Receiver, channel};
use std::task::{Context, Waker};
use std::time::Duration;

use manyhands_executor::{InProcess, Job, TaskOptions};
use manyhands_wait::{Report, SerialExecutor, on_report, report_when_quiet};

use crate::by_hand::ByHand;
use crate::own_process::{alone, errors_of};
use crate::patience::LONG;

const AFTER: Duration = Duration::from_millis(40);

/// What is reported as quiet from now on, to the end of the process.
fn quiet_reports() -> Receiver<String> {
    let (reports, heard) = channel();
    std::mem::forget(on_report(move |report| {
        if let Report::Quiet(quiet) = report {
            let _nobody_listens_any_more = reports.send(quiet.to_string());
        }
    }));
    heard
}

/// Has one thread wait for a task whose code, on another thread, waits as `code` says, given something to
/// wait for; calls `look` with what is reported meanwhile.
fn while_somebody_waits(
    code: impl FnOnce(Receiver<()>) + Send + 'static,
    look: impl FnOnce(&Receiver<String>),
) {
    let heard = quiet_reports();
    let (release, released) = channel();
    let (task, job) = Job::of(TaskOptions::new(), move || code(released));
    let watch = report_when_quiet(AFTER).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| task.wait());
        scope.spawn(|| job.run());
        look(&heard);
        drop(watch);
        drop(release);
    });
}

#[test]
fn a_task_on_a_thread_that_nobody_knows_may_end() {
    let output = alone("quiet::a_task_on_a_thread_that_nobody_knows_may_end", &[], || {
        // A wait of std's.
        let code = |released: Receiver<()>| assert!(released.recv().is_err());
        while_somebody_waits(code, |heard| {
            let report = heard.recv_timeout(6 * AFTER);
            assert!(report.is_err(), "{}", report.unwrap());
        });
    });
    output.iter().for_each(|output| drop(errors_of(output)));
}

/// That its executor alone lets it go on is no reason why it should not.
#[test]
fn a_task_of_a_serial_executor_that_awaits_something_unknown_may_end() {
    let name = "quiet::a_task_of_a_serial_executor_that_awaits_something_unknown_may_end";
    let output = alone(name, &[], || {
        let (executor, queue) = (SerialExecutor::new("one at a time"), ByHand::new());
        let task = queue.spawn_async(std::future::pending::<()>());
        let mut job = queue.next();
        let mut cx = Context::from_waker(Waker::noop());
        assert!(executor.poll(|| job.poll(&mut cx)).is_pending());
        let heard = quiet_reports();
        std::thread::scope(|scope| {
            scope.spawn(|| task.wait());
            let watch = report_when_quiet(AFTER).unwrap();
            let report = heard.recv_timeout(6 * AFTER);
            drop((watch, job)); // the task is lost, and its wait over
            assert!(report.is_err(), "{}", report.unwrap());
        });
    });
    output.iter().for_each(|output| drop(errors_of(output)));
}

#[test]
fn a_task_that_waits_for_one_that_nobody_runs_is_reported() {
    let output =
        alone("quiet::a_task_that_waits_for_one_that_nobody_runs_is_reported", &[], || {
            let (never, job) = Job::of(TaskOptions::new().name("never"), || ());
            let waits = never.handle();
            while_somebody_waits(
                move |_| waits.wait(),
                |heard| {
                    let report = heard.recv_timeout(LONG).expect("a report");
                    assert!(
                        report.contains("result of task") && report.contains("'never'"),
                        "{report}"
                    );
                    job.run();
                },
            );
        });
    output.iter().for_each(|output| drop(errors_of(output)));
}
