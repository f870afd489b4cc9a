//! Portable jobs through an executor that sees bytes only: values, panics, codec errors, chunks,
//! cancellation.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use manyhands_executor::{
    Cancellation, Dispatched, Entry, Executor, ExecutorExt, Home, Job, MapOptions, Rejected,
    Remote, RetryPolicy, Shutdown, TaskError, TaskErrorKind, TaskOptions, WorkerDeath,
    as_completed, wait_all,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::by_hand::ByHand;
use crate::elsewhere::{Behaviour, Elsewhere};
use crate::luggage::{Beside, Luggage, is_in_force};

fn double(n: u64) -> u64 {
    n * 2
}

fn picky(n: u64) -> u64 {
    assert!(n != 3, "three is not welcome");
    n
}

#[test]
fn a_call_and_its_value_travel() {
    let executor = Elsewhere::new(Behaviour::Work);
    assert_eq!(executor.submit(double, 21).result().unwrap(), 42);
    let words = executor.submit(|(a, b): (String, Option<char>)| format!("{a}{b:?}"), {
        ("many".to_owned(), Some('h'))
    });
    assert_eq!(words.result().unwrap(), "manySome('h')");
    let users_own_error: Result<u8, String> = executor
        .submit(|n: u8| n.checked_sub(1).ok_or("too small".to_owned()), 0)
        .result()
        .unwrap();
    assert_eq!(users_own_error, Err("too small".to_owned()));
}

#[test]
fn zero_sized_arguments_and_results_travel() {
    let executor = Elsewhere::new(Behaviour::Work);
    executor.submit(|()| (), ()).result().unwrap();
}

#[test]
fn a_panic_travels_with_its_place() {
    let executor = Elsewhere::new(Behaviour::Work);
    let error = executor.submit(picky, 3).result().unwrap_err();
    assert!(error.is_panicked());
    assert_eq!(error.message(), "three is not welcome");
    assert!(error.location().unwrap().starts_with(file!()), "{:?}", error.location());
    assert!(error.to_string().contains("three is not welcome"));
    // The payload stayed behind; what goes on here is the text.
    let payload = std::panic::catch_unwind(|| error.resume()).unwrap_err();
    assert!(payload.downcast_ref::<String>().unwrap().contains("three is not welcome"));
}

#[test]
fn a_map_travels_in_chunks_and_errors_stay_in_their_places() {
    let executor = Elsewhere::new(Behaviour::Work);
    for options in [
        MapOptions::new(),
        MapOptions::new().chunk(4),
        MapOptions::new().chunk(1).window(2),
        MapOptions::new().chunk(100).window(7),
    ] {
        let results: Vec<_> = executor.map_with(options, picky, 0..10).collect();
        assert_eq!(results.len(), 10);
        for (n, result) in results.into_iter().enumerate() {
            match result {
                Ok(value) => assert_eq!(value, n as u64),
                Err(error) => {
                    assert_eq!(n, 3);
                    assert!(error.is_panicked());
                }
            }
        }
    }
    assert!(executor.sent.load(Ordering::Relaxed) > 0);
}

#[test]
fn an_unordered_map_travels() {
    let executor = Elsewhere::new(Behaviour::Work);
    let mut results: Vec<u64> = executor.map_unordered(double, 0..50).map(Result::unwrap).collect();
    results.sort_unstable();
    assert!(results.into_iter().eq((0..50).map(double)));
}

#[test]
fn tasks_that_travel_mix_with_others() {
    let executor = Elsewhere::new(Behaviour::Work);
    let tasks: Vec<_> = (0..10).map(|n| executor.submit(double, n)).collect();
    assert_eq!(wait_all(&tasks).done.len(), 10);
    assert_eq!(as_completed(tasks).map(|task| task.result().unwrap()).sum::<u64>(), 90);
}

/// Refuses to be coded, in one way or the other.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Stubborn {
    Fine,
    NotEncoded,
    EncodingPanics,
    NotDecoded,
    DecodingPanics,
}

impl Serialize for Stubborn {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Stubborn::NotEncoded => Err(serde::ser::Error::custom("I stay")),
            Stubborn::EncodingPanics => panic!("I panic instead"),
            other => (*other as u8).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Stubborn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u8::deserialize(deserializer)? {
            0 => Ok(Stubborn::Fine),
            3 => Err(serde::de::Error::custom("I do not arrive")),
            _ => panic!("I panic on arrival"),
        }
    }
}

const ALL_STUBBORN: [Stubborn; 4] = [
    Stubborn::NotEncoded,
    Stubborn::EncodingPanics,
    Stubborn::NotDecoded,
    Stubborn::DecodingPanics,
];

#[test]
fn an_argument_that_cannot_be_coded_fails_its_task_and_no_other() {
    let executor = Elsewhere::new(Behaviour::Work);
    for argument in ALL_STUBBORN {
        let error = executor.submit(|_: Stubborn| (), argument).result().unwrap_err();
        assert!(error.is_codec(), "{argument:?}: {error:?}");
        assert!(error.message().contains("Stubborn"), "{error}");
    }
    executor.submit(|_: Stubborn| (), Stubborn::Fine).result().unwrap();
}

#[test]
fn a_result_that_cannot_be_coded_fails_its_task_and_no_other() {
    fn give(n: u8) -> Stubborn {
        ALL_STUBBORN.get(usize::from(n)).copied().unwrap_or(Stubborn::Fine)
    }
    let executor = Elsewhere::new(Behaviour::Work);
    for n in 0..4 {
        let error = executor.submit(give, n).result().unwrap_err();
        assert!(error.is_codec(), "{n}: {error:?}");
        assert!(error.message().contains("Stubborn"), "{error}");
    }
    assert_eq!(executor.submit(give, 4).result().unwrap(), Stubborn::Fine);
}

#[test]
fn a_map_with_what_cannot_be_coded_ends() {
    let executor = Elsewhere::new(Behaviour::Work);
    for stubborn in ALL_STUBBORN {
        let inputs = [Stubborn::Fine, stubborn, Stubborn::Fine];
        let one_each = MapOptions::new().chunk(1);
        let results: Vec<_> = executor.map_with(one_each, |_: Stubborn| 1_u8, inputs).collect();
        assert!(matches!(&results[..], [Ok(1), Err(error), Ok(1)] if error.is_codec()));
        // In one chunk it may cost its neighbours, but each has an outcome.
        let one_chunk = MapOptions::new().chunk(3);
        assert_eq!(executor.map_with(one_chunk, |_: Stubborn| 1_u8, inputs).count(), 3);
    }
}

#[test]
fn a_worker_that_dies_or_garbles_or_loses_a_task_fails_that_task() {
    for (behaviour, kind) in [
        (Behaviour::Die, TaskErrorKind::WorkerDied),
        (Behaviour::Garble, TaskErrorKind::Codec),
        (Behaviour::Lose, TaskErrorKind::Lost),
    ] {
        let executor = Elsewhere::new(behaviour);
        assert_eq!(executor.submit(double, 1).result().unwrap_err().kind(), kind);
        // Each call of a chunk that failed has failed.
        let failed: Vec<_> = executor.map_with(MapOptions::new().chunk(2), double, 0..4).collect();
        assert_eq!(failed.len(), 4);
        assert!(failed.iter().all(|result| result.as_ref().unwrap_err().kind() == kind));
    }
}

#[test]
fn a_dispatched_task_is_asked_to_end() {
    let executor = Elsewhere::new(Behaviour::ObeyCancel);
    let task = executor.submit(double, 1);
    assert_eq!(task.cancel(), Cancellation::Requested);
    let error = task.result().unwrap_err();
    assert!(error.is_cancelled());
    assert_eq!(error.message(), "the worker obeyed");
}

#[test]
fn a_dispatched_task_is_not_run_by_its_waiter() {
    let executor = Elsewhere::new(Behaviour::ObeyCancel);
    let mut task = executor.submit(double, 1);
    assert!(task.result_timeout(Duration::from_millis(2)).is_err());
    assert!(task.is_running());
    task.cancel();
    assert!(task.result().unwrap_err().is_cancelled());
}

#[test]
fn closures_and_futures_stay() {
    // A plain function may go anywhere; a rejection says what to do instead.
    let executor = Elsewhere::new(Behaviour::Work);
    let (task, job) = manyhands_executor::Job::of(TaskOptions::new(), || 1);
    let rejected = manyhands_executor::Executor::execute(&executor, job).unwrap_err();
    assert!(rejected.to_string().contains("plain function"), "{rejected}");
    drop(rejected);
    assert!(task.is_done());
}

#[test]
fn retries_travel_too() {
    // The policy is part of the task; here no attempt fails.
    let executor = Elsewhere::new(Behaviour::Work);
    let retrying = executor.with(TaskOptions::new().name("again")).retries(RetryPolicy::new(3));
    assert_eq!(retrying.submit(double, 4).result().unwrap(), 8);
}

#[test]
fn what_is_not_a_trampoline_is_no_entry() {
    #[repr(align(16))]
    struct Elsewise([u8; 64]);
    static ZEROES: Elsewise = Elsewise([0; 64]);
    assert!(Entry::TRAMPOLINE.size() <= ZEROES.0.len() && Entry::TRAMPOLINE.align() <= 16);
    // SAFETY: the bytes of a static can be read for ever, and there are enough of them.
    let found = unsafe { Entry::at(0, ZEROES.0.as_ptr().expose_provenance()) };
    assert!(found.is_none());
}

/// Says whether luggage is in force while it runs.
fn shout(Beside(text): Beside) -> (Beside, bool) {
    (Beside(text.to_uppercase()), is_in_force())
}

#[test]
fn what_travels_beside_the_bytes_arrives_both_ways() {
    let executor = Elsewhere::new(Behaviour::Work);
    let (answer, in_force) = executor.submit(shout, Beside("hush".to_owned())).result().unwrap();
    assert_eq!(answer, Beside("HUSH".to_owned()));
    assert!(!in_force, "the function runs outside of the surroundings");
}

#[test]
fn what_travels_beside_the_bytes_arrives_in_chunks_too() {
    let executor = Elsewhere::new(Behaviour::Work);
    let inputs = || (0..20).map(|n| Beside(format!("text {n}")));
    for options in [MapOptions::new(), MapOptions::new().chunk(1), MapOptions::new().chunk(7)] {
        let answers: Vec<_> = executor.map_with(options, shout, inputs()).collect();
        for (n, answer) in answers.into_iter().enumerate() {
            assert_eq!(answer.unwrap(), (Beside(format!("TEXT {n}")), false));
        }
    }
}

#[test]
fn callbacks_and_destructors_run_outside_of_the_surroundings() {
    struct Witness(std::sync::mpsc::Sender<bool>);
    impl Drop for Witness {
        fn drop(&mut self) {
            self.0.send(is_in_force()).unwrap();
        }
    }
    let executor = Elsewhere::new(Behaviour::Work);
    let (sender, seen) = std::sync::mpsc::channel();
    let task = executor.submit(shout, Beside("hush".to_owned()));
    let witness = Witness(sender.clone());
    task.on_done(move |_| {
        sender.send(is_in_force()).unwrap();
        drop(witness);
    });
    task.result().unwrap();
    assert!(!seen.recv().unwrap());
    assert!(!seen.recv().unwrap());
}

#[test]
fn a_value_that_needs_its_luggage_is_refused_without_it() {
    let executor = ByHand::new();
    let task = executor.submit(shout, Beside("hush".to_owned()));
    assert!(executor.next().dispatch().is_none());
    let error = task.result().unwrap_err();
    assert!(error.is_codec());
    assert!(error.message().contains("Beside"), "{error}");
}

#[test]
fn what_was_collected_for_a_value_that_is_not_encoded_is_not_sent() {
    fn half(text: String) -> (Beside, Stubborn) {
        (Beside(text), Stubborn::NotEncoded)
    }
    let executor = ByHand::new();
    let task = executor.submit(half, "hush".to_owned());
    let dispatched = executor.next().dispatch().unwrap();
    let mut luggage = Luggage::default();
    let outcome = dispatched.entry().call_encoded_with(dispatched.argument(), &mut luggage);
    assert!(luggage.collected.is_empty(), "{luggage:?}");
    dispatched.complete_encoded(&outcome);
    let error = task.result().unwrap_err();
    assert!(error.is_codec());
    assert!(error.message().contains("Stubborn"), "{error}");
    assert!(error.message().contains("with 1 pieces of luggage"), "explained: {error}");
}

#[test]
fn the_executor_of_a_task_that_was_sent_away_is_asked_and_told() {
    #[derive(Default)]
    struct Away {
        started: AtomicBool,
        cancelled: Mutex<Vec<u64>>,
    }
    impl Remote for Away {
        fn cancel(&self, task: u64) {
            self.cancelled.lock().unwrap().push(task);
        }
        fn is_started(&self, _task: u64) -> bool {
            self.started.load(Ordering::Relaxed)
        }
    }
    #[derive(Default)]
    struct Keep(Mutex<Option<Job>>);
    impl Executor for Keep {
        fn execute(&self, job: Job) -> Result<(), Rejected> {
            *self.0.lock().unwrap() = Some(job);
            Ok(())
        }
        fn parallelism(&self) -> usize {
            1
        }
        fn shutdown(&self, _: Shutdown) {}
    }
    let away = Arc::new(Away::default());
    let home = Home::create();
    let weak = Arc::downgrade(&away);
    home.set_remote(weak);
    let keep = Keep::default();
    let task = keep.submit(double, 1);
    let job = keep.0.lock().unwrap().take().unwrap();
    job.set_home(home);
    let dispatched = job.dispatch().unwrap();
    assert!(!task.is_running() && !task.is_done(), "it was sent and has not begun");
    away.started.store(true, Ordering::Relaxed);
    assert!(task.is_running());
    assert_eq!(task.cancel(), Cancellation::Requested);
    assert_eq!(*away.cancelled.lock().unwrap(), [task.id()]);
    dispatched.complete_encoded(&[0, 2]);
    assert!(!task.is_running());
    assert_eq!(task.result().unwrap(), 2);
}

#[test]
fn the_death_of_a_worker_travels_with_its_details() {
    let mut death = WorkerDeath::of(7);
    death.signal = Some(6);
    let error = TaskError::worker_died(death.clone());
    assert!(error.is_worker_died());
    // As when it was the outcome of a task in a nested pool.
    let outcome = manyhands_executor::encode_failure(&error);
    assert_eq!(Dispatched::failure_of(&outcome), Some(TaskErrorKind::WorkerDied));
    assert_eq!(Dispatched::failure_of(&[0, 2]), None);
    assert_eq!(Dispatched::failure_of(&[]), None);
    assert_eq!(error.worker_death(), Some(&death));
}
