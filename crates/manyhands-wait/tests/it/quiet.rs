//! A process in which nothing goes on is reported, and none in which something does.

use std::future::pending;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use manyhands_wait::{
    CancelToken, Reason, Report, Wait, on_report, report_when_quiet, with_cancel_token,
};

use crate::own_process::{alone, errors_of};
use crate::patience::LONG;

static LETTER: Reason = Reason::new("a letter");
static PARCEL: Reason = Reason::new("a parcel");

const AFTER: Duration = Duration::from_millis(40);

/// Waits for what never comes, until the token is cancelled.
fn wait_for_ever(token: &CancelToken, wait: Wait<'_>) {
    let cancelled = with_cancel_token(token, || wait.run(pending::<()>()));
    assert!(cancelled.is_err());
}

#[test]
fn a_quiet_process_is_reported_once_with_every_wait() {
    in_own_process("quiet::a_quiet_process_is_reported_once_with_every_wait", || {
        let token = CancelToken::new();
        let (reports, heard) = mpsc::channel();
        let _listener = on_report(move |report| {
            if let Report::Quiet(quiet) = report {
                reports.send(quiet.clone()).expect("the test listens");
            }
        });
        let _watch = report_when_quiet(AFTER).expect("a thread");
        std::thread::scope(|scope| {
            for (name, reason) in [("ann", &LETTER), ("bob", &PARCEL)] {
                let token = &token;
                std::thread::Builder::new()
                    .name(name.to_owned())
                    .spawn_scoped(scope, move || wait_for_ever(token, Wait::new(reason)))
                    .expect("a thread");
            }
            let quiet = heard.recv_timeout(LONG).expect("a report");
            assert!(quiet.since >= AFTER, "{:?}", quiet.since);
            let text = quiet.to_string();
            for part in ["'ann'", "for a letter", "'bob'", "for a parcel", "quiet.rs:"] {
                assert!(text.contains(part), "{part} is missing in {text}");
            }
            // The same state again says nothing new.
            assert!(heard.recv_timeout(10 * AFTER).is_err());
            token.cancel();
        });
    });
}

#[test]
fn a_process_is_not_quiet_while_a_wait_may_end_or_somebody_works() {
    in_own_process("quiet::a_process_is_not_quiet_while_a_wait_may_end_or_somebody_works", || {
        let (reports, heard) = mpsc::channel();
        let _listener = on_report(move |report| {
            let _nobody_listens_any_more = reports.send(report.clone());
        });
        let timed = |wait: Wait<'static>| wait.until(Instant::now().checked_add(LONG));
        let outside = |wait: Wait<'static>| wait.ended_from_outside();
        for may_end in [&timed as &(dyn Fn(Wait<'static>) -> Wait<'static> + Sync), &outside] {
            let token = CancelToken::new();
            let watch = report_when_quiet(AFTER).expect("a thread");
            std::thread::scope(|scope| {
                scope.spawn(|| wait_for_ever(&token, Wait::new(&LETTER)));
                scope.spawn(|| wait_for_ever(&token, may_end(Wait::new(&PARCEL))));
                let report = heard.recv_timeout(6 * AFTER);
                assert!(report.is_err(), "{}", report.expect("just seen"));
                token.cancel();
            });
            drop(watch);
        }

        // Long enough that a busy thread has its share of a crowded machine in every half of it.
        let long = 15 * AFTER;
        let token = CancelToken::new();
        let _watch = report_when_quiet(long).expect("a thread");
        std::thread::scope(|scope| {
            scope.spawn(|| wait_for_ever(&token, Wait::new(&LETTER)));
            // Not known to anybody, but the processor knows.
            let until = Instant::now() + 3 * long;
            while Instant::now() < until {
                std::hint::spin_loop();
            }
            let report = heard.try_recv();
            token.cancel();
            assert!(report.is_err(), "{}", report.expect("just seen"));
        });
    });
}

/// Runs `body` in a process where the test called `name` is the only one, and looks at its good end.
#[track_caller]
fn in_own_process(name: &str, body: impl FnOnce()) {
    if let Some(output) = alone(name, &[], body) {
        errors_of(&output);
    }
}
