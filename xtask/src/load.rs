//! Keeps the processors busy, so that tests show what they do on a loaded machine.

use std::hint;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

/// Spinning threads, one per processor, that stop when this is dropped (and with this process).
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Load {
    /// Starts the load.
    pub(crate) fn start() -> Load {
        let stop = Arc::new(AtomicBool::new(false));
        let processors = thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let threads = (0..processors)
            .map(|_| {
                let stop = Arc::clone(&stop);
                thread::spawn(move || spin_until(&stop))
            })
            .collect();
        Load { stop, threads }
    }

    /// How many threads spin.
    pub(crate) fn threads(&self) -> usize {
        self.threads.len()
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // A spinning thread has nothing that could panic; if it did, the load is gone anyway.
            let _ = thread.join();
        }
    }
}

fn spin_until(stop: &AtomicBool) {
    let mut number = 1_u64;
    while !stop.load(Ordering::Relaxed) {
        for _ in 0..4096 {
            number =
                hint::black_box(number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dropping_the_load_ends_its_threads() {
        let load = Load::start();
        assert!(load.threads() >= 1);
        let stop = Arc::clone(&load.stop);
        drop(load);
        assert_eq!(Arc::strong_count(&stop), 1, "a thread still holds the flag");
    }
}
