//! Futures on the runtime, and plain calls on its blocking threads.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use manyhands_async::{AsyncPool, spawn_async};
use manyhands_executor::{Cancellation, Executor, ExecutorExt, InProcess, Shutdown, TaskOptions};
use manyhands_wait::TimedOut;

use crate::patience::{LONG, eventually};

struct Sets(Arc<AtomicBool>);

impl Drop for Sets {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

#[test]
fn timers_and_sockets_work() {
    let pool = AsyncPool::new(10).unwrap();
    let echo = pool.spawn_async(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let client = tokio::spawn(async move { tokio::net::TcpStream::connect(address).await });
        let (_socket, peer) = listener.accept().await?;
        tokio::time::sleep(Duration::from_millis(1)).await;
        client.await.unwrap().map(|socket| socket.local_addr().unwrap() == peer)
    });
    let same: std::io::Result<bool> = echo.result().unwrap();
    assert!(same.unwrap());
}

#[test]
fn cancelling_drops_a_running_future() {
    let dropped = Arc::new(AtomicBool::new(false));
    let sets = Sets(Arc::clone(&dropped));
    let task = spawn_async(async move {
        let _sets = sets;
        pending::<()>().await;
    });
    eventually("it runs", || task.is_running());
    assert_eq!(task.cancel(), Cancellation::Requested);
    assert!(task.result().unwrap_err().is_cancelled());
    assert!(dropped.load(Ordering::Acquire), "before anybody sees the outcome");
}

#[test]
fn a_time_limit_ends_a_future_that_only_waits() {
    let pool = AsyncPool::new(2).unwrap();
    let short = || TaskOptions::new().time_limit(Duration::from_millis(10));
    let future = pool.with(short()).spawn_async(pending::<()>());
    assert!(future.result().unwrap_err().is_timed_out());
    let call = pool.with(short()).spawn(|| manyhands_wait::sleep(LONG));
    assert!(call.result().unwrap_err().is_timed_out());
    let deadline =
        TaskOptions::new().deadline(std::time::Instant::now() + Duration::from_millis(9));
    assert!(pool.with(deadline).spawn_async(pending::<()>()).result().unwrap_err().is_timed_out());
}

#[test]
fn a_panic_is_the_tasks_own() {
    let pool = AsyncPool::new(1).unwrap();
    let error = pool
        .spawn_async(async {
            tokio::task::yield_now().await;
            std::panic::resume_unwind(Box::new("out of tea"))
        })
        .result();
    let error: Result<(), _> = error;
    assert_eq!(error.unwrap_err().message(), "out of tea");
    let call = pool.spawn(|| -> u8 { std::panic::resume_unwind(Box::new("out of milk")) });
    assert_eq!(call.result().unwrap_err().message(), "out of milk");
    assert_eq!(pool.spawn(|| 3).result().unwrap(), 3);
}

#[test]
fn tasks_are_awaited_in_async_code() {
    let pool = Arc::new(AsyncPool::new(4).unwrap());
    let inner = Arc::clone(&pool);
    let sum = pool.spawn_async(async move {
        let call = inner.spawn(|| 1);
        let future = inner.spawn_async(async { 2 });
        call.await.unwrap() + future.await.unwrap()
    });
    assert_eq!(sum.result().unwrap(), 3);
}

#[test]
fn cancelling_races_with_the_start() {
    let pool = AsyncPool::new(4).unwrap();
    let (begun, ended) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut cancelled = 0;
    for n in 0..2000 {
        let (begun, ended) = (Arc::clone(&begun), Arc::clone(&ended));
        let task = pool.spawn_async(async move {
            begun.fetch_add(1, Ordering::Relaxed);
            if n % 2 == 0 {
                tokio::task::yield_now().await;
            }
            ended.fetch_add(1, Ordering::Relaxed);
        });
        if n % 3 == 0 {
            std::thread::yield_now();
        }
        task.cancel();
        match task.result() {
            Ok(()) => {}
            Err(error) => {
                assert!(error.is_cancelled(), "{error:?}");
                cancelled += 1;
            }
        }
    }
    assert_eq!(ended.load(Ordering::Relaxed) + cancelled, 2000);
    assert!(begun.load(Ordering::Relaxed) <= 2000);
}

#[test]
fn nested_calls_do_not_starve_a_pool_of_one() {
    // A call waits on a blocking thread, and runs what is still queued itself: calls and futures.
    fn nest(pool: &Arc<AsyncPool>, depth: u32) -> u32 {
        if depth == 0 {
            return 0;
        }
        let inner = Arc::clone(pool);
        let task = match depth % 2 {
            0 => pool.spawn(move || nest(&inner, depth - 1) + 1),
            _ => pool.spawn_async(async move { nest(&inner, depth - 1) + 1 }),
        };
        task.result().unwrap()
    }
    let pool = Arc::new(AsyncPool::new(1).unwrap());
    let inner = Arc::clone(&pool);
    assert_eq!(pool.spawn(move || nest(&inner, 30)).result().unwrap(), 30);
}

#[test]
fn a_blocking_wait_in_a_future_is_possible() {
    // Not the way to write async code, but it must not hang: the wait blocks a runtime worker.
    let pool = AsyncPool::new(2).unwrap();
    let task = pool.spawn_async(async {
        manyhands_wait::sleep(Duration::from_millis(2));
        manyhands_wait::wait_timeout(pending::<()>(), Duration::from_millis(2))
    });
    assert_eq!(task.result().unwrap(), Err(TimedOut));
}

#[test]
fn the_shared_runtime_outlives_every_pool() {
    for _ in 0..20 {
        let pool = AsyncPool::new(2).unwrap();
        drop(pool.spawn_async(async { tokio::time::sleep(Duration::from_micros(10)).await }));
        pool.shutdown(Shutdown::DETACH);
    }
    assert_eq!(spawn_async(async { 5 }).result().unwrap(), 5);
}
