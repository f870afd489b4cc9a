//! Many requests at once, on an executor.

use std::collections::HashMap;
use std::sync::Arc;

use manyhands_executor::{InProcess, TaskError, TaskErrorKind, TaskHandle, as_completed};
use manyhands_wait::{Reason, current_task, wait_for};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::error::{HttpError, HttpErrorKind, Phase};
use crate::exchange;
use crate::flights::{Flights, InOrder, Launcher};
use crate::request::{Request, shown_text};
use crate::response::Response;
use crate::session::{Session, Shared};

static NEXT_RESPONSE: Reason = Reason::new("next of many HTTP responses on an executor");

type Ended = (usize, Result<Response, HttpError>);

impl Session {
    /// Like [`map`](Self::map), with each request as a task of `executor`: driven by its worker's
    /// own reactor on a pool of threads, polled natively on an async pool.
    ///
    /// The same client under every model, so that comparing models compares the models.
    ///
    /// Where the executor itself runs no more than `size` tasks at a time, as many again wait in its
    /// queue: a worker then has its next request at once. At most `size` are under way all the same.
    ///
    /// A task that does not end with a response (the executor was shut down, somebody cancelled it,
    /// a hook of the session panicked) is an error of kind [`HttpErrorKind::NotRun`] or
    /// [`HttpErrorKind::Cancelled`] in its place.
    ///
    /// ```
    /// use manyhands_executor::Sequential;
    ///
    /// let session = manyhands_http::Session::new();
    /// let outcomes: Vec<_> = session.map_on(&Sequential::new(), ["no URL"], 4).collect();
    /// assert!(outcomes[0].is_err());
    /// ```
    pub fn map_on<'e, E, I>(
        &self,
        executor: &'e E,
        requests: I,
        size: usize,
    ) -> impl Iterator<Item = Result<Response, HttpError>> + use<'e, E, I>
    where
        E: InProcess + ?Sized,
        I: IntoIterator<Item: Into<Request>>,
    {
        let launcher = OnExecutor::new(self, executor);
        InOrder::new(Flights::new(requests.into_iter(), size, launcher))
    }

    /// Like [`imap`](Self::imap), with each request as a task of `executor`; see
    /// [`map_on`](Self::map_on).
    pub fn imap_on<'e, E, I>(
        &self,
        executor: &'e E,
        requests: I,
        size: usize,
    ) -> impl Iterator<Item = (usize, Result<Response, HttpError>)> + use<'e, E, I>
    where
        E: InProcess + ?Sized,
        I: IntoIterator<Item: Into<Request>>,
    {
        Flights::new(requests.into_iter(), size, OnExecutor::new(self, executor))
    }
}

/// Requests as tasks of an executor.
struct OnExecutor<'e, E: ?Sized> {
    shared: Arc<Shared>,
    executor: &'e E,
    under_way: HashMap<usize, TaskHandle>,
    tell: UnboundedSender<Ended>,
    ended: UnboundedReceiver<Ended>,
}

impl<'e, E: InProcess + ?Sized> OnExecutor<'e, E> {
    fn new(session: &Session, executor: &'e E) -> OnExecutor<'e, E> {
        let (tell, ended) = unbounded_channel();
        let shared = session.shared();
        OnExecutor { shared, executor, under_way: HashMap::new(), tell, ended }
    }

    fn wait_for_next(&mut self) -> Option<Ended> {
        loop {
            if let Ok(ended) = self.ended.try_recv() {
                return Some(ended);
            }
            if current_task().is_none() {
                return wait_for(&NEXT_RESPONSE, None, self.ended.recv()).ok().flatten();
            }
            // The caller is a task itself and may hold the executor's last worker. Waiting for the
            // tasks, instead of their results, lets it run one that is still queued.
            as_completed(self.under_way.values().cloned()).next();
        }
    }
}

impl<R: Into<Request>, E: InProcess + ?Sized> Launcher<R> for OnExecutor<'_, E> {
    type Outcome = Result<Response, HttpError>;

    fn launch(&mut self, index: usize, request: R) {
        let (shared, request) = (Arc::clone(&self.shared), request.into());
        let (tell, tell_failure) = (self.tell.clone(), self.tell.clone());
        let url = request.url.clone();
        // Nobody listens any more if the iterator was dropped.
        let task = self.executor.spawn_async(async move {
            let outcome = if manyhands_io::can_drive() {
                exchange::in_memory_blocking(shared, request)
            } else {
                exchange::in_memory(shared, request).await
            };
            let _ = tell.send((index, outcome));
        });
        task.on_done(move |outcome| {
            if let Err(error) = outcome {
                let _ = tell_failure.send((index, Err(not_run(&url, error))));
            }
        });
        self.under_way.insert(index, task.handle());
    }

    fn under_way(&self) -> usize {
        self.under_way.len()
    }

    /// As many again, where the executor itself runs no more than `size` at a time: it then always
    /// has a next one, and its workers do not fall asleep while the caller takes results.
    fn may_queue(&self, size: usize) -> usize {
        // A task that fills the queue of its own executor could block the worker that it runs on.
        let is_bounded = self.executor.limit().is_some_and(|limit| limit <= size);
        if is_bounded && current_task().is_none() { size } else { 0 }
    }

    fn is_ready(&self) -> bool {
        !self.ended.is_empty()
    }

    fn next(&mut self) -> Option<Ended> {
        if self.under_way.is_empty() {
            return None;
        }
        let ended = self.wait_for_next()?;
        self.under_way.remove(&ended.0);
        Some(ended)
    }
}

impl<E: ?Sized> Drop for OnExecutor<'_, E> {
    fn drop(&mut self) {
        for task in self.under_way.values() {
            task.cancel();
        }
    }
}

fn not_run(url: &str, error: &TaskError) -> HttpError {
    let kind = match error.kind() {
        TaskErrorKind::Cancelled => HttpErrorKind::Cancelled,
        TaskErrorKind::TimedOut => HttpErrorKind::Timeout,
        _ => HttpErrorKind::NotRun,
    };
    HttpError::new(kind, Phase::Preparing, shown_text(url), error.to_string())
        .caused_by(error.clone())
}
