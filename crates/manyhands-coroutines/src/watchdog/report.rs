//! What the watchdog tells.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::Backtrace;

/// A coroutine holds its hub, or has held it.
///
/// Its [`Display`](fmt::Display) is the block that is written to standard error by default.
#[derive(Debug, Clone)]
pub struct Report {
    pub(super) name: Option<Arc<str>>,
    pub(super) id: Option<u64>,
    pub(super) thread: Arc<str>,
    pub(super) held_for: Duration,
    pub(super) has_ended: bool,
    pub(super) activity: Activity,
    pub(super) backtrace: Backtrace,
    pub(super) answered: bool,
}

/// What a thread does that does not let its coroutines go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Activity {
    /// It computes, or waits for the processor.
    Computing,
    /// It waits in a futex: for a lock, a condition, or a thread of the operating system.
    Futex,
    /// It waits in the system call with this number.
    SystemCall(i64),
    /// The kernel does not tell.
    Unknown,
}

impl Report {
    /// The coroutine's name, if it has one.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The number of the coroutine's task, as in reports of overflows. `None` if the thread did not
    /// answer.
    pub fn id(&self) -> Option<u64> {
        self.id
    }

    /// The name of the hub's thread, or its number.
    pub fn thread(&self) -> &str {
        &self.thread
    }

    /// For how long the coroutine has held the hub so far, or altogether. Known to about a quarter of
    /// the [limit](super::limit); of long holds, to a sixteenth. On an overloaded machine, where the
    /// watchdog itself gets the processor late, it may have been longer.
    pub fn held_for(&self) -> Duration {
        self.held_for
    }

    /// Whether it has given the hub back. Each hold is reported twice: when it exceeds the limit, and
    /// when it ends.
    pub fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// What the thread did when the hold was reported first.
    pub fn activity(&self) -> Activity {
        self.activity
    }

    /// Whether the thread waited in a futex: most likely for a lock of the standard library.
    pub fn is_in_futex(&self) -> bool {
        self.activity == Activity::Futex
    }

    /// Where the coroutine was when the hold was reported first.
    pub fn backtrace(&self) -> &Backtrace {
        &self.backtrace
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.name, self.id) {
            (Some(name), Some(id)) => write!(f, "coroutine '{name}' (#{id})")?,
            (Some(name), None) => write!(f, "coroutine '{name}'")?,
            (None, Some(id)) => write!(f, "coroutine #{id}")?,
            (None, None) => write!(f, "a coroutine")?,
        }
        let (thread, held_for) = (&self.thread, Milliseconds(self.held_for));
        if self.has_ended {
            return write!(f, " has given back its hub '{thread}', which it held for {held_for}");
        }
        write!(
            f,
            " has held its hub '{thread}' for {held_for}; no other coroutine there can run\n  \
             it {}",
            self.activity
        )?;
        if !self.backtrace.frames().is_empty() {
            write!(f, "\n{}", self.backtrace)?;
        } else if !self.answered {
            write!(
                f,
                "\n  its name and place are not known: the thread blocks SIGURG, or another \
                 handler took it"
            )?;
        }
        Ok(())
    }
}

struct Milliseconds(Duration);

impl fmt::Display for Milliseconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_secs() {
            0..10 => write!(f, "{} ms", self.0.as_millis()),
            _ => write!(f, "{:.1} s", self.0.as_secs_f64()),
        }
    }
}

/// What it does, and what to do about it.
impl fmt::Display for Activity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Activity::Computing => f.write_str(
                "computes; let others go first with `yield_now`, or give such work to a thread with \
                 `block`",
            ),
            Activity::Futex => f.write_str(
                "waits in a lock of the operating system: a std Mutex held across a wait?",
            ),
            Activity::SystemCall(number) => match call(*number) {
                Some((name, instead)) => write!(f, "waits in `{name}`; {instead}"),
                None => write!(
                    f,
                    "waits in the system call {number}; give such work to a thread with `block`"
                ),
            },
            Activity::Unknown => f.write_str(
                "computes or waits in the operating system; give such work to a thread with `block`",
            ),
        }
    }
}

/// The name of a system call, and what a coroutine does instead.
fn call(number: i64) -> Option<(&'static str, &'static str)> {
    const SLEEP: &str = "a coroutine sleeps with `manyhands_coroutines::sleep`";
    const SOCKET: &str = "sockets that let others run are in the module `net`";
    const OFFLOAD: &str = "give it to a thread with `block`";
    Some(match number {
        libc::SYS_nanosleep => ("nanosleep", SLEEP),
        libc::SYS_clock_nanosleep => ("clock_nanosleep", SLEEP),
        libc::SYS_recvfrom => ("recvfrom", SOCKET),
        libc::SYS_recvmsg => ("recvmsg", SOCKET),
        libc::SYS_sendto => ("sendto", SOCKET),
        libc::SYS_sendmsg => ("sendmsg", SOCKET),
        libc::SYS_accept4 => ("accept4", SOCKET),
        libc::SYS_connect => ("connect", SOCKET),
        libc::SYS_ppoll => ("ppoll", OFFLOAD),
        libc::SYS_read => ("read", OFFLOAD),
        libc::SYS_write => ("write", OFFLOAD),
        libc::SYS_fsync => ("fsync", OFFLOAD),
        libc::SYS_flock => ("flock", OFFLOAD),
        libc::SYS_wait4 => ("wait4", OFFLOAD),
        libc::SYS_waitid => ("waitid", OFFLOAD),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Activity, Backtrace, Report};

    fn report() -> Report {
        Report {
            name: Some("crawler".into()),
            id: Some(17),
            thread: "hub_0".into(),
            held_for: Duration::from_micros(125_400),
            has_ended: false,
            activity: Activity::Futex,
            backtrace: Backtrace::default(),
            answered: true,
        }
    }

    #[test]
    fn it_says_who_where_how_long_and_what_to_do() {
        assert_eq!(
            report().to_string(),
            "coroutine 'crawler' (#17) has held its hub 'hub_0' for 125 ms; no other coroutine \
             there can run\n  it waits in a lock of the operating system: a std Mutex held across \
             a wait?"
        );
        let ended = Report { has_ended: true, held_for: Duration::from_secs(72), ..report() };
        assert_eq!(
            ended.to_string(),
            "coroutine 'crawler' (#17) has given back its hub 'hub_0', which it held for 72.0 s"
        );
    }

    #[test]
    fn it_says_why_it_knows_no_name() {
        let report = Report { name: None, id: None, answered: false, ..report() };
        let text = report.to_string();
        assert!(text.starts_with("a coroutine has held"), "{text}");
        assert!(text.contains("blocks SIGURG"), "{text}");
    }

    #[test]
    fn system_calls_have_names() {
        let sleep = Activity::SystemCall(libc::SYS_clock_nanosleep).to_string();
        assert!(sleep.contains("`clock_nanosleep`"), "{sleep}");
        assert!(Activity::SystemCall(99_999).to_string().contains("system call 99999"));
    }
}
