//! Sockets with the standard library's names, for coroutines and threads alike.
//!
//! Whoever waits for one of these sockets waits as it always does: a coroutine is suspended and its
//! hub goes on, a plain thread turns a reactor of its own, a worker of a multi-thread async runtime
//! blocks in place. Cancellation and the deadlines around the caller
//! ([`timeout`](manyhands_wait::timeout()), a task's deadline) end such a wait by unwinding; the
//! socket stays usable. In an async task of a current-thread runtime a wait is refused with
//! [`Unsupported`](std::io::ErrorKind::Unsupported), because nobody would turn the reactor.
//!
//! ```
//! use std::io::{Read, Write};
//! use manyhands_coroutines::net::{TcpListener, TcpStream};
//!
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! let address = listener.local_addr()?;
//! let client = std::thread::spawn(move || {
//!     let mut stream = TcpStream::connect(address)?;
//!     stream.write_all(b"hello")?;
//!     stream.shutdown(std::net::Shutdown::Write)
//! });
//! let (mut stream, _peer) = listener.accept()?;
//! let mut text = String::new();
//! stream.read_to_string(&mut text)?;
//! assert_eq!(text, "hello");
//! client.join().unwrap()?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Where a socket lives
//!
//! Nowhere in particular. A socket is registered with the reactor of the place that first waits for
//! it, and with another when it is waited for from elsewhere; then the former is forgotten. It may
//! be handed to any thread or coroutine at any time, be used from several at once, and outlive the
//! thread that made it. Handing it over once costs one registration; a socket that is waited for from
//! three places in turn registers anew each time.
//!
//! # What differs from the standard library
//!
//! * Time limits end with [`TimedOut`](std::io::ErrorKind::TimedOut) on every system, and belong to
//!   the object, not to the descriptor.
//! * Signals do not end an operation; [`Interrupted`](std::io::ErrorKind::Interrupted) is not seen.
//! * `try_clone` shares the object and takes no second descriptor.
//! * The descriptor is in non-blocking mode, and must stay so. There is no `set_nonblocking`.
//! * Streams can be [`split`](TcpStream::split) into owned halves.
//! * A descriptor is closed when the last clone is dropped, so nobody can wait for a closed one. To
//!   end another's wait, [`shutdown`](TcpStream::shutdown) the stream, or cancel the task.

mod address;
mod connect;
mod halves;
mod socket;
mod stream;
mod tcp_listener;
mod tcp_stream;
mod udp;
mod unix;

pub use address::ToSocketAddrs;
pub use halves::{Duplex, ReadHalf, WriteHalf};
pub(crate) use socket::take_turns;
pub use tcp_listener::{Incoming, TcpListener};
pub use tcp_stream::TcpStream;
pub use udp::UdpSocket;
pub use unix::{UnixIncoming, UnixListener, UnixStream};
