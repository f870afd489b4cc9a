//! The lock at its owner.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::situation::LockUser;
use crate::manager::answer::{Answers, Asker, PeerId, Ticket};
use crate::manager::error::{ManagerError, ManagerErrorKind};
use crate::manager::object::State;

/// Who holds the lock, and who waits.
#[derive(Default)]
pub(crate) struct LockState {
    name: Option<String>,
    held: Option<Held>,
    last_token: u64,
    /// The last holder died, and nobody was told yet.
    holder_died: bool,
    waiting: VecDeque<(Ask, Asker<Granted>)>,
}

/// Who asks for the lock.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Ask {
    pub(super) who: LockUser,
    /// Whether nobody else can release the lock for it.
    pub(super) is_bound: bool,
}

/// What a holder is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Granted {
    pub(super) token: u64,
    pub(super) predecessor_died: bool,
}

/// The lock's name, its holder, and who waits for it.
pub(super) type Seen = (Option<String>, Option<LockUser>, Vec<LockUser>);

struct Held {
    ticket: Ticket,
    granted: Granted,
    by: Ask,
}

impl LockState {
    pub(crate) fn named(name: Option<String>) -> LockState {
        LockState { name, ..LockState::default() }
    }

    pub(super) fn lock(&mut self, ask: Ask, asker: Asker<Granted>, answers: &mut Answers) {
        if let Some(held) = &self.held
            && held.by.is_bound
            && ask.is_bound
            && held.ticket.peer == asker.ticket().peer
            && held.by.who.is_same_context(&ask.who)
        {
            return asker.fail(would_deadlock(self.name.as_deref(), held, &ask), answers);
        }
        self.waiting.push_back((ask, asker));
        self.advance(answers);
    }

    pub(super) fn try_lock(
        &mut self,
        ask: Ask,
        asker: Asker<Option<Granted>>,
        answers: &mut Answers,
    ) {
        // While somebody waits, it is held.
        let granted = self.held.is_none().then(|| self.grant(asker.ticket(), ask));
        asker.answer(granted, answers);
    }

    pub(super) fn unlock(&mut self, token: u64, asker: Asker<()>, answers: &mut Answers) {
        if self.held_by(token).is_some() {
            self.held = None;
            self.advance(answers);
        }
        asker.answer((), answers);
    }

    /// From now on anybody may release it.
    pub(super) fn unbind(&mut self, token: u64, asker: Asker<()>, answers: &mut Answers) {
        if let Some(held) = self.held_by(token) {
            held.by.is_bound = false;
        }
        asker.answer((), answers);
    }

    pub(super) fn look(&mut self, (): (), asker: Asker<Seen>, answers: &mut Answers) {
        asker.answer(self.seen(), answers);
    }

    pub(super) fn seen(&self) -> Seen {
        let holder = self.held.as_ref().map(|held| held.by.who.clone());
        let waiters = self.waiting.iter().map(|(ask, _)| ask.who.clone()).collect();
        (self.name.clone(), holder, waiters)
    }

    fn held_by(&mut self, token: u64) -> Option<&mut Held> {
        self.held.as_mut().filter(|held| held.granted.token == token)
    }

    fn grant(&mut self, ticket: Ticket, by: Ask) -> Granted {
        self.last_token += 1;
        let predecessor_died = std::mem::take(&mut self.holder_died);
        let granted = Granted { token: self.last_token, predecessor_died };
        self.held = Some(Held { ticket, granted, by });
        granted
    }

    fn advance(&mut self, answers: &mut Answers) {
        if self.held.is_none()
            && let Some((ask, asker)) = self.waiting.pop_front()
        {
            let granted = self.grant(asker.ticket(), ask);
            asker.answer(granted, answers);
        }
    }

    /// Those who match wait no more.
    fn forget(&mut self, matches: impl Fn(Ticket) -> bool) {
        let (gone, stay) = self.waiting.drain(..).partition(|(_, asker)| matches(asker.ticket()));
        self.waiting = stay;
        let gone: VecDeque<(Ask, Asker<Granted>)> = gone;
        gone.into_iter().for_each(|(_, asker)| asker.forget());
    }
}

impl State for LockState {
    fn withdraw(&mut self, ticket: Ticket, answers: &mut Answers) {
        self.forget(|other| other == ticket);
        if let Some(held) = self.held.take_if(|held| held.ticket == ticket) {
            // It was granted to somebody who had left: nobody was told what was to be told.
            self.holder_died |= held.granted.predecessor_died;
            self.advance(answers);
        }
    }

    fn peer_gone(&mut self, peer: PeerId, answers: &mut Answers) {
        self.forget(|other| other.peer == peer);
        if self.held.take_if(|held| held.ticket.peer == peer).is_some() {
            self.holder_died = true;
            self.advance(answers);
        }
    }
}

fn would_deadlock(name: Option<&str>, held: &Held, ask: &Ask) -> ManagerError {
    let which =
        name.map_or_else(|| "a managed lock".to_owned(), |name| format!("the lock {name:?}"));
    let (who, held_at) = (&ask.who, format!("{}:{}", held.by.who.file(), held.by.who.line()));
    ManagerError::new(
        ManagerErrorKind::WouldDeadlock,
        format!(
            "{which} was asked for by its own holder, which would wait for itself for ever: {who}; it \
             was taken at {held_at}. Release it first, or hand the guard to what needs it"
        ),
    )
}
