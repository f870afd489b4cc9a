//! What travels beside encoded bytes: descriptors and large payloads.
//!
//! While a value is encoded, the `Serialize` of a handle leaves its descriptor with [`attach`] and
//! encodes the number that it gets; while it is decoded, its `Deserialize` finds it with
//! [`descriptor`]. Both work only inside of [`collect`] and [`provide`], which whoever sends values
//! to other processes puts around coding ([`Travel`] does so for the jobs of an executor).
//!
//! Scopes nest, and each belongs to the context that has opened it: a coroutine that is suspended
//! within one does not lend it to its neighbours.

use std::cell::RefCell;
use std::fmt::Display;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use manyhands_executor::Surroundings;

/// What travels beside one sequence of encoded bytes.
#[derive(Debug, Default, Clone)]
pub(crate) struct Attachments {
    /// Descriptors, in the order of their numbers.
    pub(crate) fds: Vec<Arc<OwnedFd>>,
    /// Large payloads, in the order of their numbers.
    pub(crate) payloads: Vec<bytes::Bytes>,
}

impl Attachments {
    /// Whether the bytes travel alone.
    pub(crate) fn is_empty(&self) -> bool {
        self.fds.is_empty() && self.payloads.is_empty()
    }
}

/// Calls `f`, which encodes something, and returns what was attached meanwhile.
pub(crate) fn collect<R>(f: impl FnOnce() -> R) -> (R, Attachments) {
    let scope = Open::new(Purpose::Collect(Attachments::default()));
    let result = f();
    match scope.close() {
        Some(Purpose::Collect(attachments)) => (result, attachments),
        _ => unreachable!("the scope is on the stack for as long as it is open"),
    }
}

/// Calls `f`, which decodes something, and provides what was attached to it.
pub(crate) fn provide<R>(attachments: Attachments, f: impl FnOnce() -> R) -> R {
    let _scope = Open::new(Purpose::Provide(Rc::new(attachments)));
    f()
}

/// Why an attachment could not be left or found.
pub(crate) const NOT_TRAVELLING: &str =
    "it can only be sent to a worker or process of manyhands, and not be encoded for others";

/// Attaches a descriptor to what is being encoded; one that is attached twice has one number.
/// `None` if nothing is being encoded for another process.
pub(crate) fn attach(fd: &Arc<OwnedFd>) -> Option<u32> {
    innermost(|purpose| {
        let Purpose::Collect(Attachments { fds, .. }) = purpose else { return None };
        let known = fds.iter().position(|known| Arc::ptr_eq(known, fd));
        let number = known.unwrap_or_else(|| {
            fds.push(Arc::clone(fd));
            fds.len() - 1
        });
        u32::try_from(number).ok()
    })
}

/// Attaches a payload to what is being encoded; one that is attached twice has one number. `None`
/// if nothing is being encoded for another process.
pub(crate) fn attach_payload(payload: &bytes::Bytes) -> Option<u32> {
    let same =
        |known: &bytes::Bytes| known.as_ptr() == payload.as_ptr() && known.len() == payload.len();
    innermost(|purpose| {
        let Purpose::Collect(Attachments { payloads, .. }) = purpose else { return None };
        let number = payloads.iter().position(same).unwrap_or_else(|| {
            payloads.push(payload.clone());
            payloads.len() - 1
        });
        u32::try_from(number).ok()
    })
}

/// The descriptor of this number that was attached to what is being decoded.
pub(crate) fn descriptor(number: u32) -> Option<Arc<OwnedFd>> {
    provided(|attachments| attachments.fds.get(number as usize).cloned())
}

/// The payload of this number that was attached to what is being decoded.
pub(crate) fn payload(number: u32) -> Option<bytes::Bytes> {
    provided(|attachments| attachments.payloads.get(number as usize).cloned())
}

/// Makes the error of a `Serialize` or `Deserialize` and keeps its text for who reports the failure:
/// postcard keeps none.
pub(crate) fn failure<E>(why: impl Display, make: impl FnOnce(String) -> E) -> E {
    let why = why.to_string();
    FAILURE.set(Some(why.clone()));
    make(why)
}

/// The text of the latest [`failure`] on this thread, once.
pub(crate) fn take_failure() -> Option<String> {
    FAILURE.take()
}

/// Surroundings for jobs of an executor: attachments on the way there and back.
#[derive(Debug, Default)]
pub(crate) struct Travel {
    /// What is provided when something is decoded, once.
    pub(crate) incoming: Attachments,
    /// What was collected when something was encoded, the last time.
    pub(crate) outgoing: Attachments,
}

impl Travel {
    /// For encoding, or for decoding what travelled alone.
    pub(crate) fn new() -> Travel {
        Travel::default()
    }

    /// For decoding what travelled with these.
    pub(crate) fn with(incoming: Attachments) -> Travel {
        Travel { incoming, outgoing: Attachments::default() }
    }
}

impl Surroundings for Travel {
    fn decoding(&mut self, f: &mut dyn FnMut()) {
        FAILURE.take();
        provide(std::mem::take(&mut self.incoming), f);
    }

    fn encoding(&mut self, f: &mut dyn FnMut()) {
        FAILURE.take();
        self.outgoing = collect(f).1;
    }

    fn explain(&mut self) -> Option<String> {
        take_failure()
    }
}

enum Purpose {
    Collect(Attachments),
    Provide(Rc<Attachments>),
}

struct Scope {
    /// Tells it from the others, since coroutines may open and close scopes in any order.
    key: u64,
    context: u64,
    purpose: Purpose,
}

thread_local! {
    static SCOPES: RefCell<Vec<Scope>> = const { RefCell::new(Vec::new()) };
    static FAILURE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// A scope that is taken off the stack at the latest when this is dropped.
struct Open(u64);

impl Open {
    fn new(purpose: Purpose) -> Open {
        static KEYS: AtomicU64 = AtomicU64::new(0);
        let key = KEYS.fetch_add(1, Ordering::Relaxed);
        let context = manyhands_wait::Context::current().id();
        SCOPES.with_borrow_mut(|scopes| scopes.push(Scope { key, context, purpose }));
        Open(key)
    }

    fn close(self) -> Option<Purpose> {
        self.take_off()
    }

    fn take_off(&self) -> Option<Purpose> {
        SCOPES.with_borrow_mut(|scopes| {
            let place = scopes.iter().rposition(|scope| scope.key == self.0)?;
            Some(scopes.remove(place).purpose)
        })
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        // What was in it is dropped here, while nothing is borrowed.
        drop(self.take_off());
    }
}

/// Calls `f` with the innermost scope of the running context, if it has one.
fn innermost<R>(f: impl FnOnce(&mut Purpose) -> Option<R>) -> Option<R> {
    SCOPES.with_borrow_mut(|scopes| {
        if scopes.is_empty() {
            return None;
        }
        let context = manyhands_wait::Context::current().id();
        let scope = scopes.iter_mut().rev().find(|scope| scope.context == context)?;
        f(&mut scope.purpose)
    })
}

fn provided<R>(f: impl FnOnce(&Attachments) -> Option<R>) -> Option<R> {
    let attachments = innermost(|purpose| match purpose {
        Purpose::Provide(attachments) => Some(Rc::clone(attachments)),
        Purpose::Collect(_) => None,
    })?;
    f(&attachments)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some_fd() -> Arc<OwnedFd> {
        Arc::new(crate::memory::memfd::create("test", 1).unwrap())
    }

    #[test]
    fn what_is_attached_is_collected_once_and_found_by_its_number() {
        let (one, two) = (some_fd(), some_fd());
        let large = bytes::Bytes::from(vec![1; 100]);
        let (numbers, attachments) = collect(|| {
            assert_eq!(attach_payload(&large), Some(0));
            assert_eq!(attach_payload(&large.clone()), Some(0));
            assert_eq!(attach_payload(&large.slice(1..)), Some(1));
            [attach(&one), attach(&two), attach(&Arc::clone(&one))]
        });
        assert_eq!(numbers, [Some(0), Some(1), Some(0)]);
        assert!(!attachments.is_empty());
        provide(attachments, || {
            assert!(Arc::ptr_eq(&descriptor(1).unwrap(), &two));
            assert_eq!(payload(1).unwrap(), large.slice(1..));
            assert!(descriptor(2).is_none() && descriptor(u32::MAX).is_none());
            assert!(payload(2).is_none());
            assert!(attach(&one).is_none(), "nothing is being encoded");
        });
    }

    #[test]
    fn outside_of_a_scope_there_is_nothing() {
        assert!(attach(&some_fd()).is_none());
        assert!(descriptor(0).is_none() && payload(0).is_none());
        let unwound = std::panic::catch_unwind(|| collect(|| panic!("in the middle")));
        assert!(unwound.is_err());
        assert!(attach(&some_fd()).is_none(), "a scope that unwound is closed");
    }

    #[test]
    fn scopes_nest() {
        let (outer, inner) = (some_fd(), some_fd());
        let ((), attachments) = collect(|| {
            attach(&outer).unwrap();
            let (number, nested) = collect(|| attach(&inner));
            assert_eq!((number, nested.fds.len()), (Some(0), 1));
            provide(nested, || assert!(Arc::ptr_eq(&descriptor(0).unwrap(), &inner)));
        });
        assert_eq!(attachments.fds.len(), 1);
        assert!(Arc::ptr_eq(&attachments.fds[0], &outer));
    }

    #[test]
    fn a_scope_is_in_force_on_its_own_thread_alone() {
        collect(|| {
            let elsewhere = std::thread::spawn(|| attach(&some_fd()).is_none());
            assert!(elsewhere.join().unwrap());
        });
    }

    #[test]
    fn the_reason_of_a_failure_is_kept_for_who_reports_it() {
        let error: String = failure("the seals are missing", |why| format!("codec: {why}"));
        assert_eq!(error, "codec: the seals are missing");
        assert_eq!(Travel::new().explain().as_deref(), Some("the seals are missing"));
        assert_eq!(Travel::new().explain(), None);
    }
}
