//! What a program costs: started and waited for, and spoken with, against the standard library in the
//! same run. Run with `cargo bench -p manyhands-processes --bench command`.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::time::{Duration, Instant};

use manyhands_processes::{Command, InputFrom, OutputTo};

/// The measured and its rival take turns, so that both see the same machine.
const TURNS: u32 = 5;

fn main() {
    let program = "/bin/true";
    compare(
        "start and wait, inherited streams",
        200,
        &mut || assert!(Command::new(program).status().unwrap().is_success()),
        &mut || assert!(std::process::Command::new(program).status().unwrap().success()),
    );
    compare(
        "start, wait and capture",
        200,
        &mut || assert!(Command::new(program).output().unwrap().is_success()),
        &mut || assert!(std::process::Command::new(program).output().unwrap().status.success()),
    );
    compare(
        "start, wait and capture, with a timeout",
        200,
        &mut || {
            let command = Command::new(program).timeout(Duration::from_secs(60));
            assert!(command.output().unwrap().is_success());
        },
        &mut || assert!(std::process::Command::new(program).output().unwrap().status.success()),
    );
    round_trips();
    let input = vec![b'x'; 10 * 1024 * 1024];
    let length = input.len();
    let shared = bytes::Bytes::from(input.clone());
    compare(
        "10 MiB through cat",
        5,
        &mut || {
            let output = Command::new("cat").input(shared.clone()).output().unwrap();
            assert_eq!(output.stdout().len(), length);
        },
        &mut || {
            let mut cat = std::process::Command::new("cat");
            let mut cat = cat.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
            let mut stdin = cat.stdin.take().unwrap();
            std::thread::scope(|scope| {
                let input = &input;
                scope.spawn(move || stdin.write_all(input).unwrap());
                assert_eq!(cat.wait_with_output().unwrap().stdout.len(), length);
            });
        },
    );
}

fn round_trips() {
    let cat = Command::new("cat").stdin(InputFrom::Pipe).stdout(OutputTo::Capture);
    let mut ours = cat.start().unwrap();
    let mut rival = std::process::Command::new("cat");
    let mut rival = rival.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut stdin, stdout) = (rival.stdin.take().unwrap(), rival.stdout.take().unwrap());
    let mut stdout = BufReader::new(stdout);
    let mut line = String::new();
    let mut answer = String::new();
    compare(
        "a line through cat and back",
        2000,
        &mut || {
            ours.stdin().unwrap().write_all(b"hello\n").unwrap();
            answer.clear();
            ours.stdout().unwrap().read_line(&mut answer).unwrap();
        },
        &mut || {
            stdin.write_all(b"hello\n").unwrap();
            line.clear();
            stdout.read_line(&mut line).unwrap();
        },
    );
    drop(stdin);
    rival.wait().unwrap();
}

fn compare<'a>(
    what: &str,
    count: u32,
    ours: &mut (dyn FnMut() + 'a),
    rival: &mut (dyn FnMut() + 'a),
) {
    let mut best = [Duration::MAX; 2];
    for _ in 0..TURNS {
        for (best, run) in best.iter_mut().zip([&mut *ours, &mut *rival]) {
            let start = Instant::now();
            (0..count).for_each(|_| run());
            *best = (*best).min(start.elapsed() / count);
        }
    }
    let [ours, rival] = best.map(|best| best.as_secs_f64() * 1e6);
    println!("{what}: {ours:.1} us, std {rival:.1} us, ratio {:.2}", ours / rival);
}
