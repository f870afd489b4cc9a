//! From inside runtimes.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Wake, Waker};
use std::time::{Duration, Instant};

use manyhands_io::{PerRuntime, prepare, wait, wait_timeout};
use manyhands_wait::{Parker, with_parker};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::Notify;
use tokio::task::{spawn_blocking, yield_now};

fn multi_thread(workers: usize) -> Runtime {
    Builder::new_multi_thread().worker_threads(workers).enable_all().build().unwrap()
}

fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Blocking code that does I/O and uses a timer.
fn talk_to_myself() -> Vec<u8> {
    let listener = wait(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let (mut ours, (mut theirs, _)) =
        wait(async { tokio::try_join!(TcpStream::connect(address), listener.accept()) }).unwrap();
    wait(async { tokio::time::sleep(Duration::from_millis(1)).await });
    wait(theirs.write_all(b"hello")).unwrap();
    drop(theirs);
    let mut read = Vec::new();
    wait(ours.read_to_end(&mut read)).unwrap();
    read
}

#[test]
fn a_task_of_a_multi_thread_runtime_blocks_in_place() {
    // With one worker, the rest of the runtime has to move to another thread while the task waits.
    for workers in [1, 2] {
        let runtime = multi_thread(workers);
        let tasks: Vec<_> = (0..8).map(|_| runtime.spawn(async { talk_to_myself() })).collect();
        for task in tasks {
            assert_eq!(runtime.block_on(task).unwrap(), b"hello");
        }
        assert_eq!(runtime.block_on(async { talk_to_myself() }), b"hello");
    }
}

#[test]
fn waiting_in_a_multi_thread_runtime_uses_that_runtime() {
    let runtime = multi_thread(1);
    let own = runtime.handle().id();
    let seen = runtime.block_on(async {
        let in_task = tokio::spawn(async { wait(async { Handle::current().id() }) });
        let in_blocking = spawn_blocking(|| wait(async { Handle::current().id() }));
        (in_task.await.unwrap(), in_blocking.await.unwrap())
    });
    assert_eq!(seen, (own, own));
}

#[test]
fn blocking_threads_wait_under_either_runtime() {
    for runtime in [multi_thread(1), current_thread()] {
        let talks: Vec<_> = (0..8).map(|_| runtime.spawn_blocking(talk_to_myself)).collect();
        for talk in talks {
            assert_eq!(runtime.block_on(talk).unwrap(), b"hello");
        }
    }
}

#[test]
fn a_blocking_thread_does_not_need_its_current_thread_runtime_to_turn() {
    let runtime = current_thread();
    // Nobody turns this runtime until the blocking code is done.
    let (tell, told) = std::sync::mpsc::channel();
    let blocking = runtime.spawn_blocking(move || tell.send(talk_to_myself()).unwrap());
    assert_eq!(told.recv().unwrap(), b"hello");
    runtime.block_on(blocking).unwrap();
}

#[test]
fn a_thread_that_entered_a_runtime_which_nobody_turns_drives_itself() {
    let runtime = current_thread();
    let _context = runtime.enter();
    assert_eq!(talk_to_myself(), b"hello");
    let ours = wait(async { Handle::current().id() });
    assert_ne!(ours, runtime.handle().id());
}

#[test]
fn a_task_of_a_current_thread_runtime_is_told_to_await() {
    fn message(waited: impl Future<Output = ()>) -> String {
        // Whether the future would be ready at once makes no difference.
        let panic = catch_unwind(AssertUnwindSafe(|| wait(waited))).unwrap_err();
        panic.downcast_ref::<&str>().copied().unwrap_or("another payload").to_owned()
    }
    let runtime = current_thread();
    let messages = runtime.block_on(async {
        let task = tokio::spawn(async { message(async {}) });
        [message(async {}), message(yield_now()), task.await.unwrap()]
    });
    for message in messages {
        assert!(message.contains("`.await`"), "{message}");
    }
    assert_eq!(
        runtime.block_on(async { prepare() }).unwrap_err().kind(),
        std::io::ErrorKind::Unsupported
    );
    // And nothing is broken by it.
    assert_eq!(talk_to_myself(), b"hello");
}

#[test]
fn a_task_spawned_on_a_threads_own_runtime_is_told_to_await() {
    let outcome = wait(async { tokio::spawn(async { wait(yield_now()) }).await });
    let panic = outcome.unwrap_err().into_panic();
    assert!(panic.downcast_ref::<&str>().unwrap().contains("`.await`"));
}

#[test]
fn a_plain_wait_in_a_foreign_runtime_leaves_the_threads_reactor_alone() {
    wait(yield_now());
    let runtime = current_thread();
    // Blocking in async code is wrong, but the floor allows it, and it must not become a panic
    // because the thread happens to have a reactor.
    let (tell, told) = tokio::sync::oneshot::channel();
    let teller = std::thread::spawn(move || tell.send(7).unwrap());
    let told = runtime.block_on(async { manyhands_wait::wait(told) });
    assert_eq!(told, Ok(7));
    teller.join().unwrap();
}

#[test]
fn the_place_may_change_from_wait_to_wait() {
    let runtime = multi_thread(1);
    let values = PerRuntime::new();
    let value = |number: u32| values.get_or_init(|| number).unwrap();
    assert_eq!(wait(async { value(1) }), 1);
    assert_eq!(runtime.block_on(async { wait(async { value(2) }) }), 2);
    assert_eq!(wait(async { value(3) }), 1);
    {
        let _context = runtime.enter();
        assert_eq!(wait(async { value(4) }), 2);
    }
    assert!(wait_timeout(std::future::pending::<()>(), Duration::from_millis(5)).is_err());
    assert_eq!(wait(async { value(5) }), 1);
}

/// A scheduler reduced to the minimum: it parks what it runs by turning its runtime.
struct Scheduler {
    runtime: Runtime,
    wakeup: Arc<Wakeup>,
}

#[derive(Default)]
struct Wakeup(Notify);

impl Wake for Wakeup {
    fn wake(self: Arc<Self>) {
        self.0.notify_one();
    }
}

impl Parker for Scheduler {
    fn waker(&self) -> Waker {
        Arc::clone(&self.wakeup).into()
    }

    fn park(&self, until: Option<Instant>) {
        assert!(until.is_none(), "the waits of this test have no end");
        self.runtime.block_on(self.wakeup.0.notified());
    }
}

#[test]
fn in_a_schedulers_context_its_runtime_drives_the_wait() {
    // Whether the thread has a reactor of its own makes no difference.
    for has_reactor in [false, true] {
        if has_reactor {
            wait(yield_now());
        }
        let scheduler = Scheduler { runtime: current_thread(), wakeup: Arc::default() };
        let _context = scheduler.runtime.enter();
        let seen = with_parker(&scheduler, || {
            wait(async {
                tokio::time::sleep(Duration::from_millis(1)).await;
                Handle::current().id()
            })
        });
        assert_eq!(seen, scheduler.runtime.handle().id());
    }
}
