//! Whose turn it is: how many of those who wait are woken, and for whom something is kept.
//!
//! What is there for the taking (items for getters, room for putters) goes to whoever comes first,
//! waiting or not: handing it to a waiter that has to wake up first would make everybody wait for
//! wake-ups. So a waiter may be woken in vain. It goes back to the front, and after
//! [`IN_VAIN_MAX`] times its share is kept for it: nobody else may take it any more.

/// After so many wake-ups in vain nobody may be quicker again.
const IN_VAIN_MAX: u8 = 2;

/// One side of a queue: getters or putters.
#[derive(Debug)]
pub(crate) struct Turns {
    /// Waiters that were woken and have not come yet.
    awake: usize,
    /// For so many of them their share is kept.
    kept: usize,
}

/// What a waiter tells while it waits.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    /// How often it was woken in vain.
    in_vain: u8,
    /// It is awake, and its share is kept.
    is_kept: bool,
}

impl Turns {
    pub(crate) const fn new() -> Turns {
        Turns { awake: 0, kept: 0 }
    }

    /// Whether somebody who is not woken may take one of so many.
    #[inline]
    pub(crate) fn may_take(&self, available: usize) -> bool {
        available > self.kept
    }

    /// Whether one more of those who wait should be woken, with so many there for the taking.
    #[inline]
    pub(crate) fn wants_more(&self, available: usize) -> bool {
        available > self.awake
    }

    /// How many are on their way.
    pub(crate) fn awake(&self) -> usize {
        self.awake
    }

    /// The waiter with this turn is woken, because something is there for it.
    pub(crate) fn wake(&mut self, turn: &mut Turn) {
        self.awake += 1;
        if turn.in_vain >= IN_VAIN_MAX {
            turn.is_kept = true;
            self.kept += 1;
        }
    }

    /// So many waiters are woken to see that there is nothing to wait for any more.
    pub(crate) fn wake_to_leave(&mut self, many: usize) {
        self.awake += many;
    }

    /// A woken waiter has come, or will not come: what was kept for it is free. If it has to wait
    /// again it does so with the turn that this returns.
    pub(crate) fn arrive(&mut self, turn: &Turn) -> Turn {
        self.awake -= 1;
        self.kept -= usize::from(turn.is_kept);
        Turn { in_vain: turn.in_vain.saturating_add(1), is_kept: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_third_wake_up_is_never_in_vain() {
        let mut turns = Turns::new();
        let mut turn = Turn::default();
        for _ in 0..IN_VAIN_MAX {
            assert!(turns.wants_more(1));
            turns.wake(&mut turn);
            assert!(!turns.wants_more(1), "one is enough for one");
            assert!(turns.may_take(1), "others may be quicker");
            turn = turns.arrive(&turn);
        }
        turns.wake(&mut turn);
        assert!(!turns.may_take(1), "it is kept");
        assert!(turns.may_take(2), "what is more than that is not");
        turns.arrive(&turn);
        assert!(turns.may_take(1) && turns.wants_more(1));
    }
}
