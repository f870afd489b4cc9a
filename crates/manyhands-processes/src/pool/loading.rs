//! A task whose large argument is being copied for a worker: by whoever sends it, outside of the pool's
//! lock. Meanwhile nobody else has the task; the worker keeps a place for it.

use super::flight::Flight;
use super::freight::Packing;

/// A task that has a place at a worker, and whose argument is to be copied.
#[derive(Debug)]
pub(super) struct Loading {
    pub(super) seat: usize,
    pub(super) flight: Flight,
    pub(super) packing: Packing,
}

/// A task whose argument was copied for a worker, which is to be told.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) seat: usize,
    pub(super) flight: Flight,
}

impl Loading {
    /// Copies the argument.
    pub(super) fn fill(self) -> Loaded {
        let Loading { seat, mut flight, packing } = self;
        flight.pack(packing);
        Loaded { seat, flight }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;
    use std::sync::{Arc, Mutex};

    use manyhands_executor::{Executor, ExecutorExt, Job, Rejected, Shutdown, Task};

    use super::*;
    use crate::memory::attachments::Travel;
    use crate::memory::segment::Buffers;
    use crate::pool::batch::Batch;
    use crate::pool::channel::{Channel, Request, RequestKind};
    use crate::pool::floor::Floor;
    use crate::pool::seat::{Seat, Stage};

    #[derive(Default)]
    struct Keep(Mutex<Option<Job>>);

    impl Executor for Keep {
        fn execute(&self, job: Job) -> Result<(), Rejected> {
            *self.0.lock().unwrap() = Some(job);
            Ok(())
        }

        fn parallelism(&self) -> usize {
            1
        }

        fn shutdown(&self, _: Shutdown) {}
    }

    fn length_of(text: String) -> usize {
        text.len()
    }

    fn flight_of(length: usize) -> (Task<usize>, Flight) {
        let keep = Keep::default();
        let task = keep.submit(length_of, "x".repeat(length));
        let job = keep.0.into_inner().unwrap().unwrap();
        let mut travel = Travel::new();
        let dispatched = job.dispatch_with(&mut travel).unwrap();
        (task, Flight::of(dispatched, travel.outgoing).unwrap())
    }

    /// A floor with one worker that takes two tasks at a time; the worker's side of its memory, and of
    /// its socket.
    fn floor() -> (Floor, Channel, UnixStream) {
        let (channel, _) = Channel::create().unwrap();
        let (here, there) = UnixStream::pair().unwrap();
        let mut floor = Floor::new(Some(2), None);
        let mut seat = Seat::new(7, channel.clone(), Buffers::new());
        seat.stage = Stage::Open;
        seat.control = Some(Arc::new(here));
        floor.seats.push(seat);
        (floor, channel, there)
    }

    fn next_kind(channel: &Channel) -> Option<RequestKind> {
        let mut requests = channel.request_consumer();
        Request::read(&mut requests, &mut Vec::new()).unwrap().map(|request| request.kind)
    }

    #[test]
    fn a_large_argument_is_copied_when_the_floor_is_free_and_others_pass() {
        let (mut floor, channel, _socket) = floor();
        let mut batch = Batch::default();
        let ((_large, large), (_small, small)) = (flight_of(1 << 20), flight_of(10));
        assert!(floor.place(large, &mut batch).is_none());
        floor.flush();
        assert_eq!((floor.vacancies(), batch.loading.len()), (1, 1), "its place is kept");
        assert_eq!(next_kind(&channel), None, "nothing was sent");
        assert!(floor.place(small, &mut batch).is_none());
        floor.flush();
        assert_eq!(next_kind(&channel), Some(RequestKind::Call), "a small one overtakes it");
        let loaded = batch.loading.pop_front().unwrap().fill();
        floor.load(loaded, &mut batch);
        floor.flush();
        assert_eq!((floor.seats[0].live(), floor.vacancies()), (2, 0));
        assert_eq!(next_kind(&channel), Some(RequestKind::Laden));
    }

    #[test]
    fn what_was_copied_for_a_worker_that_takes_none_any_more_comes_first_for_the_others() {
        let (mut floor, _channel, _socket) = floor();
        let mut batch = Batch::default();
        for leaves in [true, false] {
            let (_task, flight) = flight_of(1 << 20);
            floor.seats[0].stage = Stage::Open;
            assert!(floor.place(flight, &mut batch).is_none());
            let loaded = batch.loading.pop_front().unwrap().fill();
            match leaves {
                true => floor.seats[0].stage = Stage::Leaving,
                false => drop(floor.seats.pop()),
            }
            floor.load(loaded, &mut batch);
            let flight = floor.ready.pop_front().unwrap();
            assert!(flight.packed().is_none() && flight.is_freight());
        }
    }

    #[test]
    fn a_task_that_is_cancelled_while_its_argument_is_copied_ends() {
        let (mut floor, _channel, _socket) = floor();
        let mut batch = Batch::default();
        let (task, flight) = flight_of(1 << 20);
        assert!(floor.place(flight, &mut batch).is_none());
        let loaded = batch.loading.pop_front().unwrap().fill();
        task.cancel();
        floor.load(loaded, &mut batch);
        assert_eq!((floor.seats[0].live(), batch.ended.len()), (0, 1));
        assert_eq!(floor.vacancies(), 2);
    }
}
