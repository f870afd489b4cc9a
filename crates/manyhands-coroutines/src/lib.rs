//! Coroutines: functions with stacks of their own, many of them on one thread.
//!
//! A coroutine is written like a thread: it calls functions, which call others, and somewhere deep
//! down one of them waits. Then the coroutine is suspended, stack and all, and its thread goes on with
//! another. Nothing is marked `async`, nothing is passed around, and no code is translated; a switch
//! takes nanoseconds, a coroutine a few kilobytes.
//!
//! ```
//! use std::cell::RefCell;
//! use std::rc::Rc;
//! use std::time::Duration;
//! use manyhands_coroutines::{join_all, sleep, spawn_local};
//!
//! let log = Rc::new(RefCell::new(Vec::new())); // no lock: all run on this thread
//! let meal = |what: &'static str, pause: u64| {
//!     let log = Rc::clone(&log);
//!     move || {
//!         log.borrow_mut().push(format!("{what} 1"));
//!         sleep(Duration::from_millis(pause)); // the other one runs meanwhile
//!         log.borrow_mut().push(format!("{what} 2"));
//!     }
//! };
//! join_all([spawn_local(meal("eat", 200)), spawn_local(meal("play", 10))]);
//! assert_eq!(*log.borrow(), ["eat 1", "play 1", "play 2", "eat 2"]);
//! ```
//!
//! # Where coroutines run
//!
//! Each thread that has coroutines has a **hub**, which is made with the first of them. It runs those
//! that are ready, one after the other, and looks for I/O and timers in between. A coroutine that has
//! begun stays on its thread to its end.
//!
//! **[`spawn_local`] starts one on the hub of the calling thread.** In a coroutine the new one has its
//! turn after those that are ready. On a plain thread it runs whenever the thread waits, for whatever
//! it may be; a thread that only computes holds up its coroutines, and one that ends leaves behind
//! what they have not done. Neither the closure nor its result needs to be `Send`. What comes back is
//! a [`Task`](manyhands_executor::Task), like that of every executor.
//!
//! **[`CoroutinePool`] is an executor**: several hubs, each on a thread of its own, one for each core
//! unless told otherwise. Jobs are begun by whichever hub has time, so they must be `Send`.
//!
//! ```
//! use manyhands_coroutines::CoroutinePool;
//! use manyhands_executor::ExecutorExt;
//!
//! let pool = CoroutinePool::new(2)?;
//! let squares: Result<Vec<u64>, _> = ExecutorExt::map(&pool, |n: u64| n * n, 1..=4).collect();
//! assert_eq!(squares.unwrap(), [1, 4, 9, 16]);
//! # Ok::<(), manyhands_coroutines::BuildError>(())
//! ```
//!
//! [`Pool`] bounds how many coroutines of one thread run at a time. [`Coroutine`] is something else:
//! a function that is left and gone on with by hand, values passing both ways, without a scheduler.
//!
//! # Waiting
//!
//! Every wait of manyhands suspends the coroutine that makes it: [`sleep`], a task's `result`,
//! [`join_all`], the sockets in [`net`], a request of `manyhands-http`. So does any future of any
//! library, tokio's I/O and timers included, through `manyhands_io::wait`:
//!
//! ```
//! use manyhands_coroutines::spawn_local;
//! use tokio::sync::mpsc;
//!
//! let (sender, mut receiver) = mpsc::channel(1);
//! let producer = spawn_local(move || {
//!     for word in ["many", "hands"] {
//!         manyhands_io::wait(sender.send(word)).unwrap();
//!     }
//! });
//! let consumer = spawn_local(move || {
//!     let mut words = Vec::new();
//!     while let Some(word) = manyhands_io::wait(receiver.recv()) {
//!         words.push(word);
//!     }
//!     words.join(" ")
//! });
//! producer.result().unwrap();
//! assert_eq!(consumer.result().unwrap(), "many hands");
//! ```
//!
//! [`yield_now`] lets the others have a turn, [`idle`] lets them run until all of them wait, and
//! [`block`] has code that blocks run on another thread while the coroutine waits. A server is one
//! handler in blocking style, run for every connection: see [`server`].
//!
//! # Ending
//!
//! A panic ends its coroutine and nothing else; it is the outcome of the task. [`timeout`] gives a
//! stretch of code so much time, whatever it calls, and nests. `Task::cancel` ends a coroutine from
//! outside. Both unwind it at its next wait, so that destructors run and locks are released:
//!
//! ```
//! use std::time::Duration;
//! use manyhands_coroutines::{sleep, spawn_local, timeout, yield_now};
//!
//! let endless = spawn_local(|| loop { yield_now() });
//! assert!(timeout(Duration::from_millis(10), || endless.wait()).is_err());
//! endless.cancel();
//! assert!(endless.result().unwrap_err().is_cancelled());
//!
//! let impatient = spawn_local(|| {
//!     timeout(Duration::from_millis(10), || sleep(Duration::from_secs(3600))).is_err()
//! });
//! assert!(impatient.result().unwrap());
//! ```
//!
//! # What belongs to one coroutine
//!
//! [`local!`] declares values of which each coroutine has its own, [`inherited!`] values that it
//! passes on to those it spawns; `thread_local!` is shared by all of a thread. [`current`] tells the
//! number and the name, and `manyhands_wait::dump()` lists every coroutine that waits, for what, where
//! and since when.
//!
//! # Traps
//!
//! * **What blocks the thread blocks all its coroutines**: `std::thread::sleep`, `std::net`, reading a
//!   file, a long computation. Use what waits, put the rest into [`block`], or [`yield_now`] now and
//!   then. The [`watchdog`] reports who holds a thread for
//!   longer than 100 ms, with name and backtrace.
//! * **A std `Mutex` held across a wait** blocks the thread as soon as another coroutine locks it, and
//!   nobody is left to release it.
//! * **Between waits no lock is needed, across one it is**: a value read before may be old after, and
//!   a `RefCell` borrowed across a wait panics at the next who borrows.
//! * **A stack has 256 KiB**, unless [`CoroutinePoolBuilder::stack_size`] or
//!   [`CoroutineBuilder::stack_bytes`] says otherwise. A coroutine that needs more hits the guard below
//!   it; the process ends then, with the coroutine's name. See [`stack`].
//! * **With `panic = "abort"`** nothing can be cancelled once it has begun.
//!
//! Two patterns are undefined behaviour in whichever coroutines; they are on the page about
//! [`soundness`], with everything else that assumes a thread to itself.

mod block;
mod bounded;
mod coroutine;
mod current;
mod forbid;
mod hub;
mod idle;
mod join;
mod locals;
pub mod net;
mod overflow;
mod pool;
mod primitive;
pub mod server;
#[doc = include_str!("../docs/soundness.md")]
pub mod soundness {}
mod spawn;
pub mod stack;
pub mod watchdog;

pub use block::block;
pub use bounded::{Imap, ImapUnordered, Pool};
pub use coroutine::{Coroutine, CoroutineBuilder, Suspender, SwitchError, Switched};
pub use current::{Current, current};
pub use forbid::forbid_suspend;
pub use idle::idle;
pub use join::{iwait, join_all};
pub use locals::{AccessError, InheritedKey, LocalKey};
pub use pool::{BuildError, CoroutinePool, CoroutinePoolBuilder, Statistics};
pub use spawn::{spawn_later, spawn_local, spawn_named, spawn_with, yield_now};

pub use manyhands_wait::{sleep, timeout};

#[cfg(test)]
#[path = "../tests/it/child.rs"]
mod child;
