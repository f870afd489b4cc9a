//! Following a request's way through the client, so that a failure can say how far it came.
//!
//! The client makes connections inside the future of the request that needs one. So a task-local
//! tells the resolver and the connector whose request it is.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};

use tower_layer::Layer;
use tower_service::Service;

use crate::error::Phase;

tokio::task_local! {
    static TRACK: Track;
}

/// How far one attempt has come.
#[derive(Clone)]
pub(crate) struct Track(Arc<AtomicU8>);

/// What a track says before any connection is made for its attempt.
const UNCONNECTED: u8 = u8::MAX;

impl Track {
    pub(crate) fn new() -> Track {
        Track(Arc::new(AtomicU8::new(UNCONNECTED)))
    }

    /// How far it has come with the connection: resolving, connecting, or waiting.
    pub(crate) fn phase(&self) -> Phase {
        match self.0.load(Ordering::Relaxed) {
            phase if phase == Phase::Resolving as u8 => Phase::Resolving,
            phase if phase == Phase::Connecting as u8 => Phase::Connecting,
            _ => Phase::Waiting,
        }
    }

    /// Whether a connection was made, or begun, for this attempt: otherwise it uses a kept one.
    pub(crate) fn has_connected(&self) -> bool {
        self.0.load(Ordering::Relaxed) != UNCONNECTED
    }

    /// Runs `future` as this attempt.
    pub(crate) async fn follow<F: Future>(&self, future: F) -> F::Output {
        TRACK.scope(self.clone(), future).await
    }

    /// The attempt that runs here, if the client has not taken its connection elsewhere.
    pub(crate) fn current() -> Option<Track> {
        TRACK.try_with(Track::clone).ok()
    }

    pub(crate) fn set(&self, phase: Phase) {
        self.0.store(phase as u8, Ordering::Relaxed);
    }
}

/// A layer around the client's connector that keeps the [`Track`] up to date.
#[derive(Clone)]
pub(crate) struct Tracked;

impl<S> Layer<S> for Tracked {
    type Service = TrackedConnector<S>;

    fn layer(&self, connector: S) -> TrackedConnector<S> {
        TrackedConnector(Arc::new(connector))
    }
}

/// The client clones its connector for every request, and few requests need a connection: so the
/// clones share what is inside, and only one that connects makes a copy of it.
pub(crate) struct TrackedConnector<S>(Arc<S>);

impl<S> Clone for TrackedConnector<S> {
    fn clone(&self) -> TrackedConnector<S> {
        TrackedConnector(Arc::clone(&self.0))
    }
}

impl<S, R> Service<R> for TrackedConnector<S>
where
    S: Service<R> + Clone + Send + 'static,
    S::Future: Send,
    R: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        // Whether what is inside is ready is a question to the copy that is going to be called.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, destination: R) -> Self::Future {
        let track = Track::current();
        if let Some(track) = &track {
            track.set(Phase::Connecting);
        }
        let mut connector = S::clone(&self.0);
        Box::pin(async move {
            poll_fn(|cx| connector.poll_ready(cx)).await?;
            let connected = connector.call(destination).await;
            if let (Some(track), Ok(_)) = (track, &connected) {
                track.set(Phase::Waiting);
            }
            connected
        })
    }
}
