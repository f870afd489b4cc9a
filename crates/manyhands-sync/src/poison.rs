//! Whether a holder panicked: a note on the lock, which whoever cares may read.

use crate::primitive::{AtomicBool, Ordering, const_unless_loom};

/// Set when a holder panics. Taking the lock does not fail by it: most data is sound between any two
/// statements, and whoever has data that is not can ask. A holder that was cancelled does not set it.
pub(crate) struct Poison(AtomicBool);

/// Whether the holder was unwinding already when it took the lock: then that is none of the lock's
/// business.
#[derive(Clone, Copy)]
pub(crate) struct WasPanicking(bool);

impl WasPanicking {
    #[inline]
    pub(crate) fn now() -> WasPanicking {
        WasPanicking(std::thread::panicking())
    }
}

impl Poison {
    const_unless_loom! {
        pub(crate) fn new() -> Poison {
            Poison(AtomicBool::new(false))
        }
    }

    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn clear(&self) {
        self.0.store(false, Ordering::Relaxed);
    }

    /// A holder releases the lock, before it does.
    #[inline]
    pub(crate) fn note(&self, then: WasPanicking) {
        if std::thread::panicking() && !then.0 {
            self.note_unwinding();
        }
    }

    #[cold]
    fn note_unwinding(&self) {
        if !manyhands_wait::is_unwinding_interrupt() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}
