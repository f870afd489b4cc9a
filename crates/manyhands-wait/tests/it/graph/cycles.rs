//! Cycles of threads: found by whoever blocks last, one victim each, and the others go on.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use manyhands_wait::{Agent, ContextKind, Deadlock, Layer, TaskLabel, dump};

use super::baton::Baton;
use crate::patience::{LONG, eventually};

/// Runs `ring` threads, each of which takes its own baton and then that of the next; returns the reports
/// of the victims.
fn ring(ring: usize) -> Vec<Deadlock> {
    let batons: Vec<_> = (0..ring).map(|place| Baton::new(format!("{place}"))).collect();
    let all_have_one = Barrier::new(ring);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..ring)
            .map(|place| {
                let (own, next) = (&batons[place], &batons[(place + 1) % ring]);
                let all_have_one = &all_have_one;
                scope.spawn(move || {
                    let _own = own.take();
                    all_have_one.wait();
                    next.take_checked().map(drop).err()
                })
            })
            .collect();
        threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn of_two_that_take_in_opposite_order_one_gets_the_report_and_the_other_the_baton() {
    let victims = ring(2);
    assert_eq!(victims.len(), 1, "{victims:?}");
    let deadlock = &victims[0];
    assert_eq!(deadlock.participants().len(), 2);
    let agents: Vec<Agent> =
        deadlock.participants().map(|participant| participant.agent()).collect();
    assert!(agents.contains(&deadlock.victim().unwrap()));
    for (place, participant) in deadlock.participants().enumerate() {
        assert_eq!(participant.kind(), ContextKind::Thread);
        assert_eq!(participant.waits_at().location().unwrap().file(), file!());
        let holders: Vec<_> = participant.held_by().collect();
        assert_eq!(holders.len(), 1);
        assert_eq!(holders[0].agent(), agents[1 - place]);
        assert_eq!(holders[0].taken_at().unwrap().location().unwrap().file(), file!());
        assert_eq!(participant.reason(), "a baton");
    }
    let text = deadlock.to_string();
    for part in ["2 contexts wait for each other", "baton '0'", "baton '1'", "held by", "since"] {
        assert!(text.contains(part), "{text:?} lacks {part:?}");
    }
}

#[test]
fn whoever_waits_for_itself_is_told_at_once() {
    let baton = Baton::new("own");
    let held = baton.take();
    let deadlock = baton.take_checked().unwrap_err();
    assert_eq!(deadlock.victim(), Some(Agent::current()));
    assert!(deadlock.to_string().contains("waits for itself"), "{deadlock}");
    drop(held);
    drop(baton.take());
}

#[test]
fn rings_of_all_sizes_have_one_victim() {
    for size in [3, 4, 10, 100] {
        let victims = ring(size);
        assert_eq!(victims.len(), 1, "{size}: {victims:?}");
        assert_eq!(victims[0].participants().len(), size);
    }
}

#[test]
fn a_wait_that_cannot_return_it_panics_with_the_report() {
    let baton = Baton::new("own");
    let _held = baton.take();
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| ()));
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| baton.take()));
    std::panic::set_hook(hook);
    let deadlock = caught.unwrap_err().downcast::<Deadlock>().expect("a deadlock");
    assert!(deadlock.to_string().contains("baton 'own'"));
}

#[test]
fn those_that_wait_behind_a_cycle_go_on_when_it_is_broken() {
    let batons = [Baton::new("a"), Baton::new("b")];
    // The others come when both batons are taken.
    let (deadlocks, all_taken) = (AtomicUsize::new(0), Barrier::new(7));
    std::thread::scope(|scope| {
        for place in 0..2 {
            let (batons, deadlocks, all_taken) = (&batons, &deadlocks, &all_taken);
            scope.spawn(move || {
                let own = batons[place].take();
                all_taken.wait();
                if place == 1 {
                    // When the other one and those behind it wait already.
                    eventually("all others wait", || {
                        let waiting = |seen: &manyhands_wait::ContextDump| {
                            seen.wait.as_ref().is_some_and(|wait| wait.waits_for.is_some())
                        };
                        dump().contexts.iter().filter(|seen| waiting(seen)).count() >= 6
                    });
                }
                if batons[1 - place].take_checked().is_err() {
                    deadlocks.fetch_add(1, Ordering::Relaxed);
                }
                drop(own);
            });
        }
        for _ in 0..5 {
            scope.spawn(|| {
                all_taken.wait();
                drop(batons[1].take());
            });
        }
    });
    assert_eq!(deadlocks.into_inner(), 1);
}

#[test]
fn a_participant_says_in_which_task_it_waits() {
    let batons = [Baton::new("a"), Baton::new("b")];
    let both_have_one = Arc::new(Barrier::new(2));
    let threads = [0, 1].map(|place| {
        let (batons, both_have_one) = (batons.clone(), Arc::clone(&both_have_one));
        std::thread::spawn(move || {
            let label = move || TaskLabel { id: 70 + place as u64, name: Some("breakfast".into()) };
            Layer::new().task(&label).enter(|| {
                let _own = batons[place].take();
                both_have_one.wait();
                batons[1 - place].take_checked().map(drop)
            })
        })
    });
    let results = threads.map(|thread| thread.join().unwrap());
    let deadlock = results.into_iter().find_map(Result::err).expect("a victim");
    let mut tasks: Vec<u64> =
        deadlock.participants().filter_map(|it| it.task()).map(|task| task.id).collect();
    tasks.sort_unstable();
    assert_eq!(tasks, [70, 71]);
    assert!(deadlock.to_string().contains("in task 70 'breakfast'"), "{deadlock}");
}

#[test]
fn a_dump_tells_who_holds_what_is_waited_for() {
    let baton = Baton::new("fork");
    let held = baton.take();
    std::thread::scope(|scope| {
        scope.spawn(|| drop(baton.take()));
        eventually("the dump names the holder", || {
            let me = Agent::current().to_string();
            let text = dump().to_string();
            text.contains("for baton 'fork' held by") && text.contains(&me)
        });
        drop(held);
    });
}

#[test]
fn a_cycle_of_two_is_found_within_milliseconds() {
    // The behaviour promises it; the bound is that of a machine that does much else.
    let baton = Baton::new("first");
    let other = Baton::new("second");
    let held = baton.take();
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            let _own = other.take();
            baton.take_checked().map(drop)
        });
        eventually("the other one waits", || {
            other.is_held() && dump().to_string().contains("'first'")
        });
        let start = Instant::now();
        let found = other.take_checked().map(drop);
        let took = start.elapsed();
        assert!(found.is_err(), "this one blocks last");
        assert!(took < LONG.min(Duration::from_secs(5)), "{took:?}");
        drop(held);
        assert!(waiter.join().unwrap().is_ok());
    });
}
