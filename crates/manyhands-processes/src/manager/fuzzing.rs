//! The service of managed objects with anything asked of it, for fuzzers.

use std::hint;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::OnceLock;

use super::link::{Link, Socket};
use super::protocol::frame::{self, FDS, Fds, Request, RequestId, Target, TooLarge, Verb};
use super::protocol::function::Function;
use super::serving::{Serving, Turn};
use super::{
    ManagedBarrier, ManagedCounter, ManagedEvent, ManagedList, ManagedLock, ManagedMap,
    ManagedQueue, ManagedSemaphore, ManagedValue, Manager, ManagerError, object,
};
use crate::image::Executable;

/// Requests made of these bytes, on a line to a manager that has one object of each kind.
///
/// Each step is a byte that says what it is, and what it needs: a call of a function that there is, of
/// one that there is not, a call with descriptors that do not come, a withdrawal, an acceptance, the end of
/// a session, or bytes as they are.
pub fn manager_requests(mut steps: &[u8]) {
    let manager = Manager::new();
    let (objects, _handles) = one_of_each(&manager);
    let Ok((mut theirs, ours)) = UnixStream::pair() else { return };
    let serving = Serving::new(0, Link::new(Socket::Owned(ours)));
    if theirs.set_nonblocking(true).is_err() {
        return;
    }
    while let Some((step, rest)) = steps.split_first() {
        steps = rest;
        let said = say(*step, &mut steps, &objects);
        if theirs.write_all(&said).is_err() {
            break;
        }
        while serving.turn() == Turn::Served {}
        if serving.link().is_broken() {
            break;
        }
        take_answers(&mut theirs);
    }
    drop(theirs);
    while serving.turn() == Turn::Served {}
    serving.gone();
    assert_eq!(manager.len(), objects.len(), "nobody at the other end ends an object");
}

/// The frame of one step.
fn say(step: u8, steps: &mut &[u8], objects: &[u64]) -> Vec<u8> {
    let mut said = Vec::new();
    let kind = step % 8;
    if kind == 7 {
        said.extend_from_slice(take(steps));
        return said;
    }
    let [session, request, chosen, function, other] = std::array::from_fn(|_| byte(steps));
    if kind == 6 {
        frame::push_gone(&mut said, u64::from(session));
        return said;
    }
    let functions = functions();
    let offset = match kind {
        5 => functions[0].wrapping_add(u64::from(function)).wrapping_add(u64::from(other) << 8),
        _ => functions[(usize::from(function) + usize::from(other) * 256) % functions.len()],
    };
    let verb = match kind {
        3 => Verb::Withdraw,
        4 => Verb::Accept,
        _ => Verb::Call { function: offset, wants_answer: kind != 1 },
    };
    let owner = if chosen == u8::MAX { 1 } else { object::this_process() };
    let object = objects.get(usize::from(chosen) % (objects.len() + 1)).copied().unwrap_or(0);
    let id = RequestId { session: u64::from(session % 4), request: u64::from(request) };
    let request = Request { id, target: Target { owner, object }, verb };
    let payload = take(steps);
    let pushed: Result<Fds, TooLarge> = frame::push_request(&mut said, &request, |out| {
        out.extend_from_slice(payload);
        Ok(Fds::new())
    });
    assert!(pushed.is_ok(), "a payload of {} bytes fits", payload.len());
    if kind == 2 {
        said[FDS] = other;
    }
    said
}

/// Up to 255 bytes.
fn take<'a>(steps: &mut &'a [u8]) -> &'a [u8] {
    let length = usize::from(byte(steps));
    let (taken, rest) = steps.split_at(length.min(steps.len()));
    *steps = rest;
    taken
}

fn byte(steps: &mut &[u8]) -> u8 {
    let Some((first, rest)) = steps.split_first() else { return 0 };
    *steps = rest;
    *first
}

/// Answers are frames, too.
fn take_answers(line: &mut UnixStream) {
    let mut answers = Vec::new();
    match line.read_to_end(&mut answers) {
        Err(error) if error.kind() != ErrorKind::WouldBlock => return,
        Ok(_) | Err(_) => {}
    }
    let mut rest = &answers[..];
    while let Ok(Some((_, length))) = frame::split(rest) {
        rest = &rest[length..];
    }
    assert!(rest.is_empty(), "half an answer, or none: {rest:?}");
}

/// One object of each kind.
fn one_of_each(manager: &Manager) -> (Vec<u64>, Handles) {
    let handles = Handles {
        list: manager.list(vec![1, 2]),
        map: manager.map(),
        counter: manager.counter(0),
        value: manager.value("text".to_owned()),
        lock: manager.lock(),
        semaphore: manager.semaphore(1),
        event: manager.event(),
        barrier: manager.barrier(2),
        queue: manager.queue(Some(2)),
        unbounded: manager.queue(None),
    };
    if hint::black_box(false) {
        handles.use_all().expect("nobody comes here");
    }
    let ids = [
        handles.list.id(),
        handles.map.id(),
        handles.counter.id(),
        handles.value.id(),
        handles.lock.id(),
        handles.semaphore.id(),
        handles.event.id(),
        handles.barrier.id(),
        handles.queue.id(),
        handles.unbounded.id(),
    ];
    (ids.into_iter().map(|id| id.object).collect(), handles)
}

/// By which the objects stay.
struct Handles {
    list: ManagedList<u64>,
    map: ManagedMap<String, u64>,
    counter: ManagedCounter,
    value: ManagedValue<String>,
    lock: ManagedLock,
    semaphore: ManagedSemaphore,
    event: ManagedEvent,
    barrier: ManagedBarrier,
    queue: ManagedQueue<u64>,
    unbounded: ManagedQueue<u64>,
}

impl Handles {
    /// Never called: what is named here has its function in this binary, to be called by a request.
    fn use_all(&self) -> Result<(), ManagerError> {
        let Handles { list, map, counter, value, lock, semaphore, event, barrier, queue, .. } =
            self;
        list.push(1)?;
        list.extend([1])?;
        (list.pop()?, list.remove(0)?, list.set(0, 1)?, list.get(0)?);
        list.insert(0, 1)?;
        (list.len()?, list.position(1)?, list.contains(1)?);
        (list.slice(0..1)?, list.to_vec()?, list.take()?);
        list.clear()?;
        map.extend([(String::new(), 1)])?;
        (map.insert(String::new(), 1)?, map.remove(String::new())?, map.get(String::new())?);
        (map.get_or_insert(String::new(), 1)?, map.contains_key(String::new())?, map.len()?);
        (map.values()?, map.keys()?, map.to_map()?);
        map.clear()?;
        (counter.add(1)?, counter.get()?, counter.set(1)?);
        value.set(String::new())?;
        (value.replace(String::new())?, value.get()?);
        drop((lock.lock()?, lock.try_lock()?, lock.holder()?, lock.situation()?));
        drop((semaphore.acquire()?, semaphore.try_acquire()?));
        semaphore.release()?;
        semaphore.available()?;
        event.set()?;
        event.clear()?;
        event.is_set()?;
        event.wait()?;
        barrier.wait()?;
        barrier.abort()?;
        barrier.reset()?;
        (barrier.waiting()?, barrier.is_broken()?);
        queue.put(1)?;
        let _full = queue.try_put(1)?;
        (queue.get()?, queue.try_get()?);
        queue.task_done()?;
        queue.join()?;
        queue.close()?;
        (queue.len()?, queue.lost()?);
        Ok(())
    }
}

/// The offsets of all functions for managed objects in this binary, in their order.
fn functions() -> &'static [u64] {
    static FUNCTIONS: OnceLock<Vec<u64>> = OnceLock::new();
    FUNCTIONS.get_or_init(|| {
        let executable = Executable::of_this_process();
        let addresses = executable
            .readable
            .iter()
            .flat_map(|segment| segment.clone().step_by(align_of::<Function>()));
        let offsets = addresses.map(|address| address.wrapping_sub(executable.base) as u64);
        let found: Vec<u64> = offsets.filter(|offset| Function::at(*offset).is_ok()).collect();
        assert!(found.len() > 30, "only {} functions were found", found.len());
        found
    })
}
