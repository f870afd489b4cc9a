//! The question who holds a hub, and the answer that the handler of the signal leaves. `README.md`
//! has the protocol.

use std::cell::UnsafeCell;
use std::sync::Arc;
use std::sync::atomic::AtomicU8;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

use super::pulse::Progress;

/// Deeper frames are not looked at.
pub(super) const FRAMES_MAX: usize = 128;

const IDLE: u8 = 0;
const ASKED: u8 = 1;
const ANSWERING: u8 = 2;
const ANSWERED: u8 = 3;
const DECLINED: u8 = 4;

/// One for each hub. Asked by the watchdog's thread alone, answered by the hub's thread alone.
pub(super) struct Question {
    state: AtomicU8,
    wanted: UnsafeCell<Wanted>,
    answer: UnsafeCell<Answer>,
}

// SAFETY: `state` says whose turn it is. `wanted` and `answer` are touched by the watchdog in IDLE,
// ANSWERED and DECLINED, and by the hub's thread in ANSWERING; ASKED is the handing over. Each change
// of sides is a release that the other side acquires.
unsafe impl Sync for Question {}
// SAFETY: nothing in it belongs to a thread.
unsafe impl Send for Question {}

#[derive(Clone, Copy, Default)]
pub(super) struct Wanted {
    /// Only if the hub is still there.
    pub(super) progress: Progress,
    /// Also where it is.
    pub(super) backtrace: bool,
}

/// Who holds the hub, and where. Filled in a signal handler: everything has its place already.
pub(super) struct Answer {
    pub(super) id: u64,
    pub(super) name: Option<Arc<str>>,
    /// The interrupted instruction, 0 if the processor is none that is known here.
    pub(super) at: usize,
    pub(super) frames: [usize; FRAMES_MAX],
    pub(super) depth: usize,
}

/// How a question stands.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reply<T> {
    Pending,
    /// The hub's thread is writing it down.
    UnderWay,
    Declined,
    Answered(T),
}

impl Default for Question {
    fn default() -> Question {
        Question {
            state: AtomicU8::new(IDLE),
            wanted: UnsafeCell::default(),
            answer: UnsafeCell::new(Answer {
                id: 0,
                name: None,
                at: 0,
                frames: [0; FRAMES_MAX],
                depth: 0,
            }),
        }
    }
}

impl Question {
    /// For the watchdog: asks. `false` if the last answer is still being written down.
    pub(super) fn ask(&self, wanted: Wanted) -> bool {
        if self.state.load(Acquire) == ANSWERING {
            return false;
        }
        // Takes back one that nobody has answered.
        if self.state.compare_exchange(ASKED, IDLE, AcqRel, Acquire) == Err(ANSWERING) {
            return false;
        }
        // SAFETY: the state is IDLE, ANSWERED or DECLINED, from which only this thread leads on.
        unsafe {
            *self.wanted.get() = wanted;
            // A name that nobody has fetched must not be freed by the handler.
            (*self.answer.get()).name = None;
        }
        self.state.store(ASKED, Release);
        true
    }

    /// For the watchdog: looks for the answer, and calls `read` with it once.
    pub(super) fn reply<T>(&self, read: impl FnOnce(&mut Answer) -> T) -> Reply<T> {
        match self.state.load(Acquire) {
            ASKED => Reply::Pending,
            ANSWERING => Reply::UnderWay,
            ANSWERED => {
                // SAFETY: in this state the answer is the watchdog's, and `&mut` ends with `read`.
                let read = read(unsafe { &mut *self.answer.get() });
                self.state.store(IDLE, Relaxed);
                Reply::Answered(read)
            }
            _ => Reply::Declined,
        }
    }

    /// For the handler: `answer` fills in the answer, and says whether it has one. Does nothing if
    /// nobody has asked. Safe in a handler, if `answer` is.
    pub(super) fn answer(&self, answer: impl FnOnce(Wanted, &mut Answer) -> bool) {
        if self.state.compare_exchange(ASKED, ANSWERING, AcqRel, Acquire).is_err() {
            return;
        }
        // SAFETY: in this state both are the hub's thread's. Its handler does not interrupt itself.
        let is_answered = unsafe { answer(*self.wanted.get(), &mut *self.answer.get()) };
        self.state.store(if is_answered { ANSWERED } else { DECLINED }, Release);
    }
}

#[cfg(test)]
mod tests {
    use super::{Question, Reply, Wanted};

    fn depth(question: &Question) -> Reply<usize> {
        question.reply(|answer| answer.depth)
    }

    #[test]
    fn an_answer_is_read_once() {
        let question = Question::default();
        assert!(question.ask(Wanted::default()));
        assert_eq!(depth(&question), Reply::Pending);
        question.answer(|_, answer| {
            assert_eq!(depth(&question), Reply::UnderWay);
            assert!(!question.ask(Wanted::default()));
            answer.depth = 7;
            true
        });
        question.answer(|_, _| unreachable!("nobody has asked again"));
        assert_eq!(depth(&question), Reply::Answered(7));
        assert_eq!(depth(&question), Reply::Declined);
    }

    #[test]
    fn a_question_can_be_put_again() {
        let question = Question::default();
        assert!(question.ask(Wanted::default()));
        assert!(question.ask(Wanted { backtrace: true, ..Wanted::default() }));
        question.answer(|wanted, _| {
            assert!(wanted.backtrace);
            false
        });
        assert_eq!(depth(&question), Reply::Declined);
    }
}
