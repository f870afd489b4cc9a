//! How a coroutine waits, and how it lets others go on: the hub as their parker.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Instant;

use manyhands_wait::{GiveWay, Parker};

use super::body::Seat;
use super::{Body, Hub, LOOK_EVERY, look_for_cancellation};
use crate::primitive::Arc as SeatArc;

/// Every wait of a coroutine comes here.
impl Parker for Hub {
    fn waker(&self) -> Waker {
        match self.current() {
            Some(body) => Seat::waker(&body.seat),
            None => Waker::noop().clone(),
        }
    }

    fn park(&self, until: Option<Instant>) {
        Hub::suspend_until(self, until);
    }

    fn is_available(&self) -> bool {
        self.current.get().is_some()
    }

    /// The coroutine that waits is suspended, and each has a scheduled context of its own.
    fn stops_context(&self) -> bool {
        true
    }

    fn give_way(&self) -> GiveWay {
        let Some(body) = self.current.get() else { return GiveWay::Nobody };
        if self.forbidden.get() > 0 || self.with_ready(|ready| ready.is_empty()) {
            return GiveWay::Nobody;
        }
        // SAFETY: it is the one that runs, so it is valid.
        let this = unsafe { body.as_ref() };
        this.count_yield();
        self.with_ready(|ready| ready.resume(body));
        // SAFETY: as above, and so the caller is on its stack; it is in the run queue.
        GiveWay::Leave(unsafe { this.leave() })
    }
}

impl Hub {
    /// Waits in the coroutine that runs, for its waker or until `until`.
    fn suspend_until(&self, until: Option<Instant>) {
        let Some(body) = self.current.get() else { return };
        self.check_allowed();
        // SAFETY: it runs, so it is valid, and the caller is on its stack.
        let this = unsafe { body.as_ref() };
        let seat = &this.seat;
        if std::thread::panicking() && !this.held_back.replace(true) {
            self.held_back.borrow_mut().push(SeatArc::clone(seat));
        }
        match until {
            None => {
                if seat.token.park() {
                    // SAFETY: as above.
                    unsafe { this.suspend() };
                    seat.token.run();
                }
            }
            Some(at) => {
                let waker = Seat::waker(seat);
                // Whatever context another coroutine has entered and not left.
                let own_context = self.runtime.enter();
                let mut timer = pin!(tokio::time::sleep_until(at.into()));
                let is_over = timer.as_mut().poll(&mut Context::from_waker(&waker)).is_ready();
                drop(own_context);
                if !is_over && seat.token.park() {
                    // SAFETY: as above.
                    unsafe { this.suspend() };
                    seat.token.run();
                }
            }
        }
    }
}

impl Body {
    /// Counts that it lets others go first, and looks now and then whether it was cancelled.
    #[inline(always)]
    pub(super) fn count_yield(&self) {
        let yields = self.yields.get().wrapping_add(1);
        self.yields.set(yields);
        if yields.is_multiple_of(LOOK_EVERY) {
            look_for_cancellation();
        }
    }
}
