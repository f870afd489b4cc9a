//! Permits that are asked for by whoever has them all.

use std::time::Duration;

use crate::manager::line_tests::{eventually, line};
use crate::manager::{Manager, ManagerErrorKind};

#[test]
fn whoever_has_all_permits_and_asks_for_one_more_is_told() {
    let manager = Manager::new();
    let here = manager.semaphore_named("seats", 2);
    for seats in [here.clone(), here.over(&line())] {
        let permits = [seats.acquire().unwrap(), seats.acquire().unwrap()];
        let error = seats.acquire().unwrap_err();
        assert_eq!(error.kind(), ManagerErrorKind::WouldDeadlock);
        let report = error.message();
        assert!(report.contains(" waits for itself\n"), "{report}");
        assert!(report.contains(" waits for managed semaphore 'seats' at "), "{report}");
        assert_eq!(report.matches("semaphore/tests.rs").count(), 2, "both places: {report}");
        let limit = Duration::from_millis(1);
        assert!(seats.acquire_timeout(limit).unwrap().is_none(), "a wait with an end");
        drop(permits);
        drop(seats.acquire().expect("they are back"));
    }
}

#[test]
fn a_permit_that_can_be_given_back_elsewhere_is_waited_for() {
    let manager = Manager::new();
    let here = manager.semaphore(1);
    for seats in [here.clone(), here.over(&line())] {
        let permit = seats.acquire().unwrap().into_owned();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let waits = || manyhands_wait::dump().to_string().contains("managed semaphore");
                eventually(waits);
                drop(permit);
            });
            drop(seats.acquire().unwrap());
        });
    }
}
