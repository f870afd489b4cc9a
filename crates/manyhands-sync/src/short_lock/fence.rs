//! A pair of fences of which one costs nothing and the other a system call.
//!
//! Between a `light` and a `heavy` fence of different threads it is as if both were sequentially
//! consistent: what precedes one of them is seen after the other, or the other way round. The light one
//! merely keeps the compiler from reordering; the heavy one has the kernel put a fence into every running
//! thread of the process (`membarrier`). Linux only: elsewhere the pair is never ready, and nobody uses
//! it.

pub(super) use imp::{heavy, is_ready, light};

#[cfg(all(target_os = "linux", not(manyhands_loom), not(miri)))]
mod imp {
    use std::sync::atomic::{AtomicU8, Ordering, compiler_fence};
    use std::thread;
    use std::time::Duration;

    use rustix::thread::{MembarrierCommand, membarrier};

    /// Nobody has asked yet.
    const UNKNOWN: u8 = 0;
    /// The kernel was asked and has not answered, or has said no.
    const NOT_READY: u8 = 1;
    const READY: u8 = 2;

    static STATE: AtomicU8 = AtomicU8::new(UNKNOWN);

    /// How long a store can take at most until other cores see it, if the kernel cannot be asked: far
    /// more than it ever does.
    const LONG: Duration = Duration::from_millis(10);

    #[inline(always)]
    pub(in super::super) fn light() {
        compiler_fence(Ordering::SeqCst);
    }

    pub(in super::super) fn heavy() {
        // The second one if somebody has forked, and a kernel has forgotten that.
        let done = membarrier(MembarrierCommand::PrivateExpedited)
            .or_else(|_| {
                membarrier(MembarrierCommand::RegisterPrivateExpedited)?;
                membarrier(MembarrierCommand::PrivateExpedited)
            })
            .or_else(|_| membarrier(MembarrierCommand::Global));
        if done.is_err() {
            // It was there, and is forbidden by now: a filter of system calls.
            thread::sleep(LONG);
        }
    }

    /// Whether the fences may be used. False at first: to announce them takes the kernel some
    /// milliseconds, for which a thread of its own waits.
    pub(in super::super) fn is_ready() -> bool {
        match STATE.load(Ordering::Acquire) {
            READY => true,
            UNKNOWN => {
                prepare();
                false
            }
            _ => false,
        }
    }

    #[cold]
    fn prepare() {
        if STATE.swap(NOT_READY, Ordering::Relaxed) != UNKNOWN {
            return;
        }
        // Without a thread there are no favours, and nothing is lost.
        let _without = thread::Builder::new().name("manyhands-fence".into()).spawn(|| {
            if membarrier(MembarrierCommand::RegisterPrivateExpedited).is_ok()
                && membarrier(MembarrierCommand::PrivateExpedited).is_ok()
            {
                STATE.store(READY, Ordering::Release);
            }
        });
    }
}

/// What the pair is equal to.
#[cfg(manyhands_loom)]
mod imp {
    use crate::primitive::{Ordering, fence};

    pub(in super::super) fn light() {
        fence(Ordering::SeqCst);
    }

    pub(in super::super) fn heavy() {
        fence(Ordering::SeqCst);
    }

    pub(in super::super) fn is_ready() -> bool {
        true
    }
}

#[cfg(all(any(not(target_os = "linux"), miri), not(manyhands_loom)))]
mod imp {
    use std::sync::atomic::{Ordering, fence};

    #[inline(always)]
    pub(in super::super) fn light() {
        fence(Ordering::SeqCst);
    }

    pub(in super::super) fn heavy() {
        fence(Ordering::SeqCst);
    }

    #[inline(always)]
    pub(in super::super) fn is_ready() -> bool {
        false
    }
}
