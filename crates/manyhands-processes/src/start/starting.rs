//! A process that exists and has not reported yet.

use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use manyhands_wait::Reason;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::Signal;

use super::error::{StartError, StartErrorKind};
use super::handshake::{self, Answer, Decoded, LENGTH_BYTES};
use super::pidfd::{Ended, PidFd};
use super::readiness::readable;
use super::ticket::Door;
use crate::exit_status::ExitStatus;
use crate::image::Identity;

static START: Reason = Reason::new("start of a process");

/// A process that was started and is expected to report. Dropped, it is killed.
#[derive(Debug)]
pub(crate) struct Starting {
    name: String,
    door: Door,
    /// There until it is handed over, or killed.
    parts: Option<Started>,
    /// As much of the answer as has come, with its length in front.
    answer: Vec<u8>,
}

/// A process that has reported: it is this binary, and begins with its role.
#[derive(Debug)]
pub(crate) struct Started {
    pub(crate) pid: u32,
    pub(crate) process: PidFd,
    /// The role's line; does not block on this side.
    pub(crate) control: UnixStream,
    /// On which requests come; does not block on this side.
    pub(crate) service: UnixStream,
    /// The reading end of its standard error, if that was asked for.
    pub(crate) stderr: Option<OwnedFd>,
}

impl Starting {
    pub(super) fn new(
        name: &str,
        door: Door,
        process: PidFd,
        control: UnixStream,
        service: UnixStream,
        stderr: Option<OwnedFd>,
    ) -> Starting {
        let pid = process.pid();
        let parts = Some(Started { pid, process, control, service, stderr });
        Starting { name: name.to_owned(), door, parts, answer: Vec::new() }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.parts().pid
    }

    /// Takes the pipe of standard error, for whoever reads it from the beginning.
    pub(crate) fn take_stderr(&mut self) -> Option<OwnedFd> {
        self.parts.as_mut().and_then(|parts| parts.stderr.take())
    }

    /// Looks, without waiting, whether the process has reported. Worth calling again when the
    /// descriptor is readable.
    ///
    /// # Errors
    /// If it never will, or must not be used. It is killed when `self` is dropped.
    pub(crate) fn try_finish(&mut self) -> Result<Option<Started>, StartError> {
        match self.receive() {
            Ok(false) => Ok(None),
            Ok(true) => {
                self.judge()?;
                Ok(self.parts.take())
            }
            Err(Broken::Closed) => match self.end_of_closed() {
                Some(ended) => Err(self.died(ended)),
                None => Err(self.error(
                    StartErrorKind::DiedEarly,
                    "closed its line to this process before it reported",
                )),
            },
            Err(Broken::Refused(why)) => Err(self.error(StartErrorKind::System, &why)),
        }
    }

    /// Waits until the process has reported, from wherever the caller stands.
    ///
    /// # Errors
    /// Like [`try_finish`](Self::try_finish), and if it does not report in time.
    #[track_caller]
    pub(crate) fn wait(self, limit: Duration) -> Result<Started, StartError> {
        let until = Instant::now().checked_add(limit);
        let mut starting = self;
        match manyhands_io::wait_for(&START, until, starting.finished()) {
            Ok(finished) => finished,
            Err(_timed_out) => Err(starting.timed_out(limit)),
        }
    }

    /// Ready when the process has reported, or never will.
    pub(crate) async fn finished(&mut self) -> Result<Started, StartError> {
        loop {
            if let Some(started) = self.try_finish()? {
                return Ok(started);
            }
            readable(self.as_fd()).await;
        }
    }

    /// The error of a process that has not reported within `limit`.
    pub(crate) fn timed_out(&self, limit: Duration) -> StartError {
        let advice = match self.door {
            Door::BeforeMain => {
                "it hangs before `main`, most likely in a constructor of a library, or the machine \
                 is overloaded; call `manyhands_processes::init()` at the top of `main`, or allow \
                 more time for the start"
            }
            Door::Init => {
                "its `main` does not come to `manyhands_processes::init()`; call that first in \
                 `main`, or allow more time for the start"
            }
        };
        let what = format!("has not reported within {limit:?}: {advice}");
        self.error(StartErrorKind::TimedOut, &what)
    }

    /// How the process ended that has closed the line. Usually that is because it ends; then its end
    /// is a matter of microseconds.
    fn end_of_closed(&self) -> Option<Ended> {
        const SOON: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
        let process = &self.parts().process;
        let _ended = poll(&mut [PollFd::new(process, PollFlags::IN)], Some(&SOON));
        process.try_wait()
    }

    fn died(&self, ended: Ended) -> StartError {
        let code = ended.status.and_then(ExitStatus::code);
        let advice = match (self.door, code) {
            (Door::Init, Some(_)) => {
                "; its `main` has ended without `manyhands_processes::init()`, which this process \
                 has called: call it first in `main`, whatever the arguments are"
            }
            (Door::BeforeMain, Some(0)) => {
                "; it seems that it was not this program: is it run by an interpreter, a loader or \
                 an emulator? See `manyhands_processes::set_executable`"
            }
            _ => "",
        };
        let what = format!("ended with {ended} before it reported{advice}");
        self.error(StartErrorKind::DiedEarly, &what)
    }

    fn error(&self, kind: StartErrorKind, what: &str) -> StartError {
        StartError::new(kind, format!("the process '{}' {what}", self.name))
    }

    /// Reads what has come; true when the answer is whole.
    fn receive(&mut self) -> Result<bool, Broken> {
        loop {
            let missing = match self.answer.first_chunk::<LENGTH_BYTES>() {
                None => LENGTH_BYTES - self.answer.len(),
                Some(length) => {
                    let length = handshake::decode_length(*length).map_err(Broken::Refused)?;
                    LENGTH_BYTES + length - self.answer.len()
                }
            };
            if missing == 0 {
                return Ok(true);
            }
            // Exactly as much as the answer has: what follows is the role's.
            let before = self.answer.len();
            self.answer.resize(before + missing, 0);
            let control = &self.parts.as_ref().expect(IN_PLACE).control;
            let result = (&*control).read(&mut self.answer[before..]);
            self.answer.truncate(before + result.as_ref().copied().unwrap_or(0));
            match result {
                Ok(0) => return Err(Broken::Closed),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {
                    return Err(Broken::Closed);
                }
                Err(error) => return Err(Broken::Refused(format!("was not heard: {error}"))),
            }
        }
    }

    fn judge(&self) -> Result<(), StartError> {
        let ours = Identity::of_this_process();
        let decoded = handshake::decode::<Answer>(ours, &self.answer[LENGTH_BYTES..]);
        match decoded {
            Ok(Decoded::Same(Answer::Ready)) => Ok(()),
            Ok(Decoded::Same(Answer::Refused(why))) => {
                Err(self.error(StartErrorKind::System, &format!("was not started: {why}")))
            }
            Ok(Decoded::Other(theirs)) => {
                let why = ours.check(&theirs).err().map(|why| why.to_string()).unwrap_or_default();
                Err(self.error(StartErrorKind::WrongImage, &format!("was refused: {why}")))
            }
            Err(why) => Err(self.error(StartErrorKind::WrongImage, &format!("was refused: {why}"))),
        }
    }

    fn parts(&self) -> &Started {
        self.parts.as_ref().expect(IN_PLACE)
    }
}

const IN_PLACE: &str = "the parts are there until the start is finished";

impl AsFd for Starting {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.parts().control.as_fd()
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        if let Some(parts) = &self.parts {
            // What has ended already needs no killing; other errors leave nothing to be done.
            let _ended = parts.process.signal(Signal::KILL);
        }
    }
}

/// Why there will be no answer.
enum Broken {
    Closed,
    Refused(String),
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::process::{Child, Command};

    use rustix::process::{Pid, PidfdFlags, pidfd_open};

    use super::*;

    /// A process that says nothing by itself, and its end of the line.
    fn mute() -> (Starting, UnixStream, Child) {
        let child = Command::new("sleep").arg("3600").spawn().unwrap();
        let pidfd = pidfd_open(Pid::from_child(&child), PidfdFlags::empty()).unwrap();
        let (control, theirs) = UnixStream::pair().unwrap();
        let (service, _) = UnixStream::pair().unwrap();
        control.set_nonblocking(true).unwrap();
        let process = PidFd::new(pidfd, child.id());
        let starting = Starting::new("mute", Door::BeforeMain, process, control, service, None);
        (starting, theirs, child)
    }

    fn end(starting: Starting, mut child: Child) {
        drop(starting);
        // Whoever is first has its status.
        let _reaped = child.wait();
    }

    fn error_of(answer: &[u8]) -> StartError {
        let (mut starting, mut theirs, child) = mute();
        theirs.write_all(answer).unwrap();
        theirs.shutdown(std::net::Shutdown::Write).unwrap();
        let error = starting.try_finish().unwrap_err();
        end(starting, child);
        error
    }

    fn ready() -> Vec<u8> {
        handshake::encode(Identity::of_this_process(), &Answer::Ready).unwrap()
    }

    #[test]
    fn an_answer_may_come_in_pieces_and_no_more_than_it_is_read() {
        let (mut starting, mut theirs, child) = mute();
        for byte in ready() {
            assert!(starting.try_finish().unwrap().is_none());
            theirs.write_all(&[byte]).unwrap();
        }
        theirs.write_all(b"the role's own").unwrap();
        let started = starting.try_finish().unwrap().unwrap();
        let mut rest = [0; 14];
        (&started.control).read_exact(&mut rest).unwrap();
        assert_eq!(&rest, b"the role's own");
        started.process.signal(Signal::KILL).unwrap();
        end(starting, child);
    }

    #[test]
    fn hostile_answers_are_errors() {
        assert_eq!(error_of(&[0xff; 8]).kind(), StartErrorKind::System);
        assert_eq!(error_of(&[0; 8]).kind(), StartErrorKind::System);
        let garbage = [&16_u32.to_le_bytes()[..], &[0xff; 16]].concat();
        assert_eq!(error_of(&garbage).kind(), StartErrorKind::WrongImage);
        let refused = Answer::Refused("no room".to_owned());
        let refused = handshake::encode(Identity::of_this_process(), &refused).unwrap();
        let error = error_of(&refused);
        assert!(error.to_string().contains("'mute' was not started: no room"), "{error}");
        let mut theirs = Identity::of_this_process().clone();
        theirs.protocol += 1;
        let error = error_of(&handshake::encode(&theirs, &Answer::Ready).unwrap());
        assert_eq!(error.kind(), StartErrorKind::WrongImage);
        assert!(error.to_string().contains("protocol 2 instead of 1"), "{error}");
    }

    #[test]
    fn a_line_that_is_closed_is_an_error_though_the_process_lives_on() {
        for length in [0, 1, 5] {
            let error = error_of(&ready()[..length]);
            assert_eq!(error.kind(), StartErrorKind::DiedEarly);
            assert!(error.to_string().contains("closed its line"), "{error}");
        }
    }

    #[test]
    fn one_that_says_nothing_is_killed_when_its_time_is_over() {
        let (starting, _theirs, mut child) = mute();
        let error = starting.wait(Duration::from_millis(10)).unwrap_err();
        assert_eq!(error.kind(), StartErrorKind::TimedOut);
        assert!(error.to_string().contains("10ms"), "{error}");
        // It ends, or this test does not.
        let _reaped = child.wait();
    }
}
