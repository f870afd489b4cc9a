//! tokio in coroutines: tasks, timers, channels, sockets, on the hub's own thread.

use std::rc::Rc;
use std::time::Duration;

use manyhands_coroutines::{CoroutinePool, join_all, spawn_local, yield_now};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[test]
fn tasks_are_spawned_on_the_hubs_own_thread() {
    let task = spawn_local(|| {
        // No `wait` around it: a coroutine runs in the context of its hub's runtime.
        let background = tokio::spawn(async { std::thread::current().id() });
        manyhands_io::wait(background).unwrap()
    });
    assert_eq!(task.result().unwrap(), std::thread::current().id());
}

#[test]
fn a_background_task_goes_on_while_coroutines_are_busy() {
    let task = spawn_local(|| {
        let background = tokio::spawn(async {
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
        });
        let mut turns = 0_u32;
        while !background.is_finished() {
            yield_now();
            turns += 1;
            assert!(turns < 10_000_000, "the busy coroutine starves the background");
        }
    });
    task.result().unwrap();
}

#[test]
fn timers_and_channels_wake_coroutines() {
    let (sender, mut receiver) = tokio::sync::mpsc::channel(1);
    let producer = spawn_local(move || {
        for n in 0..100 {
            manyhands_io::wait(sender.send(n)).unwrap();
            if n % 20 == 0 {
                manyhands_io::wait(async { tokio::time::sleep(Duration::from_millis(1)).await });
            }
        }
    });
    let consumer = spawn_local(move || {
        let mut sum = 0;
        while let Some(n) = manyhands_io::wait(receiver.recv()) {
            sum += n;
        }
        Rc::new(sum)
    });
    assert_eq!(*consumer.result().unwrap(), 4_950);
    producer.result().unwrap();
}

#[test]
fn a_timer_may_be_made_in_one_coroutine_and_waited_for_in_another() {
    let timer = spawn_local(|| tokio::time::sleep(Duration::from_millis(2))).result().unwrap();
    spawn_local(|| manyhands_io::wait(timer)).result().unwrap();
}

#[test]
fn sockets_of_tokio_work() {
    let server = spawn_local(|| {
        let listener = manyhands_io::wait(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let clients = (0..20).map(|n| {
            spawn_local(move || {
                manyhands_io::wait(async {
                    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
                    stream.write_all(format!("hello {n}").as_bytes()).await.unwrap();
                    stream.shutdown().await.unwrap();
                    let mut answer = String::new();
                    stream.read_to_string(&mut answer).await.unwrap();
                    answer
                })
            })
        });
        let clients: Vec<_> = clients.collect();
        for _ in 0..20 {
            let (mut stream, _) = manyhands_io::wait(listener.accept()).unwrap();
            let _detached = spawn_local(move || {
                let mut text = String::new();
                manyhands_io::wait(stream.read_to_string(&mut text)).unwrap();
                manyhands_io::wait(stream.write_all(text.to_uppercase().as_bytes())).unwrap();
            });
        }
        join_all(clients).into_iter().map(Result::unwrap).collect::<Vec<_>>()
    });
    let answers = server.result().unwrap();
    assert_eq!(answers, (0..20).map(|n| format!("HELLO {n}")).collect::<Vec<_>>());
}

#[test]
fn the_same_holds_on_the_hubs_of_a_pool() {
    let pool = CoroutinePool::new(2).unwrap();
    let tasks: Vec<_> = (0..50_u64)
        .map(|n| {
            pool.spawn(move || {
                let here = std::thread::current().id();
                let there = tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(n % 3)).await;
                    std::thread::current().id()
                });
                here == manyhands_io::wait(there).unwrap()
            })
        })
        .collect();
    assert!(join_all(tasks).into_iter().all(Result::unwrap));
}
