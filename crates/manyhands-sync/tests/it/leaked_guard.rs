//! A guard that was leaked by a thread that has ended since.

use std::sync::{Arc, Mutex as StdMutex, mpsc};
use std::thread;

use manyhands_sync::Mutex;
use manyhands_wait::{CancelToken, HolderEnded, Report, on_report, with_cancel_token};

use crate::patience::LONG;

#[test]
fn who_waits_for_a_leaked_guard_is_reported_with_the_holder_and_its_place_once() {
    let (reports, heard) = mpsc::channel::<HolderEnded>();
    let reports = StdMutex::new(reports);
    let _listener = on_report(move |report| {
        if let Report::HolderEnded(leak) = report
            && leak.waits_for() == "mutex 'vault'"
        {
            let _test_is_over = reports.lock().unwrap().send(leak.clone());
        }
    });
    let vault = Arc::new(Mutex::named("vault", ()));
    let line = line!() + 4;
    let careless = thread::Builder::new().name("careless".into()).spawn({
        let vault = Arc::clone(&vault);
        move || {
            std::mem::forget(vault.lock());
        }
    });
    careless.unwrap().join().unwrap();

    let token = CancelToken::new();
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| with_cancel_token(&token, || drop(vault.lock())).unwrap_err());
        }
        let leak = heard.recv_timeout(LONG).expect("the leak is reported");
        assert!(!leak.holder().is_alive());
        let taken_at = leak.taken_at().and_then(|place| place.location()).unwrap();
        assert_eq!((taken_at.file(), taken_at.line()), (file!(), line));
        let words = leak.to_string();
        assert!(words.contains("waits for mutex 'vault' at "), "{words}");
        assert!(words.contains("held by thread 'careless' (ended) since "), "{words}");
        crate::patience::eventually("both wait", || vault.statistics().waiting == 2);
        token.cancel();
    });
    assert!(heard.try_recv().is_err(), "a second report of the same");
}
