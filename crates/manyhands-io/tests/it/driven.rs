//! Futures that the reactor polls itself.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use manyhands_io::{can_drive, drive, enter, wait};
use manyhands_wait::{CancelToken, Reason, TimedOut, timeout, with_cancel_token};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::sleep;

static TEST: Reason = Reason::new("driven future of a test");

fn driven<T>(future: impl Future<Output = T> + 'static) -> T {
    drive(&TEST, None, future).unwrap()
}

async fn talk_to_myself() -> [u8; 5] {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let caller = tokio::spawn(async move {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"hello").await.unwrap();
    });
    let mut buffer = [0; 5];
    listener.accept().await.unwrap().0.read_exact(&mut buffer).await.unwrap();
    caller.await.unwrap();
    buffer
}

#[test]
fn sockets_timers_and_tasks_work_inside() {
    assert_eq!(&driven(talk_to_myself()), b"hello");
    // In the middle of another wait, too.
    assert_eq!(&wait(async { driven(talk_to_myself()) }), b"hello");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    assert_eq!(&runtime.block_on(async { driven(talk_to_myself()) }), b"hello");
}

#[test]
fn other_threads_wake_it_and_the_background_goes_on() {
    let (tell, told) = oneshot::channel();
    let (begun, begins) = mpsc::channel();
    enter(|| {
        tokio::spawn(async move {
            sleep(Duration::from_millis(1)).await;
            begun.send(()).unwrap();
        })
    });
    let teller = std::thread::spawn(move || {
        begins.recv().unwrap();
        tell.send(7).unwrap();
    });
    assert_eq!(driven(told), Ok(7));
    teller.join().unwrap();
}

#[test]
fn a_limit_ends_it_and_drops_the_future() {
    let (tell, told) = oneshot::channel::<()>();
    let start = Instant::now();
    let until = start + Duration::from_millis(10);
    let ended = drive(&TEST, Some(until), async move {
        let _held = tell;
        sleep(Duration::from_secs(600)).await;
    });
    assert_eq!(ended, Err(TimedOut));
    assert!(start.elapsed() >= Duration::from_millis(10));
    assert!(wait(told).is_err());
}

#[test]
fn cancellations_and_deadlines_of_the_caller_end_it() {
    let token = CancelToken::new();
    let (begun, begins) = mpsc::channel();
    let canceller = {
        let token = token.clone();
        std::thread::spawn(move || {
            begins.recv().unwrap();
            token.cancel();
        })
    };
    let ended = with_cancel_token(&token, || {
        driven(async move {
            begun.send(()).unwrap();
            std::future::pending::<()>().await;
        });
    });
    assert!(ended.is_err());
    canceller.join().unwrap();
    let late = timeout(Duration::from_millis(5), || driven(std::future::pending::<()>()));
    assert!(late.is_err());
    // The reactor is none the worse, and waits park as before.
    assert_eq!(&driven(talk_to_myself()), b"hello");
    assert_eq!(&wait(talk_to_myself()), b"hello");
}

#[test]
fn blocking_inside_is_told_to_await() {
    let panic =
        catch_unwind(AssertUnwindSafe(|| driven(async { wait(talk_to_myself()) }))).unwrap_err();
    assert!(panic.downcast_ref::<&str>().unwrap().contains("`.await`"));
    assert_eq!(&wait(talk_to_myself()), b"hello");
}

#[test]
fn a_destructor_of_the_future_may_wait() {
    struct Waits;
    impl Drop for Waits {
        fn drop(&mut self) {
            assert_eq!(&wait(talk_to_myself()), b"hello");
        }
    }
    let until = Some(Instant::now() + Duration::from_millis(5));
    let ended = drive(&TEST, until, async {
        let _waits = Waits;
        std::future::pending::<()>().await;
    });
    assert_eq!(ended, Err(TimedOut));
}

#[test]
fn only_what_a_wait_of_a_plain_thread_polls_can_drive() {
    assert!(!can_drive());
    assert!(wait(async { can_drive() }));
    assert!(!driven(async { can_drive() }));
    assert!(!wait(async { tokio::spawn(async { can_drive() }).await }).unwrap());
    for runtime in [
        tokio::runtime::Builder::new_multi_thread().build().unwrap(),
        tokio::runtime::Builder::new_current_thread().build().unwrap(),
    ] {
        assert!(!runtime.block_on(async { can_drive() }));
        assert!(!runtime.block_on(async { tokio::spawn(async { can_drive() }).await.unwrap() }));
    }
}
