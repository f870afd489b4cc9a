//! The watchdog, each case in a process of its own: what it is told, it is told for all hubs.

use std::process::Output;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use manyhands_coroutines::watchdog::{self, Activity, Report};
use manyhands_coroutines::{Coroutine, CoroutinePool, sleep, spawn_local, spawn_named, yield_now};
use manyhands_executor::{ExecutorExt as _, TaskOptions};

use crate::child;

/// Far more than any of this takes.
const DEADLINE: Duration = Duration::from_secs(60);

static REPORTS: Mutex<Vec<Report>> = Mutex::new(Vec::new());

fn collect() {
    watchdog::on_report(|report| {
        eprintln!("{report}");
        REPORTS.lock().unwrap().push(report.clone());
    });
}

/// The reports so far that say so.
fn reports(wanted: impl Fn(&Report) -> bool) -> Vec<Report> {
    REPORTS.lock().unwrap().iter().filter(|report| wanted(report)).cloned().collect()
}

fn is_held(name: &'static str) -> impl Fn() -> bool {
    move || !reports(|report| report.name() == Some(name) && !report.has_ended()).is_empty()
}

fn has_ended(name: &'static str) -> impl Fn() -> bool {
    move || !reports(|report| report.name() == Some(name) && report.has_ended()).is_empty()
}

/// Calls `pause` until something is so.
fn until(is_so: impl Fn() -> bool, pause: impl Fn()) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < DEADLINE, "it has not come to be");
        pause();
    }
}

fn nap() {
    std::thread::sleep(Duration::from_millis(5));
}

/// Runs the test in a child; returns what it wrote if it passed.
fn in_child(name: &str) -> String {
    let Output { status, stdout, stderr } = child::run(&format!("watchdog::{name}"));
    let text = String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned();
    assert!(status.success(), "{status}: {text}");
    text
}

macro_rules! in_child {
    ($name:ident, $body:block) => {
        #[test]
        fn $name() {
            if child::is_asked_for(concat!("watchdog::", stringify!($name))) $body else {
                in_child(stringify!($name));
            }
        }
    };
}

#[inline(never)]
fn sleeps_the_wrong_way() {
    until(is_held("sleeper"), || std::thread::sleep(Duration::from_millis(300)));
    std::hint::black_box(());
}

in_child!(a_sleep_of_the_thread_is_reported_with_name_and_place, {
    collect();
    assert_eq!(watchdog::limit(), Some(Duration::from_millis(100)));
    let task = spawn_named("sleeper", sleeps_the_wrong_way);
    let id = task.id();
    task.result().unwrap();
    until(has_ended("sleeper"), || sleep(Duration::from_millis(1)));
    let both = reports(|_| true);
    let [held, ended] = &both[..] else { panic!("{both:?}") };
    assert_eq!(held.id(), Some(id));
    assert!(held.held_for() >= Duration::from_millis(100), "{held:?}");
    assert!(ended.held_for() >= held.held_for(), "{ended:?}");
    assert_eq!(ended.id(), held.id());
    assert!(matches!(held.activity(), Activity::SystemCall(_) | Activity::Computing), "{held:?}");
    let functions: Vec<_> =
        held.backtrace().frames().iter().filter_map(|frame| frame.function()).collect();
    assert!(functions.iter().any(|name| name.contains("sleeps_the_wrong_way")), "{functions:#?}");
    // Neither the handler nor the hub are the coroutine's.
    assert!(!functions[0].contains("watchdog::signal"), "{functions:#?}");
    assert!(!functions.iter().any(|name| name.contains("hub::body")), "{functions:#?}");
    let here =
        |frame: &&watchdog::Frame| frame.file().is_some_and(|file| file.ends_with("watchdog.rs"));
    assert!(held.backtrace().frames().iter().find(here).unwrap().line().is_some());
});

#[test]
fn a_std_mutex_held_across_a_wait_is_reported_as_a_futex() {
    const NAME: &str = "a_std_mutex_held_across_a_wait_is_reported_as_a_futex";
    if child::is_asked_for(&format!("watchdog::{NAME}")) {
        // Nobody ever gets out of that, so the process ends with the report.
        watchdog::on_report(|report| {
            println!("{} {report}", report.is_in_futex());
            std::process::exit(0);
        });
        let mutex = Arc::new(Mutex::new(()));
        let held = Arc::clone(&mutex);
        let _first = spawn_named("first", move || {
            let _guard = held.lock().unwrap();
            sleep(Duration::from_millis(1));
        });
        spawn_named("second", move || drop(mutex.lock().unwrap())).result().unwrap();
        unreachable!("the mutex is held for ever");
    }
    let text = in_child(NAME);
    assert!(text.contains("true coroutine 'second' (#"), "{text}");
    assert!(text.contains("a std Mutex held across a wait?"), "{text}");
    assert!(text.contains(NAME), "the backtrace mentions this function: {text}");
}

#[inline(never)]
fn computes() {
    until(is_held("counter"), std::hint::spin_loop);
}

in_child!(a_loop_is_reported_in_pools_too, {
    collect();
    let pool = CoroutinePool::builder().hubs(2).name_prefix("busy").build().unwrap();
    let task = pool.with(TaskOptions::new().name("counter")).spawn(computes);
    task.result().unwrap();
    until(has_ended("counter"), nap);
    let held = &reports(|report| !report.has_ended())[0];
    assert_eq!(held.activity(), Activity::Computing);
    assert!(held.thread().starts_with("busy_"), "{held:?}");
    assert!(held.backtrace().to_string().contains("computes"), "{held}");
});

#[inline(never)]
fn within_a_bare_coroutine() {
    until(is_held("around"), nap);
    std::hint::black_box(());
}

#[inline(never)]
fn around_a_bare_coroutine() {
    let bare = Coroutine::<(), (), ()>::new(|_, ()| within_a_bare_coroutine());
    bare.switch(());
    std::hint::black_box(());
}

in_child!(a_bare_coroutine_is_part_of_who_switches_to_it, {
    collect();
    spawn_named("around", around_a_bare_coroutine).result().unwrap();
    let text = reports(|_| true)[0].backtrace().to_string();
    let at = |name: &str| text.find(name).unwrap_or_else(|| panic!("{name} is not in {text}"));
    assert!(at("within_a_bare_coroutine") < at("around_a_bare_coroutine"));
});

in_child!(a_stack_that_is_almost_full_has_no_room_for_the_handler_and_needs_none, {
    static WAS_HELD: AtomicBool = AtomicBool::new(false);
    /// The frames below those of the test.
    const SPARED: usize = 5 * 1024;

    #[inline(never)]
    fn until_it_was_held() {
        while !WAS_HELD.load(Ordering::Relaxed) {
            std::hint::spin_loop();
        }
    }

    /// Goes down to `lowest`, and waits there with as little as possible.
    #[inline(never)]
    fn descend(lowest: usize) {
        let here = [0u8; 64];
        if std::hint::black_box(&here).as_ptr().addr() > lowest {
            descend(lowest);
        } else {
            until_it_was_held();
        }
        std::hint::black_box(&here);
    }

    watchdog::on_report(|report| {
        assert!(report.backtrace().frames().len() > 100);
        WAS_HELD.store(true, Ordering::Relaxed);
    });
    spawn_named("deep", || {
        let top = [0u8; 1];
        let size = manyhands_coroutines::stack::StackSize::DEFAULT.bytes();
        descend(std::hint::black_box(&top).as_ptr().addr() - size + SPARED);
    })
    .result()
    .unwrap();
});

in_child!(many_short_ones_are_not_reported, {
    collect();
    let spin = |time: Duration| {
        let begun = Instant::now();
        while begun.elapsed() < time {
            std::hint::spin_loop();
        }
    };
    let tasks: Vec<_> = (0..300)
        .map(|_| {
            spawn_local(move || {
                for _ in 0..4 {
                    spin(Duration::from_millis(1));
                    yield_now();
                }
            })
        })
        .collect();
    // One that is always under way, with others that it waits for in between.
    spawn_local(move || {
        for _ in 0..300 {
            spawn_local(move || spin(Duration::from_millis(1))).result().unwrap();
        }
    })
    .result()
    .unwrap();
    tasks.into_iter().for_each(|task| task.result().unwrap());
    assert!(reports(|_| true).is_empty());
});

in_child!(switched_off_it_says_nothing, {
    collect();
    watchdog::set_limit(None);
    assert_eq!(watchdog::limit(), None);
    spawn_named("first", || std::thread::sleep(Duration::from_millis(400))).result().unwrap();
    watchdog::set_limit(Some(Duration::from_millis(20)));
    spawn_named("second", || until(is_held("second"), nap)).result().unwrap();
    until(has_ended("second"), nap);
    // Off in the middle of a hold: its end is nobody's business any more.
    spawn_named("third", || {
        until(is_held("third"), nap);
        watchdog::set_limit(None);
        std::thread::sleep(Duration::from_millis(100));
    })
    .result()
    .unwrap();
    watchdog::set_limit(Some(Duration::from_millis(20)));
    spawn_named("fourth", || until(is_held("fourth"), nap)).result().unwrap();
    until(has_ended("fourth"), nap);
    let names: Vec<_> =
        reports(|_| true).iter().map(|report| report.name().unwrap().to_owned()).collect();
    assert_eq!(names, ["second", "second", "third", "fourth", "fourth"]);
});

in_child!(a_panic_of_the_callback_ends_nothing, {
    static PANICKED: AtomicBool = AtomicBool::new(false);
    watchdog::on_report(|_| {
        PANICKED.store(true, Ordering::SeqCst);
        panic!("as the test asks for");
    });
    spawn_local(|| until(|| PANICKED.load(Ordering::SeqCst), nap)).result().unwrap();
    collect();
    spawn_named("next", || until(is_held("next"), nap)).result().unwrap();
});

in_child!(standard_error_gets_a_block, {
    use std::io::{BufRead, BufReader};
    use std::os::fd::AsRawFd;

    let (reader, writer) = std::io::pipe().unwrap();
    // SAFETY: puts the pipe in the place of standard error, which nobody closes.
    assert!(unsafe { libc::dup2(writer.as_raw_fd(), libc::STDERR_FILENO) } >= 0);
    static TEXT: Mutex<String> = Mutex::new(String::new());
    let has = |text: &'static str| move || TEXT.lock().unwrap().contains(text);
    std::thread::spawn(move || {
        for line in BufReader::new(reader).lines() {
            *TEXT.lock().unwrap() += &(line.unwrap() + "\n");
        }
    });
    let name = "with the lock of standard error";
    spawn_named(name, move || {
        let _lock = std::io::stderr().lock();
        until(has("watchdog: coroutine 'with the lock of standard error' (#"), nap);
    })
    .result()
    .unwrap();
    until(has("has given back its hub"), nap);
});

in_child!(hubs_that_are_stuck_at_the_same_time_are_all_reported, {
    collect();
    let threads = ["one", "two", "three"].map(|name| {
        std::thread::spawn(move || {
            spawn_named(name, move || {
                until(|| is_held("one")() && is_held("two")() && is_held("three")(), nap);
            })
            .result()
            .unwrap();
        })
    });
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    for name in ["one", "two", "three"] {
        until(has_ended(name), nap);
    }
    assert_eq!(reports(|_| true).len(), 6);
});

in_child!(hubs_come_and_go_while_others_are_watched, {
    collect();
    watchdog::set_limit(Some(Duration::from_millis(20)));
    std::thread::scope(|scope| {
        scope.spawn(|| spawn_named("long", || until(is_held("long"), nap)).result().unwrap());
        for _ in 0..50 {
            scope.spawn(|| spawn_local(yield_now).result().unwrap()).join().unwrap();
        }
    });
    // The hub that held it has ended with its thread.
    until(has_ended("long"), nap);
});

in_child!(a_thread_that_blocks_the_signal_is_reported_without_a_name, {
    collect();
    // SAFETY: changes the mask of this thread alone; all zeros is a valid set.
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigaddset(&mut set, libc::SIGURG);
        libc::pthread_sigmask(libc::SIG_BLOCK, &set, std::ptr::null_mut());
    }
    spawn_named("unknown", || until(|| !reports(|_| true).is_empty(), nap)).result().unwrap();
    let held = &reports(|_| true)[0];
    assert_eq!((held.name(), held.id()), (None, None));
    assert!(held.to_string().contains("blocks SIGURG"), "{held}");
});

in_child!(a_handler_that_was_there_before_is_called_too, {
    collect();
    let called = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(libc::SIGURG, Arc::clone(&called)).unwrap();
    spawn_named("x", || until(is_held("x"), nap)).result().unwrap();
    assert!(called.load(Ordering::SeqCst));
});

in_child!(without_backtraces_there_is_still_a_name, {
    collect();
    watchdog::set_backtraces(false);
    spawn_named("x", || until(is_held("x"), nap)).result().unwrap();
    assert!(reports(|_| true)[0].backtrace().frames().is_empty());
});

in_child!(an_idle_program_is_left_alone, {
    // `None` before the thread has given itself its name.
    fn wake_ups() -> Option<u64> {
        let tasks = std::fs::read_dir("/proc/self/task").unwrap();
        let read = |path: std::path::PathBuf| std::fs::read_to_string(path).unwrap_or_default();
        let task = tasks
            .map(|task| task.unwrap().path())
            .find(|task| read(task.join("comm")).starts_with("manyhands-watch"))?;
        let status = read(task.join("status"));
        let line = status.lines().find(|line| line.starts_with("voluntary_ctxt_switches"));
        line.unwrap().split_whitespace().last().unwrap().parse().ok()
    }
    collect();
    spawn_local(yield_now).result().unwrap();
    let begun = Instant::now();
    loop {
        let before = wake_ups();
        std::thread::sleep(Duration::from_secs(1));
        if before.is_some() && wake_ups() == before {
            break;
        }
        assert!(begun.elapsed() < DEADLINE, "it does not go to sleep");
    }
    // And then it is there again.
    spawn_named("later", || until(is_held("later"), nap)).result().unwrap();
});

in_child!(a_process_that_was_stopped_is_not_reported, {
    collect();
    let pid = std::process::id();
    let script = format!(
        "for i in 1 2 3; do kill -STOP {pid}; sleep 0.4; kill -CONT {pid}; sleep 0.3; done"
    );
    let mut stopper = std::process::Command::new("sh").args(["-c", &script]).spawn().unwrap();
    let stopper = spawn_named("busy", move || {
        // Holds its hub for a moment at a time, so that most stops hit it there.
        let begun = Instant::now();
        loop {
            let status = stopper.try_wait().unwrap();
            if let Some(status) = status {
                return status;
            }
            assert!(begun.elapsed() < DEADLINE);
            yield_now();
        }
    });
    assert!(stopper.result().unwrap().success());
    assert!(reports(|_| true).is_empty());
});
