//! Descriptors that are waited for from any place.

use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use manyhands_io::{Direction, Tried, Watched, wait, wait_timeout};

/// The reading end does not block.
fn pipe() -> (Watched<std::os::unix::net::UnixStream>, std::os::unix::net::UnixStream) {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    (Watched::new(ours), theirs)
}

async fn read(watched: &Watched<std::os::unix::net::UnixStream>) -> io::Result<u8> {
    let mut byte = [0];
    watched
        .when_ready(Direction::Read, |mut io| {
            io.read_exact(&mut byte).map(|()| Tried { value: (), drained: false })
        })
        .await?;
    Ok(byte[0])
}

#[test]
fn what_is_there_is_taken_without_a_registration() {
    let (ours, mut theirs) = pipe();
    theirs.write_all(b"x").unwrap();
    assert_eq!(wait(read(&ours)).unwrap(), b'x');
    assert_eq!(ours.registrations(), 0);
}

#[test]
fn nothing_comes_and_the_wait_ends() {
    let (ours, mut theirs) = pipe();
    assert!(wait_timeout(read(&ours), Duration::from_millis(5)).is_err());
    theirs.write_all(b"y").unwrap();
    assert_eq!(wait(read(&ours)).unwrap(), b'y');
    assert_eq!(ours.registrations(), 1);
}

#[test]
fn threads_and_tasks_of_runtimes_wait_for_the_same_one_in_turn() {
    let (ours, mut theirs) = pipe();
    let ours = Arc::new(ours);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    for round in 0..20 {
        let ours = Arc::clone(&ours);
        let reader = move || wait(read(&ours)).unwrap();
        let reader: Box<dyn FnOnce() -> u8> = if round % 2 == 0 {
            let thread = std::thread::spawn(reader);
            Box::new(move || thread.join().unwrap())
        } else {
            let task = runtime.spawn(async move { reader() });
            let handle = runtime.handle().clone();
            Box::new(move || handle.block_on(task).unwrap())
        };
        theirs.write_all(&[round]).unwrap();
        assert_eq!(reader(), round);
    }
    // Those of threads that are gone did not pile up.
    assert!(ours.registrations() <= 3, "{}", ours.registrations());
}

#[test]
fn the_end_of_a_pipe_is_seen() {
    let (reader, writer): (PipeReader, PipeWriter) = io::pipe().unwrap();
    let reader = Watched::new(OwnedFd::from(reader));
    let closer = std::thread::spawn(move || drop(writer));
    // The descriptor blocks, so the kernel is asked once the writer is gone.
    closer.join().unwrap();
    let mut buffer = [0; 8];
    let length = reader.attempt(Direction::Read, |fd| {
        let mut file = std::fs::File::from(fd.try_clone()?);
        file.read(&mut buffer).map(|value| Tried { value, drained: false })
    });
    assert_eq!(length.unwrap(), 0);
}

#[test]
fn a_regular_file_is_refused_by_the_reactor() {
    let file = std::fs::File::open("/proc/self/exe").unwrap();
    let watched = Watched::new(file);
    let never = |_: &std::fs::File| Err::<Tried<()>, _>(io::ErrorKind::WouldBlock.into());
    let start = Instant::now();
    assert!(wait(watched.when_ready(Direction::Read, never)).is_err());
    assert!(start.elapsed() < Duration::from_secs(60));
}
