//! Scopes: tasks that borrow from the stack of their owner. Whatever happens to the owner, it stays
//! until they have ended.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use manyhands::{AnyExecutor, CancelToken, scope, sleep, timeout, with_cancel_token};

use crate::models::{on_all, on_concurrent, on_queued};
use crate::patience::{Gate, LONG, eventually};

/// On the owner's stack, used by tasks. It is an error if one of them comes when it is gone.
struct Table {
    guests: AtomicUsize,
    served: AtomicUsize,
}

impl Table {
    const GONE: usize = usize::MAX / 2;

    fn new() -> Table {
        Table { guests: AtomicUsize::new(0), served: AtomicUsize::new(0) }
    }

    /// Stays for long, unless cancelled; destructors use the table too.
    fn sit(&self, length: Duration) {
        struct Guest<'a>(&'a Table);
        impl Drop for Guest<'_> {
            fn drop(&mut self) {
                std::thread::yield_now();
                let before = self.0.guests.fetch_sub(1, Ordering::SeqCst);
                assert!(before < Table::GONE, "the table was gone");
            }
        }
        assert!(self.guests.fetch_add(1, Ordering::SeqCst) < Table::GONE, "the table is gone");
        let _guest = Guest(self);
        sleep(length);
        self.served.fetch_add(1, Ordering::SeqCst);
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        assert_eq!(self.guests.swap(Table::GONE, Ordering::SeqCst), 0, "a guest still sits there");
    }
}

#[test]
fn tasks_borrow_and_write() {
    on_all(|executor| {
        let mut numbers = vec![1_u64; 100];
        let words = ["many".to_owned(), "hands".to_owned()];
        let length = scope(executor, |scope| {
            for chunk in numbers.chunks_mut(7) {
                scope.spawn(move || chunk.iter_mut().for_each(|number| *number += 1));
            }
            let lengths = [scope.spawn(|| words[0].len()), scope.spawn(|| words[1].len())];
            lengths.into_iter().map(|task| task.result().unwrap()).sum::<usize>()
        });
        assert_eq!(length.unwrap(), 9);
        assert_eq!(numbers.iter().sum::<u64>(), 200);
    });
}

#[test]
fn tasks_may_spawn_in_their_scope() {
    on_all(|executor| {
        let count = AtomicUsize::new(0);
        scope(executor, |scope| {
            scope.spawn(|| {
                for _ in 0..5 {
                    scope.spawn(|| {
                        count.fetch_add(1, Ordering::Relaxed);
                        scope.spawn(|| count.fetch_add(10, Ordering::Relaxed));
                    });
                }
            });
        })
        .unwrap();
        assert_eq!(count.load(Ordering::Relaxed), 55);
    });
}

#[test]
fn the_scope_waits_for_tasks_that_nobody_looks_at() {
    on_all(|executor| {
        let table = Table::new();
        scope(executor, |scope| {
            for _ in 0..8 {
                drop(scope.spawn(|| table.sit(Duration::from_millis(1))));
            }
        })
        .unwrap();
        assert_eq!(table.served.load(Ordering::SeqCst), 8);
    });
}

#[test]
fn a_panic_of_the_owner_cancels_and_joins_first() {
    on_concurrent(|executor| {
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let table = Table::new();
            let _value = scope(executor, |scope| {
                for _ in 0..8 {
                    drop(scope.spawn(|| table.sit(LONG)));
                }
                eventually("some sit", || table.guests.load(Ordering::SeqCst) > 0);
                std::panic::resume_unwind(Box::new("the owner fell over"));
            });
        }));
        assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"the owner fell over"));
    });
}

#[test]
fn a_cancelled_owner_joins_first() {
    on_concurrent(|executor| {
        let (token, sitting) = (CancelToken::new(), AtomicUsize::new(0));
        std::thread::scope(|threads| {
            let owner = threads.spawn(|| {
                with_cancel_token(&token, || {
                    let table = Table::new();
                    scope(executor, |scope| {
                        for _ in 0..8 {
                            drop(scope.spawn(|| {
                                sitting.fetch_add(1, Ordering::SeqCst);
                                table.sit(LONG);
                            }));
                        }
                    })
                })
            });
            eventually("some sit", || sitting.load(Ordering::SeqCst) > 0);
            token.cancel();
            assert!(owner.join().unwrap().is_err());
        });
    });
}

#[test]
fn an_owner_cancelled_in_its_own_code_joins_first() {
    on_concurrent(|executor| {
        let token = CancelToken::new();
        let ended = with_cancel_token(&token, || {
            let table = Table::new();
            scope(executor, |scope| {
                for _ in 0..8 {
                    drop(scope.spawn(|| table.sit(LONG)));
                }
                token.cancel();
                sleep(LONG);
            })
        });
        assert!(ended.is_err());
    });
}

#[test]
fn an_owner_whose_time_is_over_joins_first() {
    on_concurrent(|executor| {
        for millis in [0, 1, 5, 20] {
            let _ended = timeout(Duration::from_millis(millis), || {
                let table = Table::new();
                scope(executor, |scope| {
                    for _ in 0..6 {
                        drop(scope.spawn(|| table.sit(LONG)));
                    }
                })
            });
        }
    });
}

#[test]
fn an_owner_that_is_a_task_joins_before_it_ends() {
    on_queued(|executor| {
        let own: &'static AnyExecutor = Box::leak(Box::new(executor.model().start().unwrap()));
        for _ in 0..50 {
            let task = manyhands::InProcess::spawn(own, || {
                let table = Table::new();
                scope(own, |scope| {
                    for _ in 0..4 {
                        drop(scope.spawn(|| table.sit(LONG)));
                    }
                })
            });
            eventually("it runs", || task.is_running() || task.is_done());
            task.cancel();
            task.wait();
        }
    });
}

#[test]
fn the_first_failure_cancels_the_rest() {
    on_concurrent(|executor| {
        let table = Table::new();
        let ended = scope(executor, |scope| {
            for _ in 0..2 {
                drop(scope.spawn(|| table.sit(LONG)));
            }
            drop(scope.spawn(|| std::panic::resume_unwind(Box::new("spilt milk"))));
            "a value that is dropped"
        });
        assert_eq!(ended.unwrap_err().message(), "spilt milk");
    });
}

#[test]
fn cancelling_the_scope_ends_its_tasks() {
    on_queued(|executor| {
        let table = Table::new();
        let value = scope(executor, |scope| {
            let tasks: Vec<_> = (0..6).map(|_| scope.spawn(|| table.sit(LONG))).collect();
            scope.cancel();
            tasks.into_iter().map(|task| task.result()).filter(Result::is_err).count()
        });
        assert_eq!(value.unwrap(), 6);
    });
}

#[test]
fn results_that_borrow_are_dropped_in_time() {
    // A result that borrows the table: taken, left in its task, or never looked at. None of them
    // may be dropped after the table.
    struct Bill<'a>(&'a Table);
    impl Drop for Bill<'_> {
        fn drop(&mut self) {
            assert!(self.0.guests.load(Ordering::SeqCst) < Table::GONE, "the table was gone");
            self.0.served.fetch_add(1, Ordering::SeqCst);
        }
    }
    on_all(|executor| {
        for _ in 0..50 {
            let table = Table::new();
            let kept = Mutex::new(Vec::new());
            scope(executor, |scope| {
                drop(scope.spawn(|| Bill(&table)));
                let taken = scope.spawn(|| Bill(&table)).result().unwrap();
                kept.lock().unwrap().push(taken);
                let _left = scope.spawn(|| Bill(&table));
                let cancelled = scope.spawn(|| Bill(&table));
                cancelled.cancel();
            })
            .unwrap();
            assert!(table.served.load(Ordering::SeqCst) >= 2, "dropped with the scope");
            drop(kept);
        }
    });
}

#[test]
fn a_result_that_panics_when_it_is_dropped_does_no_harm() {
    struct Bomb<'a>(&'a Table);
    impl Drop for Bomb<'_> {
        fn drop(&mut self) {
            self.0.served.fetch_add(1, Ordering::SeqCst);
            std::panic::resume_unwind(Box::new("a bomb went off"));
        }
    }
    on_queued(|executor| {
        let table = Table::new();
        let ended = scope(executor, |scope| {
            let gate = std::sync::Arc::new(Gate::default());
            let inside = std::sync::Arc::clone(&gate);
            drop(scope.spawn(|| {
                let inside = inside;
                inside.pass();
                Bomb(&table)
            }));
            gate.open();
        });
        // The closure's last act is to drop its result, which is part of the task.
        assert_eq!(ended.unwrap_err().message(), "a bomb went off");
        assert_eq!(table.served.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn scopes_nest() {
    on_all(|executor| {
        let mut grid = vec![vec![1_u32; 10]; 10];
        scope(executor, |outer| {
            for row in &mut grid {
                outer.spawn(move || {
                    scope(executor, |inner| {
                        for cell in row.iter_mut() {
                            inner.spawn(move || *cell += 1);
                        }
                    })
                    .unwrap();
                });
            }
        })
        .unwrap();
        assert!(grid.iter().flatten().all(|cell| *cell == 2));
    });
}
