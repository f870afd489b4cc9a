//! Cancel tokens: one switch that ends many waits.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Weak;
use std::task::{Context, Poll, Waker};

use crate::interrupt::Interrupt;
use crate::layer::{CancelSource, Layer};
use crate::primitive::{Arc, AtomicBool, Mutex, Ordering, lock};

/// A switch that is turned once and ends whatever runs under it, at its next wait.
///
/// Clones are the same token. A [child](Self::child) is cancelled with its parent, but not the
/// other way round. Cancelling and asking work from any context and never block.
///
/// ```
/// use manyhands_wait::{CancelToken, with_cancel_token, sleep};
/// use std::time::Duration;
///
/// let token = CancelToken::new();
/// let other = token.clone();
/// let canceller = std::thread::spawn(move || other.cancel());
/// let ended = with_cancel_token(&token, || sleep(Duration::from_secs(60)));
/// assert!(ended.is_err());
/// canceller.join().unwrap();
/// ```
#[derive(Clone)]
pub struct CancelToken {
    inner: Arc<Inner>,
}

struct Inner {
    cancelled: AtomicBool,
    listeners: Mutex<Listeners>,
    /// Keeps the parent alive, and with it the way from the parent's canceller to here.
    _parent: Option<CancelToken>,
}

#[derive(Default)]
struct Listeners {
    next: usize,
    wakers: BTreeMap<usize, Waker>,
    children: Vec<WeakInner>,
}

#[cfg(not(manyhands_loom))]
type WeakInner = Weak<Inner>;
/// loom has no `Weak`; models make no children.
#[cfg(manyhands_loom)]
type WeakInner = Weak<std::convert::Infallible>;

impl CancelToken {
    /// A token that is not cancelled.
    #[allow(clippy::new_without_default, reason = "an explicit act, like opening a switch")]
    pub fn new() -> CancelToken {
        CancelToken::with_parent(None)
    }

    /// A token that is cancelled when this one is, or on its own.
    #[cfg(not(manyhands_loom))]
    pub fn child(&self) -> CancelToken {
        let child = CancelToken::with_parent(Some(self.clone()));
        let mut listeners = lock(&self.inner.listeners);
        listeners.children.retain(|child| child.strong_count() > 0);
        listeners.children.push(Arc::downgrade(&child.inner));
        drop(listeners);
        if self.is_cancelled() {
            child.cancel();
        }
        child
    }

    /// Cancels this token and its children. Again is the same as once.
    pub fn cancel(&self) {
        if self.inner.cancelled.swap(true, Ordering::AcqRel) {
            return;
        }
        let mut listeners = lock(&self.inner.listeners);
        let wakers = std::mem::take(&mut listeners.wakers);
        let children = std::mem::take(&mut listeners.children);
        drop(listeners);
        wakers.into_values().for_each(Waker::wake);
        #[cfg(not(manyhands_loom))]
        for child in children.iter().filter_map(Weak::upgrade) {
            CancelToken { inner: child }.cancel();
        }
        #[cfg(manyhands_loom)]
        drop(children);
    }

    /// Whether the token was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.inner.cancelled.load(Ordering::Acquire)
    }

    /// A future that is ready once the token is cancelled.
    pub fn cancelled(&self) -> WaitForCancellation<'_> {
        WaitForCancellation { token: self, key: None }
    }

    fn with_parent(parent: Option<CancelToken>) -> CancelToken {
        CancelToken {
            inner: Arc::new(Inner {
                cancelled: AtomicBool::new(false),
                listeners: Mutex::new(Listeners::default()),
                _parent: parent,
            }),
        }
    }
}

impl CancelSource for CancelToken {
    fn is_cancelled(&self) -> bool {
        CancelToken::is_cancelled(self)
    }

    fn register(&self, waker: &Waker) -> usize {
        let mut listeners = lock(&self.inner.listeners);
        // Looked at under the lock: `cancel` sets the flag before it takes the lock, so either we
        // see the flag, or it sees our waker.
        if self.is_cancelled() {
            drop(listeners);
            waker.wake_by_ref();
            return usize::MAX;
        }
        let key = listeners.next;
        listeners.next += 1;
        listeners.wakers.insert(key, waker.clone());
        key
    }

    fn unregister(&self, key: usize) {
        lock(&self.inner.listeners).wakers.remove(&key);
    }
}

impl fmt::Debug for CancelToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelToken").field("cancelled", &self.is_cancelled()).finish()
    }
}

/// The future of [`CancelToken::cancelled`].
#[derive(Debug)]
#[must_use = "a future does nothing until it is waited for"]
pub struct WaitForCancellation<'a> {
    token: &'a CancelToken,
    key: Option<usize>,
}

impl Future for WaitForCancellation<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(key) = self.key.take() {
            self.token.unregister(key);
        }
        if self.token.is_cancelled() {
            return Poll::Ready(());
        }
        self.key = Some(self.token.register(cx.waker()));
        if self.token.is_cancelled() { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Drop for WaitForCancellation<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.token.unregister(key);
        }
    }
}

/// What ran under a token was ended by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cancelled;

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cancelled")
    }
}

impl std::error::Error for Cancelled {}

/// Runs `f`; once `token` is cancelled, `f` ends at its next wait or
/// [`check_cancelled`](crate::check_cancelled), with its destructors run.
///
/// # Errors
/// [`Cancelled`] if the token ended `f`. If `f` finishes without waiting again, its value counts.
///
/// # Panics
/// Goes on with a panic of `f`. Needs `panic = "unwind"`.
pub fn with_cancel_token<R>(token: &CancelToken, f: impl FnOnce() -> R) -> Result<R, Cancelled> {
    let layer = Layer::new().source(token);
    match catch_unwind(AssertUnwindSafe(|| layer.enter(f))) {
        Ok(value) => Ok(value),
        Err(payload) => match Interrupt::caught(payload, &layer) {
            Ok(_) => Err(Cancelled),
            Err(payload) => resume_unwind(payload),
        },
    }
}
