//! A bound on the coroutines of a thread, and a hold on all of them.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use manyhands_coroutines::{Pool, idle, join_all, sleep, spawn_local, timeout, yield_now};
use manyhands_executor::TaskErrorKind;
use manyhands_wait::TimedOut;

use crate::net_places::LONG;

const SOON: Duration = Duration::from_millis(2);

/// Counts how many are inside at a time.
#[derive(Default)]
struct Crowd {
    inside: Cell<usize>,
    most: Cell<usize>,
}

impl Crowd {
    fn come(self: &Rc<Self>) -> impl Drop + use<> {
        struct Go(Rc<Crowd>);
        impl Drop for Go {
            fn drop(&mut self) {
                self.0.inside.set(self.0.inside.get() - 1);
            }
        }
        self.inside.set(self.inside.get() + 1);
        self.most.set(self.most.get().max(self.inside.get()));
        Go(Rc::clone(self))
    }
}

#[test]
fn spawn_waits_when_the_pool_is_full() {
    for in_coroutine in [false, true] {
        let body = || {
            let (pool, crowd) = (Pool::new(3), Rc::new(Crowd::default()));
            let tasks: Vec<_> = (0..20)
                .map(|n| {
                    let crowd = Rc::clone(&crowd);
                    assert!(pool.len() <= 3);
                    pool.spawn(move || {
                        let _inside = crowd.come();
                        sleep(SOON);
                        Rc::new(n)
                    })
                })
                .collect();
            let values: Vec<_> = join_all(tasks).into_iter().map(|n| *n.unwrap()).collect();
            assert_eq!(values, (0..20).collect::<Vec<_>>());
            assert_eq!(crowd.most.get(), 3);
            assert_eq!((pool.len(), pool.free_count()), (0, 3));
        };
        if in_coroutine { spawn_local(body).result().unwrap() } else { body() }
    }
}

#[test]
fn those_who_wait_get_their_places_in_their_order() {
    let pool = Pool::new(1);
    let first = pool.spawn(|| sleep(SOON));
    let order = Rc::new(RefCell::new(Vec::new()));
    let waiting = (0..10).map(|n| {
        let (pool, order) = (pool.clone(), Rc::clone(&order));
        spawn_local(move || {
            pool.spawn(move || order.borrow_mut().push(n)).result().unwrap();
        })
    });
    join_all(waiting);
    first.result().unwrap();
    assert_eq!(*order.borrow(), (0..10).collect::<Vec<_>>());
}

#[test]
fn try_spawn_gives_the_closure_back() {
    let pool = Pool::new(1);
    let task = pool.try_spawn(|| sleep(SOON)).ok().unwrap();
    assert!(pool.is_full());
    let refused = pool.try_spawn(|| 7).err().unwrap();
    assert_eq!(refused(), 7);
    pool.wait_available();
    assert_eq!(pool.free_count(), 1);
    task.result().unwrap();
    assert_eq!(pool.try_spawn(|| 8).ok().unwrap().result().unwrap(), 8);
}

#[test]
fn a_place_is_free_again_however_its_coroutine_ends() {
    let pool = Pool::new(1);
    let panics = pool.spawn(|| panic!("as a test asked for"));
    let unstarted = {
        let pool = pool.clone();
        spawn_local(move || {
            let task = pool.spawn(|| 1);
            task.cancel(); // before it has begun
            task.result().unwrap_err().kind()
        })
    };
    assert_eq!(unstarted.result().unwrap(), TaskErrorKind::Cancelled);
    assert!(panics.result().unwrap_err().is_panicked());
    let cancelled = pool.spawn(|| sleep(LONG));
    idle();
    cancelled.cancel();
    assert!(cancelled.result().unwrap_err().is_cancelled());
    assert_eq!(pool.free_count(), 1);
}

#[test]
fn who_gives_up_waiting_for_a_place_takes_none() {
    let pool = Pool::new(1);
    let holder = pool.spawn(|| sleep(LONG));
    let gave_up = spawn_local({
        let pool = pool.clone();
        move || timeout(SOON, || pool.spawn(|| 1).result())
    });
    assert!(matches!(gave_up.result().unwrap(), Err(TimedOut)));
    holder.cancel();
    pool.join();
    assert_eq!(pool.spawn(|| 2).result().unwrap(), 2);
}

#[test]
fn join_waits_for_those_who_come_meanwhile() {
    let pool = Pool::unlimited();
    let done = Rc::new(Cell::new(0));
    fn grow(pool: &Pool, done: &Rc<Cell<u32>>, generations: u32) {
        for _ in 0..2 {
            let (own, done) = (pool.clone(), Rc::clone(done));
            let _detached = pool.spawn(move || {
                sleep(SOON);
                done.set(done.get() + 1);
                if generations > 1 {
                    grow(&own, &done, generations - 1);
                }
            });
        }
    }
    grow(&pool, &done, 4);
    pool.join();
    assert_eq!(done.get(), 2 + 4 + 8 + 16);
    assert!(pool.is_empty());
}

#[test]
fn kill_ends_all_and_waits_for_their_destructors() {
    struct Slow(Rc<Cell<u32>>);
    impl Drop for Slow {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }
    let pool = Pool::unlimited();
    let ended = Rc::new(Cell::new(0));
    for _ in 0..50 {
        let slow = Slow(Rc::clone(&ended));
        let _detached = pool.spawn(move || {
            let _slow = slow;
            sleep(LONG);
        });
    }
    idle(); // they have begun
    for _ in 0..50 {
        let slow = Slow(Rc::clone(&ended));
        let _detached = pool.spawn(move || drop(slow)); // these never do
    }
    assert_eq!(pool.len(), 100);
    pool.kill();
    assert_eq!(ended.get(), 100);
    assert!(pool.is_empty());
    assert_eq!(pool.spawn(|| 1).result().unwrap(), 1);
}

#[test]
fn one_that_another_thread_has_cancelled_is_waited_for() {
    let pool = Pool::unlimited();
    let kept = Rc::new(());
    let held = Rc::clone(&kept);
    let task = pool.spawn(move || drop(held));
    let handle = task.handle();
    std::thread::spawn(move || handle.cancel()).join().unwrap();
    assert!(task.is_done());
    assert_eq!((pool.len(), Rc::strong_count(&kept)), (1, 2), "the closure was dropped elsewhere");
    pool.join();
    assert_eq!((pool.len(), Rc::strong_count(&kept)), (0, 1));
    assert!(task.result().unwrap_err().is_cancelled());
}

#[test]
fn a_member_may_join_or_kill_the_others() {
    let pool = Pool::new(3);
    let killer = pool.spawn({
        let pool = pool.clone();
        move || {
            let _victim = pool.spawn(|| sleep(LONG));
            yield_now();
            pool.kill();
            pool.join();
            pool.len()
        }
    });
    assert_eq!(killer.result().unwrap(), 1, "itself");
}

#[test]
fn map_gives_results_in_the_order_of_the_inputs() {
    let (pool, crowd) = (Pool::new(4), Rc::new(Crowd::default()));
    let seen = Rc::clone(&crowd);
    let slow = move |n: u64| {
        let _inside = seen.come();
        sleep(Duration::from_millis(n % 3));
        Rc::new(n * n)
    };
    let squares = pool.map(slow, 0..50).unwrap();
    assert!(squares.into_iter().map(|n| *n).eq((0..50).map(|n| n * n)));
    assert_eq!(crowd.most.get(), 4);
    assert!(pool.map(|n: u8| n, []).unwrap().is_empty());
    assert_eq!(Pool::unlimited().map(|n| n + 1, 0..500).unwrap().len(), 500);
}

#[test]
fn the_first_error_of_a_map_cancels_the_rest() {
    let pool = Pool::new(2);
    let calls = Rc::new(Cell::new(0));
    let counted = Rc::clone(&calls);
    let call = move |n: u32| {
        counted.set(counted.get() + 1);
        assert_ne!(n, 3, "as a test asked for");
        if n > 3 {
            sleep(LONG);
        }
    };
    let error = pool.map(call, 0..1_000).unwrap_err();
    assert!(error.is_panicked());
    assert!(calls.get() < 10, "{} calls", calls.get());
    pool.join();
}

#[test]
fn imap_takes_no_more_inputs_than_the_limit_allows() {
    for ordered in [true, false] {
        let pool = Pool::new(5);
        let taken = Rc::new(Cell::new(0));
        let counted = Rc::clone(&taken);
        let inputs = (0..).inspect(move |_| counted.set(counted.get() + 1));
        let mut results: Box<dyn Iterator<Item = _>> = if ordered {
            Box::new(pool.imap(|n: u32| n, inputs))
        } else {
            Box::new(pool.imap_unordered(|n: u32| n, inputs))
        };
        for yielded in 1..50 {
            results.next().unwrap().unwrap();
            assert!(taken.get() <= 5 + yielded, "{} taken", taken.get());
        }
        drop(results);
        pool.join();
    }
}

#[test]
fn imap_keeps_the_order_and_imap_unordered_does_not() {
    let pool = Pool::new(3);
    let times = || [6, 1, 3].into_iter();
    let nap = |n: u32| {
        sleep(20 * n * SOON);
        n
    };
    let ordered: Vec<_> = pool.imap(nap, times()).map(Result::unwrap).collect();
    assert_eq!(ordered, [6, 1, 3]);
    let unordered: Vec<_> = pool.imap_unordered(nap, times()).map(Result::unwrap).collect();
    assert_eq!(unordered, [1, 3, 6]);
}

#[test]
fn a_failed_call_is_an_error_in_its_place() {
    let pool = Pool::new(2);
    let call = |n: u32| {
        assert_ne!(n, 1, "as a test asked for");
        n
    };
    let ok: Vec<_> = pool.imap(call, 0..4).map(|outcome| outcome.is_ok()).collect();
    assert_eq!(ok, [true, false, true, true]);
    assert_eq!(pool.imap_unordered(call, 0..4).filter(Result::is_err).count(), 1);
}

#[test]
fn a_dropped_imap_cancels_what_is_under_way() {
    let pool = Pool::new(4);
    let mut results = pool.imap(
        |n: u32| {
            if n > 0 {
                sleep(LONG)
            }
        },
        0..,
    );
    results.next().unwrap().unwrap();
    drop(results);
    pool.join(); // at once
    let unordered = pool.imap_unordered(|()| sleep(LONG), std::iter::repeat(()));
    drop(unordered);
    pool.join();
}

#[test]
fn an_imap_of_a_full_pool_waits_for_a_place() {
    let pool = Pool::new(1);
    let other = pool.spawn(|| sleep(SOON));
    let squares: Vec<_> = pool.imap(|n: u32| n * n, 0..3).map(Result::unwrap).collect();
    assert_eq!(squares, [0, 1, 4]);
    other.result().unwrap();
    let holder = pool.spawn(|| sleep(LONG));
    assert!(pool.imap(|n: u32| n, []).next().is_none(), "there is nothing to wait for");
    holder.cancel();
}

#[test]
fn a_wait_for_an_outcome_that_is_cut_short_loses_nothing() {
    let pool = Pool::new(2);
    let nap = |n: u32| {
        sleep(10 * SOON);
        n
    };
    let (mut ordered, mut unordered) = (pool.imap(nap, 0..2), pool.imap_unordered(nap, 0..2));
    let next = |i: &mut dyn Iterator<Item = Result<u32, _>>| loop {
        if let Ok(item) = timeout(SOON, || i.next()) {
            break item.map(Result::<u32, manyhands_executor::TaskError>::unwrap);
        }
    };
    let first: Vec<_> = std::iter::from_fn(|| next(&mut ordered)).collect();
    let mut second: Vec<_> = std::iter::from_fn(|| next(&mut unordered)).collect();
    second.sort_unstable();
    assert_eq!((first, second), (vec![0, 1], vec![0, 1]));
}
