//! Cancellation, the end of a thread, the end of the process.

use std::cell::RefCell;
use std::io;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use manyhands_io::{enter, prepare, wait, wait_timeout};
use manyhands_wait::{CancelToken, timeout, with_cancel_token};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use crate::own_process::{alone, in_own_process, printed};

#[test]
fn a_cancel_token_ends_a_wait_for_io() {
    let (tell, told) = mpsc::channel();
    let token = CancelToken::new();
    let canceller = {
        let token = token.clone();
        std::thread::spawn(move || {
            told.recv().unwrap();
            token.cancel();
        })
    };
    let ended = with_cancel_token(&token, || {
        let listener = wait(TcpListener::bind("127.0.0.1:0")).unwrap();
        tell.send(()).unwrap();
        wait(listener.accept()).map(|_| ())
    });
    assert!(ended.is_err());
    canceller.join().unwrap();
    // The reactor is none the worse.
    wait(async { sleep(Duration::from_millis(1)).await });
}

#[test]
fn an_ambient_deadline_ends_a_wait_for_io() {
    let start = Instant::now();
    let ended = timeout(Duration::from_millis(20), || {
        wait(async { sleep(Duration::from_secs(600)).await });
    });
    assert!(ended.is_err());
    assert!(start.elapsed() >= Duration::from_millis(20));
}

#[test]
fn a_cancelled_wait_does_not_cancel_the_background() {
    let token = CancelToken::new();
    let background = enter(|| {
        let token = token.clone();
        tokio::spawn(async move {
            token.cancel();
            // Polled inside the cancelled wait, but no part of it.
            manyhands_wait::check_cancelled();
            7
        })
    });
    let ended = with_cancel_token(&token, || wait(std::future::pending::<()>()));
    assert!(ended.is_err());
    assert_eq!(wait(background).unwrap(), 7);
}

/// Does at its drop what it was made with.
struct AtEnd(Option<Box<dyn FnOnce()>>);

impl Drop for AtEnd {
    fn drop(&mut self) {
        if let Some(action) = self.0.take() {
            action();
        }
    }
}

thread_local! {
    static AT_END: RefCell<Option<AtEnd>> = const { RefCell::new(None) };
}

fn at_end(action: impl FnOnce() + 'static) {
    AT_END.with(|slot| *slot.borrow_mut() = Some(AtEnd(Some(Box::new(action)))));
}

#[test]
fn a_destructor_of_a_later_thread_local_still_does_io() {
    let (tell, told) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        wait(async { sleep(Duration::from_millis(1)).await });
        at_end(move || {
            let listener = wait(TcpListener::bind("127.0.0.1:0")).unwrap();
            let address = listener.local_addr().unwrap();
            wait(async { tokio::try_join!(TcpStream::connect(address), listener.accept()) })
                .unwrap();
            assert!(wait_timeout(listener.accept(), Duration::from_millis(1)).is_err());
            tell.send(()).unwrap();
        });
    });
    thread.join().unwrap();
    told.recv().unwrap();
}

#[test]
fn a_destructor_after_tokios_own_waits_without_io_and_is_warned() {
    let (tell, told) = mpsc::channel();
    let (wake, woken) = tokio::sync::oneshot::channel();
    let thread = std::thread::spawn(move || {
        // Made first, so destroyed last.
        at_end(move || {
            let warned = prepare().map_err(|error| error.kind());
            let received = wait(woken);
            tell.send((warned, received)).unwrap();
        });
        wait(async { sleep(Duration::from_millis(1)).await });
    });
    wake.send(7).unwrap();
    thread.join().unwrap();
    assert_eq!(told.recv().unwrap(), (Err(io::ErrorKind::Unsupported), Ok(7)));
}

#[test]
fn a_thread_that_ends_drops_its_background_tasks() {
    struct Tell(mpsc::Sender<()>);
    impl Drop for Tell {
        fn drop(&mut self) {
            self.0.send(()).unwrap();
        }
    }
    let (tell, told) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        enter(|| {
            tokio::spawn(async move {
                let _tell = Tell(tell);
                sleep(Duration::from_secs(600)).await;
            })
        });
        wait(async { sleep(Duration::from_millis(1)).await });
    });
    thread.join().unwrap();
    told.recv().unwrap();
}

#[test]
fn a_thread_ends_without_waiting_for_blocking_code_it_started() {
    let (release, released) = mpsc::channel::<()>();
    let (tell, told) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        let (started, has_started) = tokio::sync::oneshot::channel();
        enter(|| {
            tokio::task::spawn_blocking(move || {
                started.send(()).unwrap();
                released.recv().unwrap();
                tell.send(()).unwrap();
            })
        });
        wait(has_started).unwrap();
    });
    thread.join().unwrap();
    release.send(()).unwrap();
    told.recv().unwrap();
}

#[test]
fn the_process_may_exit_in_the_middle_of_a_wait() {
    let name = "ends::the_process_may_exit_in_the_middle_of_a_wait";
    let output = alone(name, || {
        // On another thread a wait is under way, and on this one the exit is called by a task in
        // the middle of turning the reactor.
        std::thread::spawn(|| wait(std::future::pending::<()>()));
        enter(|| {
            tokio::spawn(async {
                sleep(Duration::from_millis(5)).await;
                std::process::exit(33);
            })
        });
        wait(std::future::pending::<()>());
    });
    if let Some(output) = output {
        assert_eq!(output.status.code(), Some(33), "{}", printed(&output));
        assert!(!printed(&output).contains("panicked"), "{}", printed(&output));
    }
}

#[test]
#[cfg(target_os = "linux")]
fn reactors_that_end_give_their_descriptors_back() {
    let open = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    in_own_process("ends::reactors_that_end_give_their_descriptors_back", || {
        let thread = || {
            std::thread::spawn(|| wait(async { sleep(Duration::from_millis(1)).await }))
                .join()
                .unwrap();
        };
        thread();
        let before = open();
        (0..20).for_each(|_| thread());
        assert_eq!(open(), before);
    });
}

#[test]
#[cfg(target_os = "linux")]
fn a_refused_reactor_is_an_error() {
    let name = "ends::a_refused_reactor_is_an_error";
    in_own_process(name, || {
        let mut held = Vec::new();
        while let Ok(file) = std::fs::File::open("/dev/null") {
            held.push(file);
        }
        let refused = std::thread::spawn(prepare).join().unwrap();
        drop(held);
        assert!(refused.is_err());
        assert!(std::thread::spawn(prepare).join().unwrap().is_ok());
    });
}
