//! Threads that do one piece of work after the other, as one thread would; but a piece that takes long
//! holds up nothing: another thread goes on with the next.
//!
//! One thread stands by while another works. If the piece that was begun last has not ended after a
//! while, the one that stands by takes the next, and if more come then, a third stands by. So there are
//! as many threads as pieces that take long, and two.

use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use std::time::{Duration, Instant};

use manyhands_executor::contain_panic;

/// After this a piece of work takes long.
const PATIENCE: Duration = Duration::from_millis(2);

/// How long a thread stays that has nothing to do.
const IDLE: Duration = Duration::from_secs(10);

thread_local! {
    /// The crew that this thread belongs to. Compared, and never followed.
    static CREW: Cell<*const ()> = const { Cell::new(std::ptr::null()) };
}

/// The threads, and the work that waits for them. Cheap to clone; all clones are one.
pub(super) struct Crew<T> {
    hall: Arc<Hall<T>>,
}

struct Hall<T> {
    name: String,
    work: Box<dyn Fn(T) + Send + Sync>,
    state: Mutex<State<T>>,
    /// There is something new for one that stands by.
    news: Condvar,
    /// A thread has ended.
    left: Condvar,
}

struct State<T> {
    queue: VecDeque<T>,
    /// The pieces that are being worked at, and since when.
    begun: Vec<(u64, Instant)>,
    next: u64,
    threads: usize,
    /// Whether one of those who stand by watches the clock.
    watched: bool,
    closed: bool,
}

impl<T: Send + 'static> Crew<T> {
    /// Threads with this name, that do this with each piece. There are none before there is work.
    pub(super) fn new(name: &str, work: impl Fn(T) + Send + Sync + 'static) -> Crew<T> {
        let state = State {
            queue: VecDeque::new(),
            begun: Vec::new(),
            next: 0,
            threads: 0,
            watched: false,
            closed: false,
        };
        let hall = Hall {
            name: name.replace('\0', ""),
            work: Box::new(work),
            state: Mutex::new(state),
            news: Condvar::new(),
            left: Condvar::new(),
        };
        Crew { hall: Arc::new(hall) }
    }

    /// Hands over a piece of work, or gives it back if there is no thread for it: the system grants
    /// none, or the crew has [finished](Self::finish).
    pub(super) fn hand_over(&self, piece: T) -> Result<(), T> {
        let mut state = self.hall.lock();
        if state.closed || (state.idle() == 0 && !self.hire(&mut state) && state.threads == 0) {
            return Err(piece);
        }
        state.queue.push_back(piece);
        // Who watches the clock looks by himself when it is time.
        if state.begun.is_empty() || !state.watched {
            self.hall.news.notify_one();
        }
        Ok(())
    }

    /// Waits until all work is done and all threads have ended; takes no more.
    pub(super) fn finish(&self) {
        let mut state = self.hall.lock();
        state.closed = true;
        self.hall.news.notify_all();
        while state.threads > 0 {
            state = self.hall.left.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Whether this thread is one of the crew.
    pub(super) fn is_here(&self) -> bool {
        CREW.try_with(|crew| std::ptr::eq(crew.get(), self.hall.id())).unwrap_or(false)
    }

    /// One thread more; false if the system grants none.
    fn hire(&self, state: &mut State<T>) -> bool {
        let crew = Crew { hall: Arc::clone(&self.hall) };
        let started = Builder::new().name(self.hall.name.clone()).spawn(move || crew.live());
        state.threads += usize::from(started.is_ok());
        started.is_ok()
    }

    /// What each thread does.
    fn live(&self) {
        CREW.set(self.hall.id());
        let mut state = self.hall.lock();
        loop {
            let (locked, next) = self.next(state);
            state = locked;
            let Some((number, piece)) = next else { break };
            if !state.queue.is_empty() && !state.watched {
                // If there is nobody to hire, what is queued waits for those who are there.
                match state.idle() {
                    0 => drop(self.hire(&mut state)),
                    _ => self.hall.news.notify_one(),
                }
            }
            drop(state);
            contain_panic(|| (self.hall.work)(piece));
            state = self.hall.lock();
            state.begun.retain(|(other, _)| *other != number);
        }
        state.threads -= 1;
        self.hall.left.notify_all();
    }

    /// The next piece of work; `None` if there is no more for this thread.
    fn next<'a>(&'a self, mut state: Locked<'a, T>) -> (Locked<'a, T>, Option<(u64, T)>) {
        loop {
            let now = Instant::now();
            let latest = state.begun.iter().map(|(_, at)| *at).max();
            let pause = latest.map_or(Duration::ZERO, |at| (at + PATIENCE).duration_since(now));
            if pause.is_zero()
                && let Some(piece) = state.queue.pop_front()
            {
                let number = state.next;
                state.next += 1;
                state.begun.push((number, now));
                return (state, Some((number, piece)));
            }
            let nothing = state.queue.is_empty();
            if nothing && state.closed {
                return (state, None);
            }
            let watches = !nothing && !state.watched;
            state.watched |= watches;
            let limit = if watches { pause } else { IDLE };
            let waited = self.hall.news.wait_timeout(state, limit);
            let (locked, end) = waited.unwrap_or_else(PoisonError::into_inner);
            state = locked;
            if watches {
                state.watched = false;
            } else if end.timed_out() && state.queue.is_empty() {
                return (state, None);
            }
        }
    }
}

type Locked<'a, T> = MutexGuard<'a, State<T>>;

impl<T> State<T> {
    /// How many threads have no work, or are about to look for some.
    fn idle(&self) -> usize {
        self.threads - self.begun.len()
    }
}

impl<T> Clone for Crew<T> {
    fn clone(&self) -> Crew<T> {
        Crew { hall: Arc::clone(&self.hall) }
    }
}

impl<T> Hall<T> {
    fn id(&self) -> *const () {
        std::ptr::from_ref(self).cast()
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn pieces_that_take_long_hold_up_nothing() {
        let (sender, done) = channel();
        // Each waits for the one after it.
        let gates: Arc<Vec<std::sync::Barrier>> =
            Arc::new((0..=20).map(|_| std::sync::Barrier::new(2)).collect());
        let crew = Crew::new("test", move |n: usize| {
            if n > 0 {
                gates[n].wait();
            }
            if n < 20 {
                gates[n + 1].wait();
            }
            sender.send(n).unwrap();
        });
        for n in 0..=20 {
            crew.hand_over(n).unwrap();
        }
        for _ in 0..=20 {
            done.recv_timeout(LONG).unwrap();
        }
        crew.finish();
        assert_eq!(crew.hand_over(21), Err(21), "it takes no more");
    }

    #[test]
    fn short_pieces_are_all_done_by_few_threads() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let note = Arc::clone(&seen);
        let crew = Crew::new("test", move |n: usize| note.lock().unwrap().push(n));
        assert!(!crew.is_here());
        for n in 0..10_000 {
            crew.hand_over(n).unwrap();
        }
        let threads = crew.hall.lock().threads;
        crew.finish();
        // In their order, but for those that take long where the machine is busy elsewhere.
        let mut all = seen.lock().unwrap().clone();
        all.sort_unstable();
        assert!(all.into_iter().eq(0..10_000));
        assert!(threads <= 50, "{threads} threads for work that none of it waits for");
    }

    #[test]
    fn a_piece_may_hand_over_more_and_a_panic_is_no_end() {
        let (sender, done) = channel();
        let slot: Arc<Mutex<Option<Crew<usize>>>> = Arc::default();
        let own = Arc::clone(&slot);
        let crew = Crew::new("test", move |n: usize| {
            let crew = own.lock().unwrap().clone().unwrap();
            assert!(crew.is_here());
            if n > 0 {
                crew.hand_over(n - 1).unwrap();
            }
            sender.send(n).unwrap();
            assert!(n.is_multiple_of(2), "this panic is part of the test");
        });
        *slot.lock().unwrap() = Some(crew.clone());
        crew.hand_over(5).unwrap();
        let mut all: Vec<usize> = (0..6).map(|_| done.recv_timeout(LONG).unwrap()).collect();
        all.sort_unstable();
        assert_eq!(all, [0, 1, 2, 3, 4, 5]);
        crew.finish();
    }
}
