//! The word of the short lock: one thread at a time has it, also while a favour is taken away.
//!
//! The pair of fences is two sequentially consistent ones here, which is what the system call makes of it.

use loom::sync::Arc;
use loom::thread;
use manyhands_sync::ShortLockWord;

use super::{Counter, model_bounded};

const FAVOURITE: usize = 4;
const OTHER: usize = 8;
const THIRD: usize = 12;

struct Guarded {
    word: ShortLockWord,
    counter: Counter,
}

impl Guarded {
    fn new() -> Arc<Guarded> {
        Arc::new(Guarded { word: ShortLockWord::new(), counter: Counter::new() })
    }

    fn add_one(&self, me: usize) {
        let how = self.word.try_take(me, me == FAVOURITE);
        let how = how.unwrap_or_else(|| self.word.take_slowly(me));
        self.counter.add_one();
        self.word.give_back(how);
    }
}

#[test]
fn a_favour_is_taken_away_while_its_thread_uses_it() {
    model_bounded(4, || {
        let guarded = Guarded::new();
        assert!(guarded.word.favour_now(FAVOURITE));
        let other = thread::spawn({
            let guarded = Arc::clone(&guarded);
            move || guarded.add_one(OTHER)
        });
        (0..2).for_each(|_| guarded.add_one(FAVOURITE));
        other.join().unwrap();
        guarded.add_one(THIRD);
        assert_eq!(guarded.counter.get(), 4);
    });
}

/// Whoever looks without waiting takes it away too, or leaves it alone.
#[test]
fn of_two_who_do_not_wait_one_at_most_takes_a_favour_away() {
    model_bounded(3, || {
        let guarded = Guarded::new();
        assert!(guarded.word.favour_now(FAVOURITE));
        let others = [OTHER, THIRD].map(|me| {
            let guarded = Arc::clone(&guarded);
            thread::spawn(move || {
                let how = guarded.word.try_take_away(me);
                how.into_iter().for_each(|how| {
                    guarded.counter.add_one();
                    guarded.word.give_back(how);
                });
                u32::from(how.is_some())
            })
        });
        guarded.add_one(FAVOURITE);
        let [one, other] = others.map(|other| other.join().unwrap());
        assert!(one + other <= 1, "it is taken away once");
        assert_eq!(guarded.counter.get(), 1 + one + other);
    });
}

/// A lock becomes a thread's while others use it.
#[test]
fn a_favour_begins_while_others_take_the_lock() {
    model_bounded(3, || {
        let guarded = Guarded::new();
        let other = thread::spawn({
            let guarded = Arc::clone(&guarded);
            move || (0..2).for_each(|_| guarded.add_one(OTHER))
        });
        guarded.add_one(FAVOURITE);
        let _may_be_taken = guarded.word.favour_now(FAVOURITE);
        guarded.add_one(FAVOURITE);
        assert!(!guarded.word.favour_now(OTHER), "once in its life");
        other.join().unwrap();
        assert_eq!(guarded.counter.get(), 4);
    });
}
