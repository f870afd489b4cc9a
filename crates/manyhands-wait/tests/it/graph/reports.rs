//! Who hears of a deadlock, and the switch.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use manyhands_wait::{
    Deadlock, Report, WaitError, is_deadlock_detection_on, on_report, set_deadlock_detection,
};

use super::baton::Baton;
use crate::own_process::{alone, errors_of};
use crate::patience::eventually;

fn self_deadlock(name: &str) -> Deadlock {
    let baton = Baton::new(name);
    let _held = baton.take();
    baton.take_checked().unwrap_err()
}

#[test]
fn every_listener_hears_of_it_until_its_guard_is_dropped() {
    let heard: Arc<Mutex<Vec<String>>> = Arc::default();
    let listen = |who: &'static str| {
        let heard = Arc::clone(&heard);
        on_report(move |report| {
            let text = report.to_string();
            if text.contains("'of this test'") {
                heard.lock().unwrap().push(format!("{who}: {text}"));
            }
        })
    };
    let (first, second) = (listen("first"), listen("second"));
    let deadlock = self_deadlock("of this test");
    drop(first);
    self_deadlock("of this test");
    drop(second);
    self_deadlock("of this test");
    let heard = heard.lock().unwrap();
    assert_eq!(heard.len(), 3, "{heard:?}");
    assert_eq!(heard[0], format!("first: {deadlock}"));
    assert!(heard[1].starts_with("second") && heard[2].starts_with("second"));
}

#[test]
fn a_listener_that_panics_disturbs_nobody() {
    let name = "graph::reports::a_listener_that_panics_disturbs_nobody";
    let output = alone(name, &[], || {
        let heard: Arc<Mutex<u32>> = Arc::default();
        let _panics = on_report(|_| panic!("a listener that panics"));
        let _hears = on_report({
            let heard = Arc::clone(&heard);
            move |report| {
                assert!(matches!(report, Report::Deadlock(_)));
                *heard.lock().unwrap() += 1;
            }
        });
        self_deadlock("heard");
        assert_eq!(*heard.lock().unwrap(), 1);
    });
    if let Some(output) = output {
        assert!(errors_of(&output).contains("a listener that panics"));
    }
}

#[test]
fn switched_off_nobody_looks() {
    let switch = [("MANYHANDS_DEADLOCK_DETECTION", "0")];
    let output = alone("graph::reports::switched_off_nobody_looks", &switch, || {
        assert!(!is_deadlock_detection_on());
        set_deadlock_detection(true);
        assert!(is_deadlock_detection_on());
        set_deadlock_detection(false);
        let baton = Baton::new("own while switched off");
        let _held = baton.take();
        let token = manyhands_wait::CancelToken::new();
        std::thread::scope(|scope| {
            let _keeps = scope.spawn({
                let token = token.clone();
                move || {
                    eventually("it waits", || {
                        manyhands_wait::dump().to_string().contains("'own while switched off'")
                    });
                    token.cancel();
                }
            });
            manyhands_wait::with_cancel_token(&token, || baton.take_checked()).unwrap_err();
        });
        set_deadlock_detection(true);
        assert!(baton.take_checked().is_err());
        let soon = Some(Instant::now() + Duration::from_millis(1));
        assert!(matches!(baton.take_until(soon), Err(WaitError::TimedOut)));
    });
    output.as_ref().map(errors_of);
}

#[test]
fn a_deadlock_of_destructors_is_told_though_nobody_can_be_ended() {
    /// Takes what its thread has already.
    struct Takes(Arc<Baton>);
    impl Drop for Takes {
        fn drop(&mut self) {
            assert!(self.0.take_checked().is_ok());
        }
    }
    let baton = Baton::new("of destructors");
    let heard: Arc<Mutex<Option<Deadlock>>> = Arc::default();
    let _listens = on_report({
        let heard = Arc::clone(&heard);
        move |report| {
            if let Report::Deadlock(deadlock) = report
                && deadlock.to_string().contains("'of destructors'")
            {
                *heard.lock().unwrap() = Some(deadlock.clone());
            }
        }
    });
    let unwinds = std::thread::spawn({
        let baton = Arc::clone(&baton);
        move || {
            std::mem::forget(baton.take());
            let _takes = Takes(baton);
            std::panic::resume_unwind(Box::new(()));
        }
    });
    eventually("it is told", || heard.lock().unwrap().is_some());
    let deadlock = heard.lock().unwrap().take().unwrap();
    assert_eq!(deadlock.victim(), None);
    assert!(deadlock.to_string().contains("unwind already"), "{deadlock}");
    baton.release();
    assert!(unwinds.join().unwrap_err().is::<()>());
}
