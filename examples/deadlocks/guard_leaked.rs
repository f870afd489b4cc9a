//! A holder ends without letting go.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use manyhands::sync::Mutex;
use manyhands::{Thread, on_report};

use super::Exhibit;
use super::cast::say;

pub(crate) const EXHIBIT: Exhibit = Exhibit {
    name: "guard_leaked",
    program: "a thread forgets its guard and ends; another one wants the lock",
    std: "hangs",
    parking_lot: "hangs; deadlock_detection sees no cycle",
    tokio: "the task hangs",
    python: "hangs: acquire without release",
    run,
};

fn run() -> anyhow::Result<()> {
    let (reports, heard) = mpsc::channel();
    let _listener = on_report(move |report| {
        let _nobody_listens_any_more = reports.send(report.to_string());
    });
    let vault = Arc::new(Mutex::named("vault", ()));
    let careless = {
        let vault = Arc::clone(&vault);
        Thread::builder().name("careless").start(move || std::mem::forget(vault.lock()))?
    };
    careless.join()?;

    let patient = {
        let vault = Arc::clone(&vault);
        Thread::builder().name("patient").start(move || {
            let _vault = vault.lock();
        })?
    };
    say("reported", heard.recv_timeout(Duration::from_secs(10))?);
    patient.cancel();
    let outcome = patient.join();
    say("patient, who was told to give up", outcome.expect_err("the lock is held for ever"));
    Ok(())
}
