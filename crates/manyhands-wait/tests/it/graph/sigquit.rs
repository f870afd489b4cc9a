//! A process that gets a `SIGQUIT` prints what it waits for, and goes on.
#![cfg(unix)]

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};

use manyhands_wait::{
    Agent, Blockers, CancelToken, Reason, Resource, Wait, dump_on_sigquit, with_cancel_token,
};

use crate::own_process::{alone, errors_of};
use crate::patience::eventually;

static POST: Reason = Reason::new("the post");

/// Counts how often somebody asks for a description.
struct Described(AtomicU32);

impl Resource for Described {
    fn blockers(&self, _waiter: Agent, blockers: &mut Blockers) {
        blockers.may_end();
    }

    fn describe(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fetch_add(1, Ordering::Relaxed);
        f.write_str("a letter from far away")
    }
}

#[test]
fn the_dump_is_printed_and_the_process_goes_on() {
    let name = "graph::sigquit::the_dump_is_printed_and_the_process_goes_on";
    let output = alone(name, &[], || {
        dump_on_sigquit().unwrap();
        dump_on_sigquit().unwrap();
        let (letter, token) = (Described(AtomicU32::new(0)), CancelToken::new());
        std::thread::scope(|scope| {
            let waiter = std::thread::Builder::new().name("reader".to_owned());
            let waits = || {
                let wait = || Wait::new(&POST).on(&letter).run(std::future::pending::<()>());
                with_cancel_token(&token, wait).unwrap_err();
            };
            waiter.spawn_scoped(scope, waits).unwrap();
            let describes = |times| letter.0.load(Ordering::Relaxed) >= times;
            eventually("it waits", || {
                manyhands_wait::dump().to_string().contains("a letter from far away")
            });
            // The second dump is made when the first was printed.
            for _ in 0..2 {
                let before = letter.0.load(Ordering::Relaxed);
                let this = rustix::process::getpid();
                rustix::process::kill_process(this, rustix::process::Signal::QUIT).unwrap();
                eventually("the process was dumped", || describes(before + 1));
            }
            token.cancel();
        });
    });
    if let Some(output) = output {
        let errors = errors_of(&output);
        assert!(errors.contains("thread 'reader' waits"), "{errors}");
        assert!(errors.contains("for a letter from far away"), "{errors}");
    }
}
