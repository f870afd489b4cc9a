//! Reading from shared memory into memory of our own, by several threads if it is much.
//!
//! The kernel copies out of one file for several threads at the same time. Into one file it writes
//! for one after the other, so there is nothing like this for writing.

use std::io;
use std::mem::MaybeUninit;
use std::num::NonZero;
use std::os::fd::BorrowedFd;
use std::sync::{Mutex, PoisonError};
use std::thread;

/// For so many bytes a thread is worth its start.
const BYTES_PER_THREAD: usize = 4 * 1024 * 1024;
/// More threads than this find no more memory to read from.
const THREADS_MAX: usize = 4;
/// So much is read at a time, in bytes.
const PIECE: usize = 1024 * 1024;

/// Fills `into` with what is there from `offset` on.
///
/// # Errors
/// If the system refuses, or there is less.
pub(super) fn read(
    fd: BorrowedFd<'_>,
    offset: u64,
    into: &mut [MaybeUninit<u8>],
) -> io::Result<()> {
    let worth = (into.len() / BYTES_PER_THREAD).min(THREADS_MAX);
    if worth < 2 {
        return read_alone(fd, offset, into);
    }
    // More threads than cores would wait for each other.
    read_by(worth.min(thread::available_parallelism().map_or(1, NonZero::get)), fd, offset, into)
}

/// The caller is one of the threads. Those that cannot be started are not needed.
fn read_by(
    threads: usize,
    fd: BorrowedFd<'_>,
    offset: u64,
    into: &mut [MaybeUninit<u8>],
) -> io::Result<()> {
    let pieces = Mutex::new(into.chunks_mut(PIECE).zip((offset..).step_by(PIECE)));
    let next = || pieces.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work = || {
        while let Some((piece, offset)) = next() {
            read_alone(fd, offset, piece)?;
        }
        Ok(())
    };
    thread::scope(|scope| {
        let start =
            || thread::Builder::new().name("manyhands-copy".into()).spawn_scoped(scope, work);
        let others: Vec<_> = (1..threads).map_while(|_| start().ok()).collect();
        others.into_iter().fold(work(), |read, other| {
            let panicked = |_| Err(io::Error::other("a thread that copied has panicked"));
            read.and(other.join().unwrap_or_else(panicked))
        })
    })
}

fn read_alone(
    fd: BorrowedFd<'_>,
    mut offset: u64,
    mut into: &mut [MaybeUninit<u8>],
) -> io::Result<()> {
    while !into.is_empty() {
        match rustix::io::pread(fd, &mut *into, offset) {
            Ok(([], _)) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok((read, _)) => {
                let count = read.len();
                offset += count as u64;
                into = &mut into[count..];
            }
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;
    use crate::memory::memfd;

    fn numbers(length: usize) -> Vec<u8> {
        (0..length).map(|n| (n ^ (n >> 8) ^ (n >> 16)) as u8).collect()
    }

    #[test]
    fn every_thread_count_reads_the_same() {
        const START: usize = 77;
        for length in [0, 1, PIECE - 1, PIECE, 3 * PIECE + 5] {
            let expected = numbers(length);
            let fd = memfd::create("test", START + length).unwrap();
            memfd::write_at(&fd, START as u64, &[&expected]).unwrap();
            for threads in [1, 2, 7] {
                let mut read = Vec::with_capacity(length);
                let into = &mut read.spare_capacity_mut()[..length];
                read_by(threads, fd.as_fd(), START as u64, into).unwrap();
                // SAFETY: `read_by` has filled so many.
                unsafe { read.set_len(length) };
                assert!(read == expected, "{length} bytes, {threads} threads");
            }
        }
    }

    #[test]
    fn what_is_not_there_is_an_error_whoever_finds_it() {
        let length = 2 * BYTES_PER_THREAD + 3;
        let fd = memfd::create("test", length).unwrap();
        let mut into = vec![MaybeUninit::uninit(); length];
        read(fd.as_fd(), 0, &mut into).unwrap();
        let error = read(fd.as_fd(), 1, &mut into).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
