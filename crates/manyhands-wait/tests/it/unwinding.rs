//! Unwinding: silent for a cancellation, undisturbed by one while a panic is under way.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use manyhands_wait::{Layer, Parker, sleep, timeout, with_parker};

use crate::own_process::{alone, errors_of};
use crate::patience::LONG;

#[test]
fn the_panic_hook_is_silent_when_a_deadline_ends_code() {
    let output =
        alone("unwinding::the_panic_hook_is_silent_when_a_deadline_ends_code", &[], || {
            struct Waits;
            impl Drop for Waits {
                fn drop(&mut self) {
                    sleep(Duration::from_millis(1));
                }
            }
            let ended = timeout(Duration::ZERO, || {
                let _waits = Waits;
                sleep(LONG);
            });
            assert!(ended.is_err());
        });
    if let Some(output) = output {
        assert_eq!(errors_of(&output), "");
    }
}

/// Parks like a thread for a moment, and counts how often.
struct Counting(AtomicU32);

impl Parker for Counting {
    fn waker(&self) -> std::task::Waker {
        std::task::Waker::noop().clone()
    }

    fn park(&self, until: Option<Instant>) {
        self.0.fetch_add(1, Ordering::Relaxed);
        let length = until.map(|until| until.saturating_duration_since(Instant::now()));
        std::thread::sleep(length.unwrap_or(LONG).min(Duration::from_millis(50)));
    }
}

#[test]
fn a_wait_in_a_destructor_does_not_spin_while_the_deadline_around_it_has_passed() {
    // The deadline cannot be delivered into a destructor that runs because of a panic. Until the
    // wait is over the thread must sleep, and not look at the clock in circles.
    struct Waits<'a>(&'a Counting);
    impl Drop for Waits<'_> {
        fn drop(&mut self) {
            with_parker(self.0, || sleep(Duration::from_millis(100)));
        }
    }
    let parks = Counting(AtomicU32::new(0));
    let caught = std::panic::catch_unwind(|| {
        let _ended = timeout(Duration::ZERO, || {
            let _waits = Waits(&parks);
            std::panic::resume_unwind(Box::new("a panic under way"));
        });
    });
    assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"a panic under way"));
    let parks = parks.0.load(Ordering::Relaxed);
    assert!(parks <= 10, "parked {parks} times in a tenth of a second");
}

#[test]
fn a_wait_in_a_destructor_is_not_ended_while_a_panic_is_under_way() {
    struct Waits<'a>(&'a AtomicU32);
    impl Drop for Waits<'_> {
        fn drop(&mut self) {
            sleep(Duration::from_millis(5));
            manyhands_wait::check_cancelled();
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let waited = AtomicU32::new(0);
    let caught = std::panic::catch_unwind(|| {
        let _ended = timeout(Duration::ZERO, || {
            let _waits = Waits(&waited);
            std::panic::resume_unwind(Box::new(4_u8));
        });
    });
    assert_eq!(caught.unwrap_err().downcast_ref(), Some(&4_u8));
    assert_eq!(waited.load(Ordering::Relaxed), 1);
}

#[test]
fn a_layer_cannot_be_inside_itself() {
    let layer = Layer::new();
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        layer.enter(|| layer.enter(|| ()));
    }));
    assert!(caught.is_err());
    assert_eq!(layer.enter(|| 1), 1, "afterwards it can be entered again");
}

#[test]
fn a_layer_of_a_task_is_not_part_of_what_runs_around_it() {
    // The task runs on the stack of code whose deadline has passed: that is not its business.
    let label = || manyhands_wait::TaskLabel { id: 77, name: None };
    let ended = timeout(Duration::ZERO, || {
        Layer::new().task(&label).enter(|| {
            sleep(Duration::from_millis(1));
            assert_eq!(manyhands_wait::current_deadline(), None);
            assert_eq!(manyhands_wait::current_task().map(|task| task.id), Some(77));
        });
        assert_eq!(manyhands_wait::current_task(), None);
        sleep(LONG);
    });
    assert!(ended.is_err());
}
