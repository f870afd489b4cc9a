//! `map` over an executor: a lazy, bounded, ordered or unordered stream of results.
//!
//! Inputs are grouped into chunks, each one job. A chunk aims at a fixed time, not a fixed count:
//! its size follows what the chunks before it took. The window bounds how many inputs have been
//! taken whose results have not been yielded, so memory is bounded and an endless input works.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::iter::Fuse;
use std::sync::Arc;
use std::time::{Duration, Instant};

use manyhands_wait::{Deadlock, Reason, WaitError};

use crate::chunk::{Chunk, Results};
use crate::completions::Completions;
use crate::error::{TaskError, TaskErrorKind};
use crate::home;
use crate::task::{Task, TaskHandle};
use crate::tasks_edge::{Needs, TasksEdge};

static NEXT_RESULT: Reason = Reason::new("next result of a map");

/// What a chunk's computing should take: long against the cost of handing it over (about 2 µs),
/// short against what a person or a deadline notices.
const CHUNK_TARGET: Duration = Duration::from_micros(250);
const CHUNK_MAX: usize = 8192;
/// Chunks per worker in the window: one that runs, one that waits, and slack for the reader.
const CHUNKS_PER_WORKER: usize = 4;
/// Bound of the automatic window, in inputs.
const WINDOW_MAX: usize = 64 * 1024;

/// Submits the calls for a chunk of inputs as one task.
pub(crate) type SubmitChunk<'e, A, R> = Box<dyn FnMut(Vec<A>) -> Task<Chunk<R>> + 'e>;

impl MapOptions {
    /// Before how many calls of a chunk a cancellation is looked for. A chunk of automatic size is
    /// over in a fraction of a millisecond; one of fixed size may be long.
    pub(crate) fn check_every(&self) -> usize {
        if self.chunk.is_some() { 1 } else { 256 }
    }
}

/// How a `map` goes about it.
#[derive(Debug, Clone, Default)]
pub struct MapOptions {
    unordered: bool,
    window: Option<usize>,
    chunk: Option<usize>,
    timeout: Option<Duration>,
}

impl MapOptions {
    /// Results in the order of the inputs, automatic window and chunks, no timeout.
    pub fn new() -> MapOptions {
        MapOptions::default()
    }

    /// Yields results in the order in which they come.
    pub fn unordered(mut self) -> MapOptions {
        self.unordered = true;
        self
    }

    /// How many inputs may be taken ahead of the results that were yielded. Just as many are taken
    /// when the map is made. Default: a few chunks per worker, at most 65,536 inputs.
    ///
    /// # Panics
    /// If `inputs` is 0.
    #[doc(alias = "buffersize")]
    pub fn window(mut self, inputs: usize) -> MapOptions {
        assert!(inputs > 0, "the window of a map must be at least 1");
        self.window = Some(inputs);
        self
    }

    /// How many inputs make a job. Default: as many as take about 250 µs.
    ///
    /// # Panics
    /// If `inputs` is 0.
    #[doc(alias = "chunksize")]
    pub fn chunk(mut self, inputs: usize) -> MapOptions {
        assert!(inputs > 0, "the chunk of a map must be at least 1");
        self.chunk = Some(inputs);
        self
    }

    /// How long the whole map may take, from now. When that is over, results that are there are
    /// still yielded, then one error of kind `TimedOut`, then nothing; what is left is cancelled.
    pub fn timeout(mut self, limit: Duration) -> MapOptions {
        self.timeout = Some(limit);
        self
    }
}

/// The results of a `map`: an iterator that waits.
///
/// The first inputs are taken and their calls submitted when the map is made, further ones as
/// results are yielded. A failed call is an error in its place; the iteration goes on after it.
/// Dropping the map cancels what is left: calls that have not begun never do, running ones are
/// asked to end.
///
/// Iterate from threads or coroutines. If the next result can never come, because its call waits for
/// this very reader or for others who do, the map ends with one error of the kind
/// [`Deadlock`](TaskErrorKind::Deadlock), like one whose time is over.
#[must_use = "results that are never read hide their errors; use `for_each`"]
pub struct Map<'e, I: IntoIterator, R> {
    inputs: Fuse<I::IntoIter>,
    submit: SubmitChunk<'e, I::Item, R>,
    current: Results<R>,
    pending: Pending<R>,
    /// Inputs in `pending`.
    in_flight: usize,
    sizes: Sizes,
    until: Option<Instant>,
    over: bool,
}

impl<'e, I: IntoIterator, R: Send + 'static> Map<'e, I, R> {
    pub(crate) fn new(
        options: MapOptions,
        parallelism: usize,
        inputs: I,
        submit: SubmitChunk<'e, I::Item, R>,
    ) -> Map<'e, I, R> {
        let mut map = Map {
            inputs: inputs.into_iter().fuse(),
            submit,
            current: Results::none(),
            pending: Pending::new(options.unordered),
            in_flight: 0,
            sizes: Sizes::new(&options, parallelism),
            until: options.timeout.and_then(|limit| Instant::now().checked_add(limit)),
            over: false,
        };
        map.refill();
        map
    }

    /// All values, in the order in which the map yields them. The same as collecting into a
    /// `Result<Vec<R>, TaskError>`, but chunks are moved as a whole: for calls of nanoseconds that
    /// is what counts.
    ///
    /// # Errors
    /// The first error; calls that have not begun are cancelled then.
    #[track_caller]
    pub fn collect_vec(mut self) -> Result<Vec<R>, TaskError> {
        let mut all = Vec::with_capacity(self.size_hint().0);
        loop {
            std::mem::replace(&mut self.current, Results::none()).append_to(&mut all)?;
            if !self.advance() {
                return Ok(all);
            }
        }
    }

    /// Takes inputs until the window is full.
    fn refill(&mut self) {
        loop {
            let room = self.sizes.window().saturating_sub(self.in_flight);
            let size = self.sizes.chunk(self.inputs.size_hint()).min(room);
            if size == 0 {
                return;
            }
            let chunk: Vec<I::Item> = self.inputs.by_ref().take(size).collect();
            if chunk.is_empty() {
                return;
            }
            let length = chunk.len();
            self.in_flight += length;
            self.pending.push(Piece { task: (self.submit)(chunk), length });
        }
    }

    /// Fetches the next chunk of results into `current`. `false` at the end.
    #[cold]
    #[track_caller]
    fn advance(&mut self) -> bool {
        if self.over {
            return false;
        }
        self.refill();
        let piece = match self.pending.next(self.until) {
            Next::Piece(piece) => piece,
            Next::Nothing => {
                self.over = true;
                return false;
            }
            Next::TimedOut => {
                let due = self.in_flight;
                self.stop();
                let message = format!("the map timed out; {due} calls had not finished");
                let error = TaskError::new(TaskErrorKind::TimedOut, message);
                self.current = Results::all_failed(1, &error);
                return true;
            }
            Next::Deadlock(deadlock) => {
                self.stop();
                self.current = Results::all_failed(1, &TaskError::from(deadlock));
                return true;
            }
        };
        self.in_flight -= piece.length;
        self.current = match piece.task.result() {
            Ok(chunk) => {
                self.sizes.learn(chunk.results.len(), chunk.took);
                chunk.results
            }
            // The piece as a whole failed (rejected, lost, cancelled): so did each of its calls.
            Err(error) => Results::all_failed(piece.length, &error),
        };
        true
    }

    fn stop(&mut self) {
        self.over = true;
        self.pending.cancel();
    }
}

impl<I: IntoIterator, R: Send + 'static> Iterator for Map<'_, I, R> {
    type Item = Result<R, TaskError>;

    #[inline]
    #[track_caller]
    fn next(&mut self) -> Option<Result<R, TaskError>> {
        loop {
            if let Some(item) = self.current.next() {
                return Some(item);
            }
            if !self.advance() {
                return None;
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        if self.over {
            return self.current.size_hint();
        }
        let taken = self.current.len() + self.in_flight;
        let (low, high) = self.inputs.size_hint();
        // A timeout may cut it short, and adds one error.
        let low = if self.until.is_some() { self.current.len() } else { low.saturating_add(taken) };
        (low, high.and_then(|high| high.checked_add(taken)?.checked_add(1)))
    }

    fn fold<B, F>(mut self, init: B, mut f: F) -> B
    where
        F: FnMut(B, Self::Item) -> B,
    {
        let mut folded = init;
        loop {
            let chunk = std::mem::replace(&mut self.current, Results::none());
            folded = chunk.fold(folded, &mut f);
            if !self.advance() {
                return folded;
            }
        }
    }
}

impl<I: IntoIterator, R> Drop for Map<'_, I, R> {
    fn drop(&mut self) {
        self.pending.cancel();
    }
}

impl<I: IntoIterator, R> fmt::Debug for Map<'_, I, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Map")
            .field("ready", &self.current.len())
            .field("in_flight", &self.in_flight)
            .field("sizes", &self.sizes)
            .finish_non_exhaustive()
    }
}

/// A submitted chunk.
struct Piece<R> {
    task: Task<Chunk<R>>,
    length: usize,
}

/// Chunks under way, in the order in which they will be read.
enum Pending<R> {
    Ordered(VecDeque<Piece<R>>),
    Unordered {
        pieces: HashMap<usize, Piece<R>>,
        /// Of the same pieces, without their types: what the wait-for graph looks at.
        handles: HashMap<usize, TaskHandle>,
        next_key: usize,
        ended: Arc<Completions>,
    },
}

enum Next<R> {
    Piece(Piece<R>),
    Nothing,
    TimedOut,
    Deadlock(Deadlock),
}

impl<R> Pending<R> {
    fn new(unordered: bool) -> Pending<R> {
        if unordered {
            let ended = Arc::new(Completions::new());
            let (pieces, handles) = (HashMap::new(), HashMap::new());
            Pending::Unordered { pieces, handles, next_key: 0, ended }
        } else {
            Pending::Ordered(VecDeque::new())
        }
    }

    fn push(&mut self, piece: Piece<R>)
    where
        R: 'static,
    {
        match self {
            Pending::Ordered(pieces) => pieces.push_back(piece),
            Pending::Unordered { pieces, handles, next_key, ended } => {
                let key = *next_key;
                *next_key += 1;
                let handle = piece.task.handle();
                handle.header().add_queue(ended, key);
                handles.insert(key, handle);
                pieces.insert(key, piece);
            }
        }
    }

    /// Waits for the next chunk to have ended.
    #[track_caller]
    fn next(&mut self, until: Option<Instant>) -> Next<R>
    where
        R: 'static,
    {
        match self {
            Pending::Ordered(pieces) => {
                let Some(piece) = pieces.front() else { return Next::Nothing };
                let in_time = match until {
                    None => {
                        if home::is_worker() {
                            home::help_own(&piece.task.handle());
                        }
                        if let Err(deadlock) = piece.task.wait_checked() {
                            return Next::Deadlock(deadlock);
                        }
                        true
                    }
                    Some(_) if piece.task.outcome().is_some() => true,
                    Some(at) => {
                        let left = at.saturating_duration_since(Instant::now());
                        piece.task.wait_timeout(left).is_ok()
                    }
                };
                if in_time {
                    pieces.pop_front().map_or(Next::Nothing, Next::Piece)
                } else {
                    Next::TimedOut
                }
            }
            Pending::Unordered { pieces, handles, ended, .. } => {
                if pieces.is_empty() {
                    return Next::Nothing;
                }
                let key = match ended.try_pop() {
                    Some(key) => Ok(key),
                    None => {
                        if until.is_none() && home::is_worker() {
                            let mut pieces = pieces.values();
                            let _helped = pieces.any(|piece| home::help_own(&piece.task.handle()));
                        }
                        let (handles, needs) = (handles.values(), Needs::Any);
                        let edge = TasksEdge { handles, ended, needs, reason: &NEXT_RESULT };
                        ended.pop(&NEXT_RESULT, &edge, until)
                    }
                };
                match key {
                    Ok(key) => {
                        handles.remove(&key);
                        pieces.remove(&key).map_or(Next::Nothing, Next::Piece)
                    }
                    Err(WaitError::Deadlock(deadlock)) => Next::Deadlock(deadlock),
                    Err(_time_is_over) => Next::TimedOut,
                }
            }
        }
    }

    fn cancel(&mut self) {
        // In reverse, so that none of the later ones starts in place of an earlier one.
        match self {
            Pending::Ordered(pieces) => {
                for piece in pieces.drain(..).rev() {
                    piece.task.cancel();
                }
            }
            Pending::Unordered { pieces, handles, .. } => {
                handles.clear();
                for (_, piece) in pieces.drain() {
                    piece.task.cancel();
                }
            }
        }
    }
}

/// Sizes of chunks and of the window.
#[derive(Debug)]
struct Sizes {
    parallelism: usize,
    fixed_window: Option<usize>,
    fixed_chunk: Option<usize>,
    /// The automatic chunk size.
    chunk: usize,
}

impl Sizes {
    fn new(options: &MapOptions, parallelism: usize) -> Sizes {
        Sizes {
            parallelism: parallelism.max(1),
            fixed_window: options.window,
            fixed_chunk: options.chunk,
            chunk: 1,
        }
    }

    fn window(&self) -> usize {
        let chunk = self.fixed_chunk.unwrap_or(self.chunk);
        let automatic = chunk.saturating_mul(self.chunks_in_window());
        self.fixed_window.unwrap_or(automatic)
    }

    /// The size of the next chunk, given how many inputs may be left.
    fn chunk(&self, left: (usize, Option<usize>)) -> usize {
        if let Some(chunk) = self.fixed_chunk {
            return chunk;
        }
        let mut size = self.chunk;
        if let Some(window) = self.fixed_window {
            size = size.min(window / self.chunks_in_window());
        }
        if left.1 == Some(left.0) {
            // Towards the end, so that all workers end together.
            size = size.min(left.0 / (2 * self.parallelism));
        }
        size.max(1)
    }

    fn chunks_in_window(&self) -> usize {
        self.parallelism.saturating_mul(CHUNKS_PER_WORKER)
    }

    /// Adapts to what a chunk of `length` calls took.
    fn learn(&mut self, length: usize, took: Duration) {
        if length == 0 {
            return;
        }
        let each = (took.as_nanos() / length as u128).max(1);
        let ideal = usize::try_from(CHUNK_TARGET.as_nanos() / each).unwrap_or(CHUNK_MAX);
        // Upwards in steps, because the first calls may be unlike the rest; downwards at once.
        let most = (WINDOW_MAX / self.chunks_in_window()).clamp(1, CHUNK_MAX);
        self.chunk = ideal.clamp(1, self.chunk.saturating_mul(4)).min(most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(parallelism: usize) -> Sizes {
        Sizes::new(&MapOptions::new(), parallelism)
    }

    #[test]
    fn chunks_aim_at_a_time() {
        let mut sizes = sizes(2);
        assert_eq!(sizes.chunk((9, None)), 1);
        for _ in 0..10 {
            let length = sizes.chunk((0, None));
            sizes.learn(length, Duration::from_micros(10) * length as u32);
        }
        assert_eq!(sizes.chunk((0, None)), 25);
        sizes.learn(25, Duration::from_secs(25));
        assert_eq!(sizes.chunk((0, None)), 1);
    }

    #[test]
    fn windows_are_bounded() {
        let mut sizes = sizes(200);
        for _ in 0..20 {
            let length = sizes.chunk((0, None));
            sizes.learn(length, Duration::from_nanos(length as u64));
        }
        assert!(sizes.window() <= WINDOW_MAX, "{sizes:?}");
        assert!(sizes.chunk((0, None)) > 1, "{sizes:?}");
    }

    #[test]
    fn the_end_is_shared_out() {
        let mut sizes = sizes(2);
        sizes.chunk = 4096;
        assert_eq!(sizes.chunk((40, Some(40))), 10);
        assert_eq!(sizes.chunk((1, Some(1))), 1);
    }
}
