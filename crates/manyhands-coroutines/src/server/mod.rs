//! [`StreamServer`]: one handler for every connection, on whichever executor.
//!
//! The model is the executor's: on a pool of threads this is a threaded server, on a pool of
//! coroutines a coroutine for each connection, on [`Sequential`](manyhands_executor::Sequential) a
//! server that answers one client after the other. The handler is the same.
//!
//! ```
//! use std::io::{Read, Write};
//! use manyhands_coroutines::net::{TcpListener, TcpStream};
//! use manyhands_coroutines::server::StreamServer;
//! use manyhands_executor::Sequential;
//!
//! let listener = TcpListener::bind("127.0.0.1:0")?;
//! let address = listener.local_addr()?;
//! let server = StreamServer::new(listener, |mut stream: TcpStream, _peer| {
//!     let mut buffer = [0; 1024];
//!     while let Ok(read @ 1..) = stream.read(&mut buffer) {
//!         if stream.write_all(&buffer[..read].to_ascii_uppercase()).is_err() {
//!             return;
//!         }
//!     }
//! });
//! let handle = server.handle();
//! let client = std::thread::spawn(move || {
//!     let mut stream = TcpStream::connect(address)?;
//!     stream.write_all(b"hello")?;
//!     stream.read_exact(&mut [0; 5])?;
//!     handle.stop();
//!     Ok::<(), std::io::Error>(())
//! });
//! let statistics = server.serve(&Sequential::new())?;
//! client.join().unwrap()?;
//! assert_eq!(statistics.accepted, 1);
//! # Ok::<(), std::io::Error>(())
//! ```

mod accept;
mod connection;
mod control;
mod listener;
mod race;
mod report;
mod signals;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use manyhands_executor::{InProcess, Task};

use accept::Acceptor;
use control::Control;
pub use control::{ServerHandle, Statistics};
pub use listener::Listener;
pub use report::Report;
use report::Reporter;
use signals::Signals;

/// Accepts connections and has a handler run for each, on an executor.
///
/// A handler that panics closes its connection and nothing else. Connections that would be one too
/// many wait in the kernel; see [`limit`](Self::limit).
#[doc(alias = "socketserver.ThreadingTCPServer")]
#[doc(alias = "gevent.server.StreamServer")]
#[must_use = "nothing is served before `serve` or `start`"]
pub struct StreamServer<L, H> {
    listener: L,
    handler: Arc<H>,
    limit: Option<usize>,
    signals: Vec<i32>,
    reporter: Reporter,
    control: Arc<Control>,
}

impl<L, H> StreamServer<L, H>
where
    L: Listener,
    H: Fn(L::Stream, L::Peer) + Send + Sync + 'static,
{
    /// A server that is to call `handler` with each connection of `listener` and its peer. The
    /// connection is closed when the handler drops it, at its end at the latest.
    pub fn new(listener: L, handler: H) -> StreamServer<L, H> {
        StreamServer {
            listener,
            handler: Arc::new(handler),
            limit: None,
            signals: Vec::new(),
            reporter: Reporter::default(),
            control: Arc::new(Control::new()),
        }
    }

    /// How many connections may be under way; while that many are, none is accepted. At least 1.
    /// Default: as many as the executor says that it runs at a time
    /// ([`limit`](manyhands_executor::Executor::limit)), so that nobody is accepted only to wait;
    /// without bound if it says nothing.
    #[doc(alias = "pool")]
    pub fn limit(mut self, connections: usize) -> StreamServer<L, H> {
        self.limit = Some(connections.max(1));
        self
    }

    /// How long handlers may go on after a stop before they are cancelled. Default: 5 seconds.
    pub fn stop_timeout(self, limit: Duration) -> StreamServer<L, H> {
        self.control.set_stop_timeout(limit);
        self
    }

    /// Stops when the process gets one of these signals, for instance
    /// `[libc::SIGINT, libc::SIGTERM]`. From then on the signal no longer ends the process by
    /// itself, not even after the server has ended.
    #[doc(alias = "signal_handler")]
    pub fn stop_on_signals(mut self, signals: impl IntoIterator<Item = i32>) -> StreamServer<L, H> {
        self.signals.extend(signals);
        self
    }

    /// Has `reporter` called with what an operator should know: that connections cannot be
    /// accepted, are refused, or were cut off. It is called where the server runs and should be
    /// quick. Default: a line on standard error.
    pub fn on_report(
        mut self,
        reporter: impl Fn(&Report<'_>) + Send + Sync + 'static,
    ) -> StreamServer<L, H> {
        self.reporter = Reporter::calling(reporter);
        self
    }

    /// Where the server listens.
    ///
    /// # Errors
    /// If the system cannot say.
    #[doc(alias = "server_address")]
    pub fn local_addr(&self) -> io::Result<L::Peer> {
        self.listener.address()
    }

    /// A handle to stop the server and to see what it does; take it before
    /// [`serve`](Self::serve).
    pub fn handle(&self) -> ServerHandle {
        ServerHandle::new(Arc::clone(&self.control))
    }

    /// Serves until it is stopped: accepts here, and has the handlers run by `executor`.
    ///
    /// After a stop the listener is closed, handlers may end for the [time](Self::stop_timeout)
    /// they are given, and are cancelled then; what is returned says how many were cut off. A
    /// handler that does not wait cannot be cancelled: after another second it is left to itself
    /// and counted as under way. If the caller is cancelled or a deadline around it passes, so are
    /// the handlers.
    ///
    /// # Errors
    /// If the listener is broken, the executor was shut down, the signals cannot be watched or the
    /// caller cannot wait here (see [`manyhands_io::prepare`]). Connections under way have ended as
    /// after a stop. Errors that pass, such as too many open files, are reported, and accepting is
    /// tried again after 10 milliseconds, then after twice as long each time, up to a second.
    #[doc(alias = "serve_forever")]
    #[track_caller]
    pub fn serve(self, executor: &(impl InProcess + ?Sized)) -> io::Result<Statistics> {
        manyhands_io::prepare()?;
        let acceptor = Acceptor {
            listener: self.listener,
            handler: self.handler,
            limit: self.limit.or_else(|| executor.limit()).unwrap_or(usize::MAX).max(1),
            signals: Signals::watch(&self.signals)?,
            reporter: self.reporter,
            control: self.control,
        };
        acceptor.run(executor)
    }

    /// Like [`serve`](Self::serve), as a task of the same executor, of which it takes one worker.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] if the executor runs one job at a time: it would accept, and
    /// nobody would handle. The task's value is that of `serve`.
    pub fn start<E>(self, executor: E) -> io::Result<Task<io::Result<Statistics>>>
    where
        E: InProcess + Clone + Send + 'static,
    {
        if executor.parallelism() < 2 {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "the executor runs one job at a time, so a server would have no room for its \
                 handlers; use `serve`, or an executor for at least 2 jobs",
            ));
        }
        let mut server = self;
        // The worker that accepts does not handle.
        server.limit = server.limit.or_else(|| executor.limit().map(|jobs| jobs - 1));
        let handlers = executor.clone();
        Ok(executor.spawn(move || server.serve(&handlers)))
    }
}

impl<L: fmt::Debug, H> fmt::Debug for StreamServer<L, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamServer")
            .field("listener", &self.listener)
            .field("limit", &self.limit)
            .field("statistics", &self.control.statistics())
            .finish()
    }
}
