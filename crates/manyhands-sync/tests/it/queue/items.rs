//! What comes out, in which order, and how much there is.

use std::cmp::Reverse;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use manyhands_sync::{GetError, LifoQueue, Prioritized, PriorityQueue, PutError, Queue};

use super::poll_once;

fn drain<T>(mut next: impl FnMut() -> Result<T, GetError>) -> Vec<T> {
    std::iter::from_fn(|| next().ok()).collect()
}

#[test]
fn acceptance_079_each_queue_has_its_order() {
    let words = ["first", "second", "third"];
    let fifo = Queue::new(3);
    let lifo = LifoQueue::new(3);
    for word in words {
        fifo.try_put(word).unwrap();
        lifo.try_put(word).unwrap();
    }
    assert_eq!(drain(|| fifo.try_get()), ["first", "second", "third"]);
    assert_eq!(drain(|| lifo.try_get()), ["third", "second", "first"]);

    let priority = PriorityQueue::new(3);
    for entry in [(20, "a"), (10, "b"), (30, "c")] {
        priority.try_put(entry).unwrap();
    }
    assert_eq!(drain(|| priority.try_get()), [(10, "b"), (20, "a"), (30, "c")]);
}

#[test]
fn a_priority_queue_sorts_whatever_comes_in() {
    // All residues, each several times, in an order without a pattern.
    let values: Vec<u64> = (0..997u64).map(|n| n * n * 31 % 241).collect();
    let queue = PriorityQueue::unbounded();
    for (place, value) in values.iter().enumerate() {
        queue.try_put(Prioritized { priority: *value, value: place }).unwrap();
    }
    let got: Vec<(u64, usize)> =
        drain(|| queue.try_get()).into_iter().map(|entry| (entry.priority, entry.value)).collect();
    let mut expected: Vec<(u64, usize)> =
        values.into_iter().enumerate().map(|(place, value)| (value, place)).collect();
    // Equals by their place: first come, first served.
    expected.sort_unstable();
    assert_eq!(got, expected);
}

#[test]
fn a_priority_queue_stays_right_while_items_come_and_go() {
    let queue = PriorityQueue::unbounded();
    let mut model = Vec::new();
    let mut random = 12345u64;
    for _ in 0..5_000 {
        random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let value = random >> 40;
        if value % 5 < 3 {
            queue.try_put(Reverse(value)).unwrap();
            model.push(value);
            model.sort_unstable();
        } else {
            assert_eq!(queue.try_get().ok().map(|Reverse(value)| value), model.pop());
        }
    }
    assert_eq!(queue.len(), model.len());
}

#[test]
fn acceptance_080_len_empty_and_full() {
    let queue = Queue::new(2);
    assert!(queue.is_empty() && !queue.is_full());
    queue.put(1).unwrap();
    assert_eq!((queue.len(), queue.is_empty(), queue.is_full()), (1, false, false));
    queue.put(2).unwrap();
    assert_eq!((queue.len(), queue.is_empty(), queue.is_full()), (2, false, true));
    assert_eq!(queue.max_size(), Some(2));
    assert_eq!(queue.statistics().len_max, 2);

    let endless = Queue::unbounded();
    for n in 0..10_000 {
        endless.try_put(n).unwrap();
    }
    assert!(!endless.is_full() && endless.max_size().is_none());
}

#[test]
#[should_panic(expected = "room for nothing")]
fn a_queue_without_room_is_refused() {
    let _queue = Queue::<u8>::new(0);
}

#[test]
fn a_queue_can_be_a_static() {
    static WORDS: Queue<&str> = Queue::new(1);
    static SMALLEST: PriorityQueue<u8> = PriorityQueue::unbounded();
    WORDS.put("word").unwrap();
    SMALLEST.put(1).unwrap();
    assert_eq!((WORDS.get(), SMALLEST.get()), (Ok("word"), Ok(1)));
}

#[test]
fn acceptance_086_max_size_shrinks_and_grows_while_in_use() {
    let queue = Queue::new(4);
    for n in 0..4 {
        queue.put(n).unwrap();
    }
    queue.set_max_size(Some(2));
    // Nothing is lost, and there is room only below the new bound.
    assert_eq!(queue.try_put(9), Err(PutError::Full(9)));
    assert_eq!((queue.get(), queue.get()), (Ok(0), Ok(1)));
    assert_eq!(queue.try_put(9), Err(PutError::Full(9)));
    assert_eq!(queue.get(), Ok(2));
    queue.try_put(4).unwrap();
    assert!(queue.is_full());
    queue.set_max_size(Some(3));
    queue.try_put(5).unwrap();
    assert!(queue.is_full());
    queue.set_max_size(None);
    queue.try_put(6).unwrap();
    assert_eq!(drain(|| queue.try_get()), [3, 4, 5, 6]);
}

/// Compares by its number, and panics while it is told to.
struct Moody<'a>(u32, &'a AtomicBool);

impl PartialEq for Moody<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Moody<'_> {}

impl PartialOrd for Moody<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Moody<'_> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        assert!(!self.1.load(Relaxed), "in no mood");
        self.0.cmp(&other.0)
    }
}

#[test]
fn acceptance_089_a_panicking_comparison_leaves_the_queue_sound() {
    let is_moody = AtomicBool::new(false);
    let queue = PriorityQueue::new(8);
    for number in [5, 1, 7, 3, 6, 2] {
        queue.try_put(Moody(number, &is_moody)).unwrap();
    }

    is_moody.store(true, Relaxed);
    let put = catch_unwind(AssertUnwindSafe(|| queue.try_put(Moody(0, &is_moody)).is_ok()));
    assert!(put.is_err());
    let got = catch_unwind(AssertUnwindSafe(|| queue.try_get().is_ok()));
    assert!(got.is_err());
    assert_eq!((queue.len(), queue.unfinished()), (6, 6), "neither put nor lost");

    is_moody.store(false, Relaxed);
    queue.try_put(Moody(4, &is_moody)).unwrap();
    let numbers: Vec<u32> = drain(|| queue.try_get()).iter().map(|moody| moody.0).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 7]);
}

/// Room was made, one putter is woken for it, and its comparison panics: the next one gets the room.
#[test]
fn acceptance_089_room_that_a_panicking_putter_was_woken_for_goes_to_the_next() {
    let (calm, moody) = (AtomicBool::new(false), AtomicBool::new(true));
    let queue = PriorityQueue::new(2);
    queue.try_put(Moody(1, &calm)).unwrap();
    queue.try_put(Moody(2, &calm)).unwrap();
    let mut first = Box::pin(queue.put_async(Moody(3, &moody)));
    let mut second = Box::pin(queue.put_async(Moody(4, &calm)));
    assert!(poll_once(first.as_mut()).is_pending() && poll_once(second.as_mut()).is_pending());

    drop(queue.try_get());
    assert_eq!(queue.statistics().waiting_putters, 1);
    let polled = catch_unwind(AssertUnwindSafe(|| poll_once(first.as_mut()).is_ready()));
    assert!(polled.is_err());
    assert_eq!(queue.statistics().waiting_putters, 0, "the other one was woken");
    assert!(poll_once(second.as_mut()).is_ready());
}

/// It compares by what it finds in the queue that it is in.
struct Nosy<'a>(&'a PriorityQueue<Nosy<'a>>);

impl PartialEq for Nosy<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Nosy<'_> {}

impl PartialOrd for Nosy<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Nosy<'_> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.len().cmp(&other.0.len())
    }
}

#[test]
fn a_comparison_that_uses_its_own_queue_is_told_so() {
    let queue = PriorityQueue::unbounded();
    let queue = &*Box::leak(Box::new(queue));
    queue.try_put(Nosy(queue)).unwrap();
    let put = catch_unwind(AssertUnwindSafe(|| queue.try_put(Nosy(queue)).is_ok()));
    let message = put.expect_err("it would hang otherwise");
    let message = message.downcast_ref::<&str>().expect("a message");
    assert!(message.contains("comparison"), "{message}");
    assert_eq!(queue.len(), 1);
}

#[test]
fn errors_say_what_happened_and_give_the_value_back() {
    let queue = Queue::named("pages", 1);
    queue.put(String::from("a")).unwrap();
    let full = queue.try_put(String::from("b")).unwrap_err();
    assert!(full.is_full() && full.to_string().contains("full"), "{full}");
    assert_eq!(full.into_inner(), "b");
    assert!(format!("{queue:?}").contains("pages"), "{queue:?}");
}
