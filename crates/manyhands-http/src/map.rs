//! Many requests at once, driven by the calling thread.

use std::cell::RefCell;
use std::future::poll_fn;
use std::panic::resume_unwind;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use manyhands_wait::{Reason, TimedOut, is_cancelled};
use tokio::task::{JoinError, JoinSet};

use crate::error::HttpError;
use crate::exchange;
use crate::flights::{Flights, InOrder, Launcher};
use crate::request::Request;
use crate::response::Response;
use crate::session::{Session, Shared};

type Ended = (usize, Result<Response, HttpError>);

static NEXT_RESPONSE: Reason = Reason::new("next of many HTTP responses");

impl Session {
    /// Sends many requests, at most `size` of them under way at a time, and yields what comes of
    /// each in the order of the list.
    ///
    /// The calling thread drives them all, without other threads, while it waits for the next
    /// response; between two calls of `next` they stand still (in a multi-thread runtime they go
    /// on). The list is taken as there is room, so that it may be endless, and it should not block.
    /// A failed request is an `Err` in its place and loses nothing else. Dropping the iterator
    /// cancels what is under way. At most four times `size` responses are held back for a slow
    /// one before them.
    ///
    /// ```no_run
    /// let session = manyhands_http::Session::new();
    /// let urls = (1..=100).map(|page| format!("https://a.example/{page}"));
    /// for outcome in session.map(urls, 20) {
    ///     match outcome {
    ///         Ok(response) => println!("{} {}", response.status(), response.url()),
    ///         Err(error) => eprintln!("{error}"),
    ///     }
    /// }
    /// ```
    ///
    /// In async code use `futures::stream::iter(requests).map(|r| session.request(r).into_future())
    /// .buffered(size)`, or spawn tasks.
    ///
    /// # Panics
    /// In a task of a current-thread runtime, like [`manyhands_io::wait`]. Goes on with a panic of
    /// a hook of the session.
    #[doc(alias = "grequests.map")]
    pub fn map<I>(
        &self,
        requests: I,
        size: usize,
    ) -> impl Iterator<Item = Result<Response, HttpError>> + use<I>
    where
        I: IntoIterator<Item: Into<Request>>,
    {
        InOrder::new(Flights::new(requests.into_iter(), size, OnThisThread::new(self)))
    }

    /// Like [`map`](Self::map), in the order in which the requests end, each with its index in the
    /// list.
    #[doc(alias = "grequests.imap")]
    pub fn imap<I>(
        &self,
        requests: I,
        size: usize,
    ) -> impl Iterator<Item = (usize, Result<Response, HttpError>)> + use<I>
    where
        I: IntoIterator<Item: Into<Request>>,
    {
        Flights::new(requests.into_iter(), size, OnThisThread::new(self))
    }
}

/// Requests as tasks of the runtime that is turned while the calling thread waits.
struct OnThisThread {
    shared: Arc<Shared>,
    flights: Rc<RefCell<Started>>,
}

/// What was started. Not `Send`: the runtime may be the thread's own, and on another thread nobody
/// would turn it.
#[derive(Default)]
struct Started {
    /// Spawned by the next wait, from where the runtime is being turned: that spares it a wake-up.
    queued: Vec<(usize, Request)>,
    tasks: JoinSet<Ended>,
}

impl Started {
    fn poll_next(
        &mut self,
        shared: &Arc<Shared>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Ended, JoinError>>> {
        for (index, request) in self.queued.drain(..) {
            let shared = Arc::clone(shared);
            self.tasks.spawn(async move { (index, exchange::in_memory(shared, request).await) });
        }
        self.tasks.poll_join_next(cx)
    }
}

impl OnThisThread {
    fn new(session: &Session) -> OnThisThread {
        OnThisThread { shared: session.shared(), flights: Rc::default() }
    }

    fn wait_for_next(&self) -> Option<Result<Ended, JoinError>> {
        // They belong to the iterator, not to this wait, which may be cut short.
        let (shared, flights) = (Arc::clone(&self.shared), Rc::clone(&self.flights));
        let next = poll_fn(move |cx| flights.borrow_mut().poll_next(&shared, cx));
        match manyhands_io::drive(&NEXT_RESPONSE, None, next) {
            Ok(next) => next,
            Err(TimedOut) => unreachable!("a wait without a limit does not time out"),
        }
    }
}

impl<R: Into<Request>> Launcher<R> for OnThisThread {
    type Outcome = Result<Response, HttpError>;

    fn launch(&mut self, index: usize, request: R) {
        let request = request.into();
        self.flights.borrow_mut().queued.push((index, request));
    }

    fn under_way(&self) -> usize {
        let flights = self.flights.borrow();
        flights.queued.len() + flights.tasks.len()
    }

    fn is_ready(&self) -> bool {
        false
    }

    fn next(&mut self) -> Option<Ended> {
        match self.wait_for_next()? {
            Ok(ended) => Some(ended),
            Err(error) => match error.try_into_panic() {
                Ok(payload) => resume_unwind(payload),
                // Nobody aborts these tasks, so their runtime has ended; and with it the thread or
                // the program that could have asked.
                Err(_aborted) => None,
            },
        }
    }
}

impl Drop for OnThisThread {
    /// Ends what is under way: its connections are closed and its places per host are free when
    /// this returns.
    fn drop(&mut self) {
        let is_empty = {
            let mut flights = self.flights.borrow_mut();
            flights.queued.clear();
            flights.tasks.abort_all();
            flights.tasks.is_empty()
        };
        // While the thread unwinds, or may be about to, it does not wait: then its next wait does
        // the rest.
        let may_wait = !std::thread::panicking() && !is_cancelled();
        if may_wait && !is_empty && manyhands_io::prepare().is_ok() {
            while self.wait_for_next().is_some() {}
        }
    }
}
