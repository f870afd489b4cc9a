//! How fast a pool of processes is on this machine: small tasks, round trips, the first result, and
//! a raw ping-pong beside.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use manyhands_executor::{Executor, ExecutorExt, MapOptions};
use manyhands_processes::{Bytes, ProcessPool};

fn next(n: u64) -> u64 {
    n + 1
}

fn main() {
    let which = std::env::args().nth(1).unwrap_or_else(|| "all".to_owned());
    let wanted = |name: &str| which == "all" || which == name;
    if wanted("pingpong") {
        report("raw ping-pong p50", pingpong());
    }
    if wanted("first") {
        let mut times: Vec<_> = (0..20).map(|_| first_result()).collect();
        report("first result of a fresh pool of 2", median(&mut times));
    }
    if wanted("roundtrip") {
        for workers in [1, 2] {
            let pool = ProcessPool::new(workers).unwrap();
            report(&format!("round trip p50, {workers} workers"), roundtrip(&pool));
        }
    }
    if wanted("pipelined") {
        let pool = ProcessPool::new(2).unwrap();
        rate("pipelined", &pool, 200_000);
    }
    for depth in [1, 2, 4, 16, 64] {
        if wanted(&format!("depth{depth}")) {
            let builder = ProcessPool::builder().workers(2).prefetch_depth(depth);
            rate(&format!("prefetch depth {depth}"), &builder.build().unwrap(), 100_000);
        }
    }
    if wanted("map") {
        let pool = ProcessPool::new(2).unwrap();
        for options in [MapOptions::new(), MapOptions::new().chunk(100)] {
            let start = Instant::now();
            let count = 2_000_000;
            let sum: u64 = pool.map_with(options, next, 0..count).map(Result::unwrap).sum();
            assert_eq!(sum, (1..=count).sum());
            println!("map: {:.0} items/s", count as f64 / start.elapsed().as_secs_f64());
        }
    }
    if wanted("large") {
        let pool = ProcessPool::new(1).unwrap();
        let bytes = vec![7_u8; 64 << 20];
        let text = String::from_utf8(bytes).unwrap();
        for _ in 0..3 {
            let copy = text.clone();
            let start = Instant::now();
            let length = pool.submit(|text: String| text.len(), copy).result().unwrap();
            assert_eq!(length, text.len());
            println!("64 MiB in: {:?}", start.elapsed());
            let start = Instant::now();
            let back = pool.submit(|n: usize| "x".repeat(n), 64 << 20).result().unwrap();
            assert_eq!(back.len(), 64 << 20);
            println!("64 MiB out: {:?}", start.elapsed());
            let bytes = Bytes::from(vec![7; 64 << 20]);
            let start = Instant::now();
            let length = pool.submit(|bytes: Bytes| bytes.len(), bytes).result().unwrap();
            assert_eq!(length, 64 << 20);
            println!("64 MiB of bytes in: {:?}", start.elapsed());
            let start = Instant::now();
            let back = pool.submit(|n: usize| Bytes::from(vec![1; n]), 64 << 20).result().unwrap();
            assert_eq!(back.len(), 64 << 20);
            println!("64 MiB of bytes out: {:?}", start.elapsed());
        }
    }
}

fn rate(what: &str, pool: &ProcessPool, count: u64) {
    for _ in 0..3 {
        let start = Instant::now();
        let tasks: Vec<_> = (0..count).map(|n| pool.submit(next, n)).collect();
        let submitted = start.elapsed();
        for (n, task) in tasks.into_iter().enumerate() {
            assert_eq!(task.result().unwrap(), n as u64 + 1);
        }
        let seconds = start.elapsed().as_secs_f64();
        println!("{what}: {:.0} tasks/s (submitted in {submitted:?})", count as f64 / seconds);
    }
}

fn first_result() -> Duration {
    let start = Instant::now();
    let pool = ProcessPool::new(2).unwrap();
    assert_eq!(pool.submit(next, 1).result().unwrap(), 2);
    let took = start.elapsed();
    pool.shutdown(manyhands_executor::Shutdown::WAIT);
    took
}

fn roundtrip(pool: &ProcessPool) -> Duration {
    pool.submit(next, 1).result().unwrap();
    let mut times = Vec::new();
    for n in 0..20_000 {
        let start = Instant::now();
        pool.submit(next, n).result().unwrap();
        times.push(start.elapsed());
    }
    median(&mut times)
}

fn pingpong() -> Duration {
    let (mut here, mut there) = UnixStream::pair().unwrap();
    // A process would be fairer, and a thread is what std has.
    std::thread::spawn(move || {
        let mut byte = [0];
        while there.read_exact(&mut byte).is_ok() {
            there.write_all(&byte).unwrap();
        }
    });
    let mut times = Vec::new();
    for _ in 0..20_000 {
        let start = Instant::now();
        here.write_all(&[1]).unwrap();
        here.read_exact(&mut [0]).unwrap();
        times.push(start.elapsed());
    }
    median(&mut times)
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn report(what: &str, time: Duration) {
    println!("{what}: {time:?}");
}
