//! What a hub has to survive: results whose destructors panic, deadlines that come at a bad moment,
//! runtimes that are not its own, hubs that look idle and are not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::task::Poll;
use std::time::{Duration, Instant};

use manyhands_coroutines::{
    CoroutinePool, forbid_suspend, idle, net, sleep, spawn_local, timeout, yield_now,
};
use manyhands_executor::{ExecutorExt, TaskErrorKind, TaskOptions};
use manyhands_wait::{Context, ContextKind, has_scoped_parker};

const LONG: Duration = Duration::from_secs(100);
const BRIEF: Duration = Duration::from_millis(20);

/// Panics when it is dropped.
struct Fragile;

impl Drop for Fragile {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

#[test]
fn a_result_that_nobody_wants_may_panic_when_it_is_dropped() {
    let pool = CoroutinePool::new(1).unwrap();
    let waiting = pool.spawn(|| sleep(Duration::from_millis(50)));
    drop(pool.spawn(|| Fragile));
    waiting.result().unwrap();
    assert_eq!(pool.spawn(|| 5).result().unwrap(), 5, "the hub goes on");
}

/// Panics when it is dropped, with one more of its kind, so many times.
struct Bomb(u32);

impl Drop for Bomb {
    fn drop(&mut self) {
        if let Some(left) = self.0.checked_sub(1) {
            std::panic::panic_any(Bomb(left));
        }
    }
}

#[test]
fn what_a_panic_unwinds_with_may_panic_when_it_is_dropped_and_so_may_what_that_unwinds_with() {
    for _ in 0..3 {
        drop(spawn_local(|| std::panic::panic_any(Bomb(2))));
        drop(spawn_local(|| Bomb(3)));
        spawn_local(|| 1).on_done(|_| std::panic::panic_any(Bomb(2)));
        drop(spawn_local(|| {
            manyhands_coroutines::local! { static KEPT: Bomb = Bomb(2); }
            KEPT.with(|_| ());
        }));
        idle();
        assert_eq!(Context::current().kind(), ContextKind::Thread);
        assert!(!has_scoped_parker());
        assert_eq!(spawn_local(|| 5).result().unwrap(), 5, "the hub goes on");
        sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_wait_that_begins_while_another_coroutine_unwinds_keeps_its_deadline() {
    struct WaitsInDrop(Arc<AtomicBool>);
    impl Drop for WaitsInDrop {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
            sleep(Duration::from_millis(100));
        }
    }
    let pool = CoroutinePool::new(1).unwrap();
    let unwinding = Arc::new(AtomicBool::new(false));
    let first = {
        let unwinding = Arc::clone(&unwinding);
        pool.spawn(move || {
            let _waits = WaitsInDrop(unwinding);
            std::panic::resume_unwind(Box::new("ends"));
        })
    };
    let late = TaskOptions::new().time_limit(Duration::from_millis(150));
    let second = pool.with(late).spawn(move || {
        while !unwinding.load(Ordering::SeqCst) {
            yield_now();
        }
        sleep(LONG);
    });
    assert!(second.result().unwrap_err().is_timed_out());
    assert!(first.result().is_err());
}

#[test]
fn a_hub_that_was_woken_by_a_timer_is_not_taken_for_an_idle_one() {
    let pool = CoroutinePool::new(2).unwrap();
    for _ in 0..20 {
        let (busy, is_busy) = channel();
        let (release, released) = channel::<()>();
        // Its hub goes idle, is woken by the timer, and is blocked from then on.
        let blocker = pool.spawn(move || {
            sleep(Duration::from_millis(2));
            busy.send(()).unwrap();
            released.recv().unwrap();
        });
        is_busy.recv().unwrap();
        // The other hub runs these, however long the first is blocked.
        let mut task = pool.spawn(|| 7);
        let outcome = task.result_timeout(Duration::from_secs(20));
        release.send(()).unwrap();
        assert_eq!(outcome.expect("the other hub is idle").unwrap(), 7);
        blocker.result().unwrap();
    }
}

#[test]
fn a_foreign_runtime_does_not_turn_the_hub_of_its_thread() {
    assert_eq!(spawn_local(|| 1).result().unwrap(), 1, "the thread has a hub now");
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let task = runtime.block_on(std::future::poll_fn(|_| Poll::Ready(spawn_local(|| 2))));
    assert_eq!(task.result().unwrap_err().kind(), TaskErrorKind::Rejected);
    let entered = runtime.enter();
    let task = spawn_local(|| 3);
    drop(entered);
    assert_eq!(task.result().unwrap_err().kind(), TaskErrorKind::Rejected);
    assert_eq!(spawn_local(|| 4).result().unwrap(), 4);
}

#[test]
fn operations_that_need_not_wait_go_through_where_waiting_is_forbidden() {
    let task = spawn_local(|| {
        let (one, other) =
            (net::UdpSocket::bind("127.0.0.1:0")?, net::UdpSocket::bind("127.0.0.1:0")?);
        let address = other.local_addr()?;
        forbid_suspend(|| (0..300).try_for_each(|_| one.send_to(b"x", address).map(drop)))
    });
    task.result().unwrap().unwrap();
}

#[test]
fn a_timeout_loses_nothing_that_was_received() {
    let task = spawn_local(|| -> std::io::Result<(u32, u32)> {
        let (one, other) =
            (net::UdpSocket::bind("127.0.0.1:0")?, net::UdpSocket::bind("127.0.0.1:0")?);
        other.set_read_timeout(Some(Duration::from_secs(20)))?;
        let address = other.local_addr()?;
        let (mut sent, mut received) = (0, 0);
        let mut buffer = [0; 8];
        let end = Instant::now() + Duration::from_millis(300);
        while Instant::now() < end {
            for _ in 0..50 {
                one.send_to(b"x", address)?;
                sent += 1;
            }
            while received < sent {
                // Ends now and then in the middle; what was taken out of the socket was counted.
                let _ended = timeout(Duration::from_micros(200), || {
                    while received < sent {
                        other.recv_from(&mut buffer).unwrap();
                        received += 1;
                    }
                });
                if received < sent {
                    // What is missing must still be there.
                    other.recv_from(&mut buffer)?;
                    received += 1;
                }
            }
        }
        Ok((sent, received))
    });
    let (sent, received) = task.result().unwrap().unwrap();
    assert_eq!(sent, received);
}

#[test]
fn the_end_of_the_pool_comes_when_its_hubs_were_woken_by_timers() {
    let pool = CoroutinePool::new(2).unwrap();
    for _ in 0..100 {
        drop(pool.spawn(move || sleep(BRIEF)));
    }
    drop(pool);
}
