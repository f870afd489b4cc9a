//! What a dump says of waits that anybody may end: which primitive they are for, by name.

use manyhands_sync::{Barrier, Condvar, Event, Mutex, Semaphore};

use crate::patience::eventually;

fn a_dump_says(words: &str) {
    eventually(words, || manyhands_wait::dump().to_string().contains(words));
}

#[test]
fn waits_are_listed_with_the_name_of_what_they_are_for() {
    let (event, barrier) = (Event::named("ready"), Barrier::named("start", 2));
    let (mutex, condvar) = (Mutex::new(()), Condvar::named("door opens"));
    let semaphore = Semaphore::named_unbounded("jobs", 0);
    std::thread::scope(|scope| {
        scope.spawn(|| event.wait());
        scope.spawn(|| barrier.wait());
        scope.spawn(|| drop(condvar.wait(mutex.lock())));
        scope.spawn(|| semaphore.acquire().forget());
        a_dump_says("event 'ready'");
        a_dump_says("barrier 'start' (1 of 2 have arrived)");
        a_dump_says("condition variable 'door opens'");
        a_dump_says("semaphore 'jobs'");
        event.set();
        barrier.abort();
        condvar.notify_all();
        semaphore.release(1).unwrap();
    });
}

#[test]
fn without_a_name_the_place_where_it_was_made_is_told() {
    let event = Event::new();
    std::thread::scope(|scope| {
        scope.spawn(|| event.wait());
        a_dump_says(&format!("event made at {}:", file!()));
        event.set();
    });
}
