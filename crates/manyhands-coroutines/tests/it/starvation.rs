//! Coroutines that hold all the places of a pool and wait for others of it: one more place, for as long
//! as it is needed, or a deadlock that says so.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use manyhands_coroutines::{CoroutinePool, Pool, spawn_local, yield_now};
use manyhands_executor::{Outcome, Task};

fn limited(jobs: usize) -> Arc<CoroutinePool> {
    Arc::new(CoroutinePool::builder().hubs(2).limit(jobs).build().unwrap())
}

/// A job that waits for another one of the same pool.
fn nested(pool: &Arc<CoroutinePool>) -> Task<Outcome<u32>> {
    let inner = Arc::clone(pool);
    pool.spawn(move || inner.spawn(|| 42).result())
}

#[test]
fn a_job_that_waits_for_another_one_of_its_full_pool_goes_on() {
    let pool = limited(1);
    for _ in 0..50 {
        assert_eq!(nested(&pool).result().unwrap().unwrap(), 42);
    }
}

#[test]
fn many_of_them_in_a_small_pool_all_end() {
    let pool = limited(3);
    let tasks: Vec<_> = (0..300).map(|_| nested(&pool)).collect();
    for task in tasks {
        assert_eq!(task.result().unwrap().unwrap(), 42);
    }
}

#[test]
fn in_a_strict_pool_one_of_the_waits_ends_with_the_report() {
    let pool = CoroutinePool::builder().hubs(1).limit(1).relief(0).build().unwrap();
    let error = nested(&Arc::new(pool)).result().unwrap().unwrap_err();
    assert!(error.is_deadlock(), "{error}");
    assert!(error.message().contains("coroutine") && error.message().contains("result of task"));
}

#[test]
fn two_full_pools_that_wait_for_each_other_go_on() {
    let (a, b) = (limited(1), limited(1));
    for _ in 0..50 {
        let (there, back) = (Arc::clone(&b), Arc::clone(&a));
        let task = a.spawn(move || there.spawn(move || back.spawn(|| 42).result()).result());
        assert_eq!(task.result().unwrap().unwrap().unwrap(), 42);
    }
}

#[test]
fn the_limit_holds_again_when_the_others_go_on() {
    let pool = limited(2);
    for task in (0..20).map(|_| nested(&pool)).collect::<Vec<_>>() {
        task.result().unwrap().unwrap();
    }
    let (inside, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let (inside, most) = (Arc::clone(&inside), Arc::clone(&most));
            pool.spawn(move || {
                most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                yield_now();
                inside.fetch_sub(1, Ordering::SeqCst);
            })
        })
        .collect();
    tasks.into_iter().for_each(|task| task.result().unwrap());
    assert!(most.load(Ordering::SeqCst) <= 2, "{most:?}");
}

#[test]
fn coroutines_of_the_thread_beside_a_job_take_no_place_and_give_none_back() {
    let pool = limited(1);
    let (inside, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let (inside, most) = (Arc::clone(&inside), Arc::clone(&most));
            pool.spawn(move || {
                most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                // It ends before the job does.
                spawn_local(yield_now).result().unwrap();
                yield_now();
                inside.fetch_sub(1, Ordering::SeqCst);
            })
        })
        .collect();
    tasks.into_iter().for_each(|task| task.result().unwrap());
    assert_eq!(most.load(Ordering::SeqCst), 1);
}

#[test]
fn members_of_a_full_pool_that_all_spawn_into_it_do_not_wait_for_ever() {
    let pool = Pool::new(2);
    let failed = Rc::new(RefCell::new(0));
    let members: Vec<_> = (0..2)
        .map(|_| {
            let (inner, failed) = (pool.clone(), Rc::clone(&failed));
            pool.spawn(move || {
                yield_now(); // both are members now
                if let Err(error) = inner.spawn(|| ()).result() {
                    assert!(error.is_deadlock(), "{error}");
                    *failed.borrow_mut() += 1;
                }
            })
        })
        .collect();
    members.into_iter().for_each(|member| member.result().unwrap());
    assert_eq!(*failed.borrow(), 1, "one victim; the other one gets the place");
}
