//! Worker processes, processes of one function, external programs and managed objects, waited for from
//! coroutines and async tasks: whoever waits leaves its thread to its neighbours.

use std::cell::Cell;
use std::path::PathBuf;
use std::rc::Rc;

use manyhands::coroutines::join_all;
use manyhands::{
    Command, ExecutorExt, Manager, Process, ProcessPool, run_command, spawn_async, spawn_local,
    wait_all, yield_now,
};

use crate::models::on_every_model;
use crate::signs::{Signs, wait_for};

/// How many turns the neighbours have before what is waited for can end.
const TURNS: usize = 50;

/// The portable task that ends with a sign.
fn until(sign: PathBuf) -> u64 {
    wait_for(&sign);
    42
}

/// The program that ends with a sign.
fn program_until(sign: PathBuf) -> Command {
    Command::new("sh")
        .args(["-c", "while [ ! -e \"$1\" ]; do sleep 0.01; done; echo seen", "sh"])
        .arg(sign)
}

/// Runs `wait` in a coroutine. What it waits for ends with a sign that comes only after the neighbour
/// on the same thread has had its turns: if `wait` kept the thread, nothing would ever end.
fn with_a_neighbour(wait: impl FnOnce(PathBuf) + 'static) {
    let signs = Signs::new();
    let sign = signs.sign("go");
    let turns = Rc::new(Cell::new(0));
    let (counter, seen) = (Rc::clone(&turns), Rc::clone(&turns));
    let waiter = spawn_local(move || {
        wait(sign);
        assert_eq!(seen.get(), TURNS, "it was over before it could be");
    });
    let neighbour = spawn_local(move || {
        for _ in 0..TURNS {
            yield_now();
            counter.set(counter.get() + 1);
        }
        signs.give("go");
        signs
    });
    let signs = neighbour.result().expect("it only counts");
    waiter.result().expect("what it waited for has ended well");
    drop(signs);
}

#[test]
fn a_coroutine_that_waits_for_a_task_of_a_pool_lets_its_neighbours_run() {
    let pool = ProcessPool::new(1).unwrap();
    with_a_neighbour(move |sign| assert_eq!(pool.submit(until, sign).result().unwrap(), 42));
}

#[test]
fn a_coroutine_that_maps_over_a_pool_lets_its_neighbours_run() {
    let pool = ProcessPool::new(2).unwrap();
    with_a_neighbour(move |sign| {
        assert!(pool.map(until, vec![sign; 4]).all(|value| value.unwrap() == 42));
    });
}

#[test]
fn a_coroutine_that_waits_for_a_process_lets_its_neighbours_run() {
    with_a_neighbour(|sign| {
        let process = Process::start(until, sign).unwrap();
        assert_eq!(process.join().unwrap(), 42);
    });
}

#[test]
fn a_coroutine_that_waits_for_a_program_lets_its_neighbours_run() {
    with_a_neighbour(|sign| {
        let output = program_until(sign).check(true).output().unwrap();
        assert_eq!(output.stdout(), b"seen\n");
    });
}

#[test]
fn a_coroutine_that_waits_for_a_managed_object_lets_its_neighbours_run() {
    let manager = Manager::new();
    let queue = manager.queue::<u64>(None);
    with_a_neighbour(move |sign| {
        let producer = queue.clone();
        let process = Process::start(
            |(queue, sign): (manyhands::processes::ManagedQueue<u64>, PathBuf)| {
                queue.put(until(sign)).map_err(|error| error.to_string())
            },
            (producer, sign),
        );
        assert_eq!(queue.get().unwrap(), 42);
        process.unwrap().join().unwrap().unwrap();
        drop(manager);
    });
}

#[test]
fn async_tasks_wait_for_all_of_them_at_once() {
    // More tasks than the runtime has threads: none of them can be kept by a wait.
    let signs = Signs::new();
    let pool = ProcessPool::new(2).unwrap();
    let mut tasks = Vec::new();
    for _ in 0..8 {
        let task = pool.submit(until, signs.sign("go"));
        tasks.push(spawn_async(async move { task.await.unwrap() }));
        let process = Process::start(until, signs.sign("go")).unwrap();
        tasks.push(spawn_async(async move { process.into_task().await.unwrap() }));
        let program = program_until(signs.sign("go"));
        tasks.push(spawn_async(async move {
            let output = program.output_async().await.unwrap();
            assert_eq!(output.stdout(), b"seen\n");
            42
        }));
    }
    // Whoever waits, somebody else can still be heard.
    assert_eq!(spawn_async(async { 1 }).result().unwrap(), 1);
    signs.give("go");
    assert_eq!(wait_all(&tasks).not_done.len(), 0);
    assert!(tasks.into_iter().all(|task| task.result().unwrap() == 42));
}

#[test]
fn a_program_is_a_task_of_every_executor() {
    on_every_model(|executor| {
        let upper = Command::new("tr").args(["a-z", "A-Z"]).input("many hands").check(true);
        let output = executor.submit(run_command, upper).result().unwrap().unwrap();
        assert_eq!(output.stdout(), b"MANY HANDS");
        let missing = executor.submit(run_command, Command::new("no-such-program-anywhere"));
        let error = missing.result().unwrap().unwrap_err();
        assert!(error.is_not_found() && error.to_string().contains("no-such-program-anywhere"));
        let fails = executor.submit(run_command, Command::new("false").check(true));
        assert!(fails.result().unwrap().unwrap_err().is_failed());
    });
}

#[test]
fn one_list_is_shared_by_threads_coroutines_and_processes() {
    let manager = Manager::new();
    let list = manager.list(Vec::new());
    let push = |(list, value): (manyhands::processes::ManagedList<u64>, u64)| {
        list.push(value).map_err(|error| error.to_string())
    };
    Process::start(push, (list.clone(), 111)).unwrap().join().unwrap().unwrap();
    on_every_model(|executor| {
        executor.submit(push, (list.clone(), 222)).result().unwrap().unwrap();
    });
    let inside = list.clone();
    join_all([spawn_local(move || inside.push(333).unwrap())]).into_iter().for_each(Result::unwrap);
    assert_eq!(list.to_vec().unwrap(), [111, 222, 222, 222, 222, 222, 333]);
}
