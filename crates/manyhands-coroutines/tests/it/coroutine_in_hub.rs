//! Bare coroutines inside those of a hub: a wait suspends both.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use manyhands_coroutines::{Coroutine, SwitchError, spawn_local};

#[test]
fn a_wait_inside_lets_the_other_coroutines_of_the_hub_run() {
    let log = Rc::new(RefCell::new(Vec::new()));
    let note = |line: &'static str| {
        let log = Rc::clone(&log);
        move || log.borrow_mut().push(line)
    };
    let (before, after, other) = (note("before"), note("after"), note("other"));
    let waiting = spawn_local(move || {
        let inner = Coroutine::new(move |me, ()| {
            before();
            manyhands_wait::sleep(Duration::from_millis(20));
            after();
            me.suspend(1);
        });
        inner.map(|n| 2 * n).collect::<Vec<_>>()
    });
    let running = spawn_local(other);
    assert_eq!(waiting.result().unwrap(), [2]);
    running.result().unwrap();
    assert_eq!(*log.borrow(), ["before", "other", "after"]);
}

#[test]
fn one_that_waits_in_another_coroutine_of_the_hub_is_running() {
    let shared = Coroutine::<()>::new(|_, ()| manyhands_wait::sleep(Duration::from_millis(20)));
    let first = spawn_local({
        let shared = shared.clone();
        move || _ = shared.switch(())
    });
    let second = spawn_local({
        let shared = shared.clone();
        move || shared.try_switch(())
    });
    assert_eq!(second.result().unwrap(), Err(SwitchError::Running(())));
    first.result().unwrap();
    assert!(shared.is_dead());
}
