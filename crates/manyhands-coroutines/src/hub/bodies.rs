//! The bodies of a hub: all of them, and which have no job.

use std::ptr::NonNull;

use super::Body;

/// What a hub owns. Every body in here is valid.
#[derive(Default)]
pub(super) struct Bodies {
    /// All. Each knows its place, so that it can be taken out.
    all: Vec<NonNull<Body>>,
    /// Those without a job; the one that had one last is the next to have one.
    spare: Vec<NonNull<Body>>,
}

impl Bodies {
    /// A body without a job, which is about to get one.
    #[inline]
    pub(super) fn take_spare(&mut self) -> Option<NonNull<Body>> {
        self.spare.pop()
    }

    /// Adds a new body, which is about to get a job.
    pub(super) fn add(&mut self, body: NonNull<Body>) {
        // SAFETY: the hub has just made it.
        unsafe { body.as_ref() }.place.set(self.all.len());
        self.all.push(body);
    }

    /// Keeps a body whose job has ended for the next one, if there are fewer than `most` of them.
    /// Otherwise it belongs to the caller.
    #[inline]
    #[must_use = "a body that is not kept is to be freed"]
    pub(super) fn keep(&mut self, body: NonNull<Body>, most: usize) -> bool {
        let fits = self.spare.len() < most;
        if fits {
            self.spare.push(body);
        } else {
            self.remove(body);
        }
        fits
    }

    /// Hands over all that have no job.
    pub(super) fn take_spares(&mut self) -> Vec<NonNull<Body>> {
        let spares = std::mem::take(&mut self.spare);
        spares.iter().for_each(|spare| self.remove(*spare));
        spares
    }

    /// Hands over all, after those without a job were.
    pub(super) fn take_busy(&mut self) -> Vec<NonNull<Body>> {
        debug_assert!(self.spare.is_empty(), "bodies without a job are taken first");
        std::mem::take(&mut self.all)
    }

    /// Whether none has a job.
    pub(super) fn are_all_spare(&self) -> bool {
        self.all.len() == self.spare.len()
    }

    #[cold]
    fn remove(&mut self, body: NonNull<Body>) {
        // SAFETY: it is in the list, so it is valid.
        let place = unsafe { body.as_ref() }.place.get();
        self.all.swap_remove(place);
        if let Some(moved) = self.all.get(place) {
            // SAFETY: as above.
            unsafe { moved.as_ref() }.place.set(place);
        }
    }
}
