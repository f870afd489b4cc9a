//! Tasks that await several locks at a time: told of a deadlock if none of them can come, whether they need
//! one or all.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Barrier;
use std::task::Poll;

use manyhands_sync::{Mutex, RwLock, Semaphore};
use manyhands_wait::{Deadlock, tracked, wait};

/// Ends with whichever comes first, and gives the other up.
async fn either<T>(one: impl Future<Output = T>, other: impl Future<Output = T>) -> T {
    let (mut one, mut other) = (pin!(one), pin!(other));
    poll_fn(|cx| match one.as_mut().poll(cx) {
        Poll::Pending => other.as_mut().poll(cx),
        ready => ready,
    })
    .await
}

/// The locks of one run: what the task holds, and what two threads hold that want it.
struct Locks {
    own: Mutex<()>,
    shared: RwLock<()>,
    places: Semaphore,
    all_have_theirs: Barrier,
}

/// Who of the three was told: the task, the one with the read lock, the one with the permit.
fn run(thread_goes_on: bool) -> [Option<Deadlock>; 3] {
    let locks = Locks {
        own: Mutex::named("own", ()),
        shared: RwLock::named("shared", ()),
        places: Semaphore::named("places", 1),
        all_have_theirs: Barrier::new(3),
    };
    let locks = &locks;
    std::thread::scope(|scope| {
        let task = scope.spawn(|| {
            wait(tracked(async {
                let held = locks.own.lock_async().await;
                locks.all_have_theirs.wait();
                let write = async { locks.shared.write_async_checked().await.map(drop) };
                let acquire = async { locks.places.acquire_async_checked().await.map(drop) };
                let told = either(write, acquire).await.err();
                drop(held);
                told
            }))
        });
        let reader = scope.spawn(|| {
            let _read = locks.shared.read();
            locks.all_have_theirs.wait();
            locks.own.lock_checked().err()
        });
        let seated = scope.spawn(|| {
            let permit = locks.places.acquire();
            locks.all_have_theirs.wait();
            if thread_goes_on {
                drop(permit);
                return None;
            }
            locks.own.lock_checked().err()
        });
        [task.join().unwrap(), reader.join().unwrap(), seated.join().unwrap()]
    })
}

#[test]
fn a_task_that_awaits_two_locks_is_stuck_if_it_is_with_both() {
    for _ in 0..20 {
        let told: Vec<Deadlock> = run(false).into_iter().flatten().collect();
        let [deadlock] = &told[..] else { panic!("one victim: {told:?}") };
        let text = deadlock.to_string();
        for part in
            ["waits for read-write lock 'shared' to write or semaphore 'places' at ", "mutex 'own'"]
        {
            assert!(text.contains(part), "{text:?} lacks {part:?}");
        }
        assert_eq!(deadlock.participants().len(), 3, "{text}");
    }
}

#[test]
fn a_task_that_awaits_two_locks_is_not_stuck_if_one_of_them_comes() {
    for _ in 0..20 {
        assert!(run(true).iter().all(Option::is_none));
    }
}
