//! The protocol over a line whose two ends are in this process: what a child sees, without a child.

use std::collections::HashMap;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread::JoinHandle;
use std::time::Duration;

use manyhands_wait::{CancelToken, with_cancel_token};

use super::link::Socket;
use super::upstream::Upstream;
use super::*;

/// The asking end of a line to this process.
pub(super) fn line() -> Arc<Upstream> {
    let (asking, serving) = UnixStream::pair().unwrap();
    serve(0, serving).unwrap();
    Upstream::over(Socket::Owned(asking)).unwrap()
}

/// Calls `done` until it says yes.
pub(super) fn eventually(done: impl Fn() -> bool) {
    for _ in 0..10_000 {
        if done() {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("it has not happened for ten seconds");
}

/// Runs `f` on a thread, under a token that can end it.
fn cancellable<R: Send + 'static>(
    f: impl FnOnce() -> R + Send + 'static,
) -> (CancelToken, JoinHandle<Result<R, manyhands_wait::Cancelled>>) {
    let token = CancelToken::new();
    let under = token.clone();
    (token, std::thread::spawn(move || with_cancel_token(&under, f)))
}

/// Runs `f` on a thread and hands its result over.
fn background<R: Send + 'static>(f: impl FnOnce() -> R + Send + 'static) -> Receiver<R> {
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || send.send(f()));
    receive
}

#[test]
fn a_list_is_used_over_a_line() {
    let manager = Manager::new();
    let here = manager.list(vec!["a".to_owned()]);
    let there = here.over(&line());
    there.push("b".to_owned()).unwrap();
    there.extend(["c".to_owned(), "d".to_owned()]).unwrap();
    there.insert(0, "first".to_owned()).unwrap();
    assert_eq!(there.set(1, "A".to_owned()), Ok(Some("a".to_owned())));
    assert_eq!(there.set(9, "A".to_owned()), Ok(None));
    assert_eq!(there.slice(1..3), Ok(vec!["A".to_owned(), "b".to_owned()]));
    assert_eq!(there.slice(4..99), Ok(vec!["d".to_owned()]));
    assert_eq!(there.slice(7..9), Ok(vec![]));
    assert_eq!(there.position("c".to_owned()), Ok(Some(3)));
    assert_eq!(there.remove(0), Ok(Some("first".to_owned())));
    assert_eq!(there.pop(), Ok(Some("d".to_owned())));
    assert_eq!(there.len(), Ok(3));
    assert_eq!(there.iter().unwrap().collect::<String>(), "Abc");
    assert_eq!(here.to_vec(), there.take());
    assert_eq!(here.is_empty(), Ok(true));
}

#[test]
fn a_map_a_value_a_counter_and_anything_else_are_used_over_a_line() {
    let manager = Manager::new();
    let line = line();
    let map = manager.map().over(&line);
    assert_eq!(map.insert(1, "one".to_owned()), Ok(None));
    assert_eq!(map.get_or_insert(1, "uno".to_owned()), Ok("one".to_owned()));
    assert_eq!(map.to_map(), Ok(HashMap::from([(1, "one".to_owned())])));
    assert_eq!(map.remove(1), Ok(Some("one".to_owned())));

    let value = manager.value(2.5).over(&line);
    assert_eq!(value.update(|value, factor| *value *= factor, 2.0), Ok(5.0));
    assert_eq!(value.replace(1.0), Ok(5.0));

    let counter = manager.counter(i64::MAX).over(&line);
    assert_eq!(counter.add(1), Ok(i64::MIN));

    // A type that cannot be encoded, and does not have to.
    let channel = manager.manage(mpsc::channel::<u8>()).over(&line);
    channel.call(|(send, _), byte| send.send(byte).unwrap(), 7).unwrap();
    assert_eq!(channel.call(|(_, receive), ()| receive.recv().unwrap(), ()), Ok(7));
}

#[test]
fn a_panic_at_the_owner_is_the_callers_error_and_the_object_goes_on() {
    fn fail(list: &mut Vec<u8>, (): ()) -> u8 {
        list.push(1);
        panic!("no luck with {}", list.len())
    }
    let manager = Manager::new();
    let here = manager.list(Vec::new());
    for list in [here.clone(), here.over(&line())] {
        let error = list.call(fail, ()).unwrap_err();
        assert!(error.is_panicked(), "{error:?}");
        assert!(error.message().contains("no luck"), "{error}");
        assert!(error.message().contains("line_tests.rs"), "{error}");
    }
    assert_eq!(here.to_vec(), Ok(vec![1, 1]), "the list is as the functions left it");
}

#[test]
fn a_function_at_the_owner_cannot_use_managed_objects() {
    fn nested(list: &mut ManagedList<u8>, (): ()) -> Option<ManagerErrorKind> {
        list.len().err().map(|error| error.kind())
    }
    let manager = Manager::new();
    let outer = manager.manage(manager.list(vec![1_u8]));
    for outer in [outer.clone(), outer.over(&line())] {
        assert_eq!(outer.call(nested, ()), Ok(Some(ManagerErrorKind::Nested)));
    }
}

#[test]
fn a_function_for_another_type_of_object_is_refused() {
    let manager = Manager::new();
    let number = manager.counter(1);
    let line = line();
    let id = number.id();
    let bytes = postcard::to_stdvec(&(id.owner, id.object)).unwrap();
    // In this process the type is looked at when the handle is made.
    let wrong: ManagedList<String> = postcard::from_bytes(&bytes).unwrap();
    assert!(wrong.len().unwrap_err().is_closed());
    let error = wrong.over(&line).len().unwrap_err();
    assert_eq!(error.kind(), ManagerErrorKind::Refused, "{error}");
    assert_eq!(number.get(), Ok(1));
}

#[test]
fn when_the_process_of_a_holder_dies_the_next_one_is_told() {
    let manager = Manager::new();
    let lock = manager.lock();
    let other = line();
    let guard = lock.over(&other).lock().unwrap();
    assert!(!guard.predecessor_died());
    assert!(lock.try_lock().unwrap().is_none());
    assert_eq!(lock.holder().unwrap().unwrap().process(), std::process::id());
    let waiter = lock.clone();
    let next = background(move || waiter.lock().unwrap().predecessor_died());
    other.link().break_off();
    assert!(next.recv_timeout(Duration::from_secs(10)).unwrap());
    drop(guard);
    assert!(!lock.lock().unwrap().predecessor_died(), "only the first is told");
}

#[test]
fn a_dead_waiter_gets_no_lock_and_a_dead_holder_no_permits() {
    let manager = Manager::new();
    let (lock, seats) = (manager.lock(), manager.semaphore(2));
    let held = lock.lock().unwrap();
    let other = line();
    let (lock_there, seats_there) = (lock.over(&other), seats.over(&other));
    let permits = [seats_there.acquire().unwrap(), seats_there.acquire().unwrap()];
    let waiter = background(move || lock_there.lock().map(drop));
    other.link().break_off();
    assert_eq!(
        waiter.recv_timeout(Duration::from_secs(10)).unwrap().unwrap_err().kind(),
        ManagerErrorKind::Unreachable
    );
    drop(held);
    let guard = lock.lock().unwrap();
    assert!(!guard.predecessor_died(), "who only waited did not hold it");
    let again = [seats.acquire().unwrap(), seats.acquire().unwrap()];
    assert_eq!(seats.available(), Ok(0));
    drop((permits, again));
    assert_eq!(seats.available(), Ok(2));
}

#[test]
fn an_item_that_a_dead_consumer_had_not_taken_over_goes_to_another() {
    let manager = Manager::new();
    let queue = manager.queue(None);
    // A consumer that is sent items, and never says that they have arrived.
    let other = line();
    let there = queue.over(&other);
    for item in [1, 2, 3] {
        queue.put(item).unwrap();
    }
    let mute: [_; 2] = std::array::from_fn(|_| there.begin_get());
    eventually(|| queue.len() == Ok(1));
    assert_eq!(queue.lost(), Ok(0));
    other.link().break_off();
    eventually(|| queue.len() == Ok(3));
    assert_eq!([queue.get(), queue.get(), queue.get()], [Ok(1), Ok(2), Ok(3)]);
    drop(mute);
}

#[test]
fn a_consumer_that_leaves_gives_its_item_back() {
    let manager = Manager::new();
    let queue = manager.queue(None);
    for handle in [queue.clone(), queue.over(&line())] {
        // It waits, is withdrawn, and the item goes to the next.
        let waiter = handle.clone();
        let (token, thread) = cancellable(move || waiter.get());
        token.cancel();
        assert!(thread.join().unwrap().is_err());
        assert_eq!(handle.get_timeout(Duration::from_millis(1)), Ok(None));
        // The answer is there, and nobody takes it.
        queue.put(1).unwrap();
        queue.put(2).unwrap();
        let pending = handle.begin_get();
        eventually(|| queue.len() == Ok(1));
        drop(pending);
        eventually(|| queue.len() == Ok(2));
        assert_eq!((handle.get(), handle.get()), (Ok(1), Ok(2)));
    }
}

#[test]
fn items_are_done_with_when_it_was_said_or_the_consumer_died() {
    let manager = Manager::new();
    let queue = manager.queue(None);
    let other = line();
    let there = queue.over(&other);
    for item in 0..4 {
        queue.put(item).unwrap();
    }
    assert_eq!((there.get(), there.get(), there.get()), (Ok(0), Ok(1), Ok(2)));
    there.task_done().unwrap();
    assert_eq!(queue.get(), Ok(3));
    queue.task_done().unwrap();
    assert_eq!(queue.join_timeout(Duration::from_millis(1)), Ok(false));
    other.link().break_off();
    queue.join().unwrap();
    assert_eq!(queue.lost(), Ok(2));
    assert_eq!(queue.task_done().unwrap_err().kind(), ManagerErrorKind::TooManyReleased);
}

#[test]
fn a_bounded_queue_makes_producers_wait_and_gives_items_back_that_found_no_room() {
    let manager = Manager::new();
    for handle in {
        let queue = manager.queue(Some(1));
        let second = manager.queue(Some(1)).over(&line());
        [queue, second]
    } {
        handle.put(1).unwrap();
        assert_eq!(handle.try_put(2), Ok(Err(Full(2))));
        assert_eq!(handle.put_timeout(3, Duration::from_millis(1)), Ok(Err(Full(3))));
        let producer = handle.clone();
        let put = background(move || producer.put(4));
        assert_eq!(handle.get(), Ok(1));
        put.recv_timeout(Duration::from_secs(10)).unwrap().unwrap();
        assert_eq!(handle.get(), Ok(4));
        assert_eq!(handle.put_timeout(5, Duration::from_secs(10)), Ok(Ok(())));
        let producer = handle.clone();
        let (token, thread) = cancellable(move || producer.put(6));
        token.cancel();
        assert!(thread.join().unwrap().is_err());
        handle.close().unwrap();
        assert!(handle.put(7).unwrap_err().is_queue_closed());
        assert_eq!(handle.get(), Ok(5), "what is in it comes out");
        assert!(handle.get().unwrap_err().is_queue_closed());
        assert!(handle.try_get().unwrap_err().is_queue_closed());
    }
}

#[test]
fn a_cancelled_waiter_leaves_nothing_behind() {
    let manager = Manager::new();
    for there in [None, Some(line())] {
        let (lock, seats, event) = (manager.lock(), manager.semaphore(1), manager.event());
        let (lock, seats, event) = match &there {
            Some(line) => (lock.over(line), seats.over(line), event.over(line)),
            None => (lock, seats, event),
        };
        let (held, permit) = (lock.lock().unwrap().into_owned(), seats.acquire().unwrap());
        let waits: [Box<dyn FnOnce() -> bool + Send>; 3] = [
            Box::new({
                let lock = lock.clone();
                move || lock.lock().is_ok()
            }),
            Box::new({
                let seats = seats.clone();
                move || seats.acquire().is_ok()
            }),
            Box::new({
                let event = event.clone();
                move || event.wait().is_ok()
            }),
        ];
        for wait in waits {
            let (token, thread) = cancellable(wait);
            token.cancel();
            assert!(thread.join().unwrap().is_err(), "it was cancelled");
        }
        assert!(lock.lock_timeout(Duration::from_millis(1)).unwrap().is_none());
        assert!(seats.acquire_timeout(Duration::from_millis(1)).unwrap().is_none());
        assert_eq!(event.wait_timeout(Duration::from_millis(1)), Ok(false));
        drop((held, permit));
        drop((lock.lock().unwrap(), seats.acquire().unwrap()));
        event.set().unwrap();
        assert_eq!(event.wait_timeout(Duration::from_millis(1)), Ok(true));
    }
}

#[test]
fn a_lock_that_was_granted_to_somebody_who_has_left_is_free() {
    let manager = Manager::new();
    let lock = manager.lock();
    let there = lock.over(&line());
    let pending = there.begin_lock();
    eventually(|| lock.holder().unwrap().is_some());
    drop(pending);
    eventually(|| lock.holder().unwrap().is_none());
    drop(lock.lock().unwrap());
}

#[test]
fn a_barrier_breaks_when_a_participant_leaves() {
    let manager = Manager::new();
    let barrier = manager.barrier(3);
    let other = line();
    let there = barrier.over(&other);
    let waits = [barrier.clone(), there.clone()].map(|barrier| background(move || barrier.wait()));
    let here = barrier.wait();
    let mut all: Vec<usize> = waits.iter().map(|wait| wait.recv().unwrap().unwrap()).collect();
    all.extend(here);
    all.sort_unstable();
    assert_eq!(all, [0, 1, 2]);

    let first = barrier.clone();
    let first = background(move || first.wait());
    assert_eq!(
        there.wait_timeout(Duration::from_millis(1)).unwrap_err().kind(),
        ManagerErrorKind::BrokenBarrier
    );
    assert_eq!(first.recv().unwrap().unwrap_err().kind(), ManagerErrorKind::BrokenBarrier);
    eventually(|| barrier.is_broken() == Ok(true));
    barrier.reset().unwrap();
    let first = barrier.clone();
    let first = background(move || first.wait());
    let dying = background(move || there.wait());
    eventually(|| barrier.waiting() == Ok(2));
    other.link().break_off();
    assert!(dying.recv().unwrap().is_err());
    eventually(|| barrier.is_broken() == Ok(true));
    assert!(first.recv().unwrap().is_err());
}

#[test]
fn permits_that_are_kept_for_good_are_given_back_by_anybody() {
    let manager = Manager::new();
    let seats = manager.semaphore(1);
    let there = seats.over(&line());
    there.acquire().unwrap().forget().unwrap();
    assert!(seats.try_acquire().unwrap().is_none());
    seats.release().unwrap();
    assert_eq!(there.release().unwrap_err().kind(), ManagerErrorKind::TooManyReleased);
    assert_eq!(there.available(), Ok(1));
}

#[test]
fn when_the_manager_is_dropped_nobody_waits_any_longer() {
    let manager = Manager::new();
    let line = line();
    let (lock, queue, event) = (manager.lock(), manager.queue::<u8>(Some(1)), manager.event());
    queue.put(1).unwrap();
    let _held = lock.lock().unwrap();
    let mut waits = Vec::new();
    for (lock, queue, event) in [
        (lock.clone(), queue.clone(), event.clone()),
        (lock.over(&line), queue.over(&line), event.over(&line)),
    ] {
        waits.push(background(move || lock.lock().map(drop)));
        let producer = queue.clone();
        waits.push(background(move || producer.put(2)));
        waits.push(background(move || queue.join()));
        waits.push(background(move || event.wait()));
    }
    drop(manager);
    for wait in waits {
        let error = wait.recv_timeout(Duration::from_secs(10)).unwrap().unwrap_err();
        assert!(error.is_closed(), "{error}");
    }
    assert!(lock.over(&line).try_lock().unwrap_err().is_closed());
    assert!(queue.over(&line).len().unwrap_err().is_closed());
}

#[test]
fn one_object_is_removed_and_the_others_stay() {
    let manager = Manager::new();
    let (first, second) = (manager.counter(1), manager.counter(2));
    assert!(manager.remove(first.id()));
    assert!(!manager.remove(first.id()));
    assert!(!Manager::new().remove(second.id()));
    assert!(first.get().unwrap_err().is_closed());
    assert_eq!((second.get(), manager.len()), (Ok(2), 1));
}

#[test]
fn many_threads_call_over_one_line_at_a_time() {
    let manager = Manager::new();
    let counter = manager.counter(0);
    let there = counter.over(&line());
    let event = manager.event();
    let event_there = event.over(&line());
    let waiting = background(move || event_there.wait());
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..500).for_each(|_| assert!(there.add(1).is_ok())));
        }
    });
    assert_eq!(counter.get(), Ok(4000));
    event.set().unwrap();
    waiting.recv().unwrap().unwrap();
}

#[test]
fn large_values_go_through_both_ways_while_small_ones_do_too() {
    let manager = Manager::new();
    let blobs = manager.list(Vec::<Vec<u8>>::new());
    let counter = manager.counter(0);
    let line = line();
    let (blobs_there, counter_there) = (blobs.over(&line), counter.over(&line));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for size in [1 << 10, 3 << 20, 100, 8 << 20] {
                blobs_there.push(vec![size as u8; size]).unwrap();
                assert_eq!(blobs_there.pop().unwrap().unwrap().len(), size);
            }
        });
        scope.spawn(|| (0..200).for_each(|_| assert!(counter_there.add(1).is_ok())));
    });
    assert_eq!(counter.get(), Ok(200));
}

#[test]
fn bytes_that_nobody_understands_end_only_their_own_line() {
    use std::io::{Read, Write};
    let manager = Manager::new();
    let counter = manager.counter(5);
    let good = counter.over(&line());
    for bytes in [&b"\xff\xff\xff\xff"[..], b"\x01\0\0\0\x63", b"\x03\0\0\0\x01\x01\0"] {
        let (mut hostile, serving) = UnixStream::pair().unwrap();
        serve(0, serving).unwrap();
        hostile.write_all(bytes).unwrap();
        let mut rest = Vec::new();
        hostile.read_to_end(&mut rest).unwrap();
        assert!(rest.is_empty());
        assert_eq!(good.get(), Ok(5));
    }
}

#[test]
fn whatever_a_process_sends_its_requests_harm_nobody_else() {
    use super::object::this_process;
    use super::protocol::frame::{Request, RequestId, Target, TooLarge, Verb, push_request};
    use super::protocol::function::function_of;
    use std::io::{Read, Write};

    let manager = Manager::new();
    let (victim, queue) = (manager.queue::<u32>(Some(2)), manager.queue::<u32>(None));
    let good = queue.over(&line());
    let function = function_of::<QueueState<u32>, u32, (), _>(QueueState::put).offset().unwrap();
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        // An additive sequence, mixed: the same numbers in every run.
        seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed ^ (mixed >> 27)
    };
    for _ in 0..300 {
        let (mut hostile, serving) = UnixStream::pair().unwrap();
        serve(0, serving).unwrap();
        let mut bytes = Vec::new();
        for _ in 0..20 {
            let near = |right: u64, random: u64| match random % 4 {
                0 => right ^ (1 << ((random >> 32) % 64)),
                1 => right.wrapping_add((random >> 32) % 512).wrapping_sub(256),
                _ => right,
            };
            let target = Target {
                owner: near(this_process(), random()),
                // Never another one that there is.
                object: victim.id().object ^ (u64::from(random() % 4 == 0) << 40),
            };
            let id = RequestId { session: random() % 3, request: random() % 5 };
            let verb = match random() % 4 {
                0 => Verb::Withdraw,
                1 => Verb::Accept,
                _ => Verb::Call {
                    function: near(function, random()),
                    wants_answer: random() % 2 == 0,
                },
            };
            push_request::<TooLarge>(&mut bytes, &Request { id, target, verb }, |out| {
                out.extend((0..random() % 4).map(|_| random() as u8));
                Ok(protocol::frame::Fds::new())
            })
            .unwrap();
        }
        hostile.write_all(&bytes).unwrap();
        // Everything was served, or the line was ended: then the rest cannot be read.
        hostile.shutdown(std::net::Shutdown::Write).unwrap();
        let _reset = hostile.read_to_end(&mut Vec::new());
        good.put(7).unwrap();
        assert_eq!(queue.get(), Ok(7));
    }
    // Even where somebody may have closed it, which is a request like any other.
    let _items_or_closed = victim.over(&line()).try_get();
}

#[tokio::test]
async fn async_code_waits_without_blocking_its_thread() {
    let manager = Manager::new();
    let queue = manager.queue(None);
    let (here, there) = (queue.clone(), queue.over(&line()));
    // Both wait on the one thread of this runtime while the items are put in.
    let (first, second, ()) = tokio::join!(here.get_async(), there.get_async(), async {
        tokio::task::yield_now().await;
        queue.put_async(1).await.unwrap();
        queue.put_async(1).await.unwrap();
    });
    assert_eq!((first, second), (Ok(1), Ok(1)));
    let lock = manager.lock().over(&line());
    let guard = lock.lock_async().await.unwrap();
    let waiting = tokio::time::timeout(Duration::from_millis(5), lock.lock_async()).await;
    assert!(waiting.is_err());
    drop(guard);
    drop(lock.lock_async().await.unwrap());
}
