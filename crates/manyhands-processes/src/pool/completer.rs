//! The thread that ends tasks whose end takes long: those with callbacks, which are the program's
//! code and may wait for other tasks of the same pool, and those with a large outcome to decode.

use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread::{Builder, JoinHandle, ThreadId, current};

use manyhands_executor::Dispatched;

use super::batch::{Batch, Ending};

/// Outcomes that are longer than this are decoded on the other thread, in bytes.
const LARGE: usize = 64 * 1024;

pub(super) struct Completer {
    name: String,
    /// There from the first time on that it is needed.
    thread: Mutex<Option<Thread>>,
    /// Its identity, which stays known when it is being ended.
    id: OnceLock<ThreadId>,
}

struct Thread {
    sender: Sender<(Dispatched, Ending)>,
    handle: JoinHandle<()>,
}

impl Completer {
    pub(super) fn new(pool: &str) -> Completer {
        let name = format!("{pool} callbacks");
        Completer { name, thread: Mutex::default(), id: OnceLock::new() }
    }

    /// Takes the task if its end takes long; otherwise gives it back.
    pub(super) fn take_over(
        &self,
        dispatched: Dispatched,
        ending: Ending,
        bytes: &[u8],
    ) -> Option<(Dispatched, Ending)> {
        let length = match &ending {
            Ending::Encoded(range) => range.len(),
            Ending::Whole(bytes) => bytes.len(),
            Ending::Laden(freight) => freight.body.len(),
            Ending::Failed(_) => 0,
        };
        if length <= LARGE && !dispatched.has_callbacks() {
            return Some((dispatched, ending));
        }
        let ending = match ending {
            Ending::Encoded(range) => Ending::Whole(bytes[range].to_vec()),
            other => other,
        };
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if thread.is_none() && self.id.get().is_none() {
            *thread = self.start();
        }
        match thread.as_ref() {
            Some(thread) => thread.sender.send((dispatched, ending)).err().map(|back| back.0),
            None => Some((dispatched, ending)),
        }
    }

    /// Waits until everything that was taken over has ended.
    pub(super) fn finish(&self) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Thread { sender, handle }) = thread {
            drop(sender);
            let _reported_by_the_hook = handle.join();
        }
    }

    /// Whether this thread is that of the callbacks.
    pub(super) fn is_here(&self) -> bool {
        self.id.get() == Some(&current().id())
    }

    /// `None` if the system grants no thread: then tasks end where they are.
    fn start(&self) -> Option<Thread> {
        let (sender, receiver) = channel::<(Dispatched, Ending)>();
        let complete = move || {
            for (dispatched, ending) in receiver {
                Batch::complete(dispatched, ending, &[]);
            }
        };
        let name = self.name.replace('\0', "");
        let handle = Builder::new().name(name).spawn(complete).ok()?;
        let _set_once = self.id.set(handle.thread().id());
        Some(Thread { sender, handle })
    }
}
