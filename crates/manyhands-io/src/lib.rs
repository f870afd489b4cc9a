//! I/O and timers of tokio, driven wherever the caller waits.
//!
//! A future that needs a reactor (a `tokio::net` socket, a `tokio::time` timer, a hyper connection)
//! can be waited for from any place; who turns the reactor depends on where the caller stands:
//!
//! | the caller stands | and the reactor is turned by |
//! |---|---|
//! | on a plain thread | that thread itself: it gets a current-thread runtime of its own, made at its first wait |
//! | in a context of a scheduler (a coroutine on its hub) | the scheduler, while the context is suspended |
//! | in a task of a multi-thread runtime, or on one of its blocking threads | the other workers of that runtime |
//! | on a blocking thread of a current-thread runtime | that thread itself, like any plain thread |
//! | in a task of a current-thread runtime | nobody could: [`wait`] panics and says to use `.await` |
//!
//! Any descriptor that a reactor takes can be waited for in the same way, through [`Watched`].
//!
//! No hidden thread does the work: waiting creates none. (tokio itself starts one where it is asked
//! to run blocking code, for instance to look up a host name.)
//!
//! ```
//! use std::io;
//! use tokio::net::{TcpListener, TcpStream};
//!
//! // No runtime in sight: this is an ordinary function on an ordinary thread.
//! fn main() -> io::Result<()> {
//!     let listener = manyhands_io::wait(TcpListener::bind("127.0.0.1:0"))?;
//!     let address = listener.local_addr()?;
//!     let client = std::thread::spawn(move || manyhands_io::wait(TcpStream::connect(address)));
//!     let (_stream, peer) = manyhands_io::wait(listener.accept())?;
//!     println!("{peer} called");
//!     client.join().expect("the client does not panic")?;
//!     Ok(())
//! }
//! ```
//!
//! # Traps
//!
//! * **tokio's timers and sockets look for their runtime when they are made**, not when they are
//!   polled. `wait(tokio::time::sleep(d))` makes the timer outside [`wait`] and panics on a plain
//!   thread; `wait(async { tokio::time::sleep(d).await })` makes it inside.
//! * **A thread's reactor turns only while that thread waits.** A socket belongs to the runtime in
//!   which it was made, and a task spawned with `tokio::spawn` inside [`wait`] or [`enter`] runs on
//!   the thread's own runtime. Both make progress during any later wait of *that* thread (for I/O,
//!   a lock, a task, a sleep of [`manyhands_wait`]) and stand still while it computes or blocks in
//!   the operating system (`std::thread::sleep`, `JoinHandle::join`). So do not give a pool of
//!   connections from one thread to another: keep one per runtime, with [`PerRuntime`], and before
//!   taking a kept connection from it let its tasks [`catch_up`].
//! * **When a thread ends, so does its runtime.** Tasks spawned there are dropped where they stand
//!   and sockets made there stop working in other threads.
//! * **In a task of a current-thread runtime there is nobody else to turn the reactor**, so [`wait`]
//!   panics there at once. That includes the tasks spawned on a thread's own runtime, and `LocalSet`.
//! * **A wake-up from a waiting future to a task in the background is a system call**, because
//!   [`wait`] polls the future beside the reactor, where it may itself wait. A future that never
//!   blocks is spared that by [`drive`].
//! * **Timers are tokio's**: they round up to the next millisecond. This holds for every end of a
//!   wait on a thread that has a reactor, also of waits that have nothing to do with I/O.
//! * **A future that is never pending never lets the reactor turn.** Whoever serves many streams
//!   on one thread spawns a task per stream or uses a fair combinator.
//! * **Dropping a runtime of your own inside [`wait`] or [`enter`]** panics as it does in any async
//!   context: tokio refuses it.
//! * **At the end of a thread**, in the destructor of a thread-local made *before* the thread's
//!   first contact with tokio, tokio is gone: a future that needs no reactor still works there, a
//!   socket or timer panics, as everywhere in tokio. [`prepare`] says so beforehand.

#![deny(unsafe_code)]

mod drive;
mod per_runtime;
mod place;
mod reactor;
#[cfg(unix)]
#[allow(unsafe_code, reason = "tokio wants to be promised that a descriptor stays open")]
mod registration;
mod wait;
#[cfg(unix)]
#[allow(unsafe_code, reason = "here is where that promise is kept")]
mod watched;

pub use drive::{can_drive, drive};
pub use per_runtime::PerRuntime;
pub use place::{enter, own_runtime, prepare};
pub use reactor::catch_up;
pub use wait::{wait, wait_deadline, wait_for, wait_timeout, wait_with};
#[cfg(unix)]
pub use watched::{Direction, OwnsDescriptor, Tried, Watched};
