//! Which threads there are: those started here, and the main thread.

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use manyhands_executor::Job;
use manyhands_wait::Context;
use rustix::process::getpid;
use rustix::thread::gettid;

/// What is known of one thread.
pub(crate) struct Info {
    id: u64,
    name: Mutex<Arc<str>>,
    daemon: bool,
    alive: AtomicBool,
    /// The operating system's number; 0 until the thread runs.
    tid: AtomicI32,
}

impl Info {
    pub(crate) fn new(name: Arc<str>, daemon: bool) -> Arc<Info> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Arc::new(Info {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            name: Mutex::new(name),
            daemon,
            alive: AtomicBool::new(true),
            tid: AtomicI32::new(0),
        })
    }

    pub(crate) fn name(&self) -> Arc<str> {
        Arc::clone(&lock(&self.name))
    }

    pub(crate) fn set_name(&self, name: Arc<str>) {
        *lock(&self.name) = name;
    }

    pub(crate) fn is_daemon(&self) -> bool {
        self.daemon
    }

    fn is_alive(&self) -> bool {
        self.alive.load(Ordering::Acquire)
    }
}

/// A thread as [`enumerate`] and [`Thread::current`](crate::Thread::current) show it.
#[derive(Clone)]
pub struct CurrentThread {
    info: Arc<Info>,
}

impl CurrentThread {
    /// The thread's name: `MainThread` for the main thread.
    #[doc(alias = "getName")]
    pub fn name(&self) -> Arc<str> {
        self.info.name()
    }

    /// Gives the thread another name; the operating system goes on showing the old one.
    pub fn set_name(&self, name: impl Into<Arc<str>>) {
        self.info.set_name(name.into());
    }

    /// Whether the thread has not ended.
    pub fn is_alive(&self) -> bool {
        self.info.is_alive()
    }

    /// Whether the end of the process does not wait for the thread.
    pub fn is_daemon(&self) -> bool {
        self.info.daemon
    }

    /// The operating system's number of the thread, once it runs.
    pub fn native_id(&self) -> Option<i32> {
        Some(self.info.tid.load(Ordering::Relaxed)).filter(|tid| *tid != 0)
    }
}

impl PartialEq for CurrentThread {
    fn eq(&self, other: &CurrentThread) -> bool {
        self.info.id == other.info.id
    }
}

impl Eq for CurrentThread {}

impl fmt::Debug for CurrentThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.name().as_ref() == MAIN { "_MainThread" } else { "Thread" };
        let state = if self.is_alive() { "started" } else { "stopped" };
        write!(f, "<{kind}({}, {state}", self.name())?;
        match self.native_id() {
            Some(tid) => write!(f, " {tid})>"),
            None => f.write_str(")>"),
        }
    }
}

/// The threads that are alive: the main thread first, then those started with
/// [`Thread`](crate::Thread), in the order in which they were started. Workers of pools and threads
/// of others are not among them.
pub fn enumerate() -> Vec<CurrentThread> {
    let entries = entries();
    let started = entries.iter().filter(|info| info.is_alive()).map(Arc::clone);
    let all = std::iter::once(Arc::clone(main_info())).chain(started);
    all.map(|info| CurrentThread { info }).collect()
}

/// How many threads [`enumerate`] lists.
#[doc(alias = "activeCount")]
pub fn active_count() -> usize {
    1 + entries().iter().filter(|info| info.is_alive()).count()
}

pub(crate) const MAIN: &str = "MainThread";

thread_local! {
    static CURRENT: RefCell<Option<Arc<Info>>> = const { RefCell::new(None) };
}

pub(crate) fn current() -> CurrentThread {
    let known = CURRENT.try_with(|current| current.borrow().clone()).ok().flatten();
    let info = known.unwrap_or_else(|| {
        if gettid() == getpid() {
            return Arc::clone(main_info());
        }
        let name = std::thread::current().name().unwrap_or("DummyThread").into();
        let info = Info::new(name, true);
        info.tid.store(gettid().as_raw_nonzero().get(), Ordering::Relaxed);
        let _gone = CURRENT.try_with(|current| current.replace(Some(Arc::clone(&info))));
        info
    });
    CurrentThread { info }
}

/// Runs the job of a thread under its name.
pub(crate) fn run_as(info: Arc<Info>, job: Job) {
    /// Takes the thread off the list at its very end, however it comes: dropping a value that
    /// nobody wanted may take time, which the end of the process waits for, and may panic.
    struct Remove(Arc<Info>);
    impl Drop for Remove {
        fn drop(&mut self) {
            remove(&self.0);
        }
    }
    info.tid.store(gettid().as_raw_nonzero().get(), Ordering::Relaxed);
    CURRENT.with(|current| current.replace(Some(Arc::clone(&info))));
    Context::current().set_name(info.name());
    let remove = Remove(info);
    // Who has joined the thread shall not find it among those that are alive.
    job.run_then(|| remove.0.alive.store(false, Ordering::Release));
}

/// Starts a thread and lists it.
pub(crate) fn start(
    info: &Arc<Info>,
    stack_bytes: Option<usize>,
    run: impl FnOnce() + Send + 'static,
) -> io::Result<()> {
    crate::exit::AT_EXIT.arm();
    let mut builder = std::thread::Builder::new().name(info.name().replace('\0', ""));
    if let Some(bytes) = stack_bytes {
        builder = builder.stack_size(bytes);
    }
    // Listed under the lock, so that the thread cannot take itself off the list before it is on.
    let mut entries = entries();
    builder.spawn(run)?;
    entries.push(Arc::clone(info));
    Ok(())
}

/// Waits until every thread that must be joined has ended. While it has to wait, `waiting_for` is
/// told the name of one of them and says for how long to wait before it is asked again.
pub(crate) fn join_all(waiting_for: &mut dyn FnMut(&str) -> Duration) {
    let me = gettid().as_raw_nonzero().get();
    let mut entries = entries();
    loop {
        let must_end = |info: &&Arc<Info>| !info.daemon && info.tid.load(Ordering::Relaxed) != me;
        let Some(name) = entries.iter().find(must_end).map(|info| info.name()) else { return };
        let pause = waiting_for(&format!("thread '{name}'"));
        entries = ENDED
            .wait_timeout(entries, pause)
            .map_or_else(|poisoned| poisoned.into_inner().0, |(entries, _)| entries);
    }
}

/// Notified whenever a thread is taken off the list.
static ENDED: Condvar = Condvar::new();

fn entries() -> MutexGuard<'static, Vec<Arc<Info>>> {
    static ENTRIES: Mutex<Vec<Arc<Info>>> = Mutex::new(Vec::new());
    lock(&ENTRIES)
}

fn remove(info: &Info) {
    info.alive.store(false, Ordering::Release);
    entries().retain(|entry| entry.id != info.id);
    ENDED.notify_all();
}

fn main_info() -> &'static Arc<Info> {
    static MAIN_INFO: std::sync::OnceLock<Arc<Info>> = std::sync::OnceLock::new();
    MAIN_INFO.get_or_init(|| {
        let info = Info::new(MAIN.into(), false);
        info.tid.store(getpid().as_raw_nonzero().get(), Ordering::Relaxed);
        info
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
