//! The bodies of a hub: all of them, and which have no job.

use std::ptr::NonNull;

use manyhands_wait::Agent;

use super::Body;

/// So many bodies without a job fit into the processor's caches with their stacks.
const IN_CACHE: usize = 1024;
/// So many starts ahead a body is fetched.
const AHEAD: usize = 12;
/// So many starts ahead the processor looks up where its stack is: it needs the body for that.
const AHEAD_OF_PAGE: usize = 8;
/// So many starts ahead the stack is fetched.
const AHEAD_OF_STACK: usize = 4;

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

    /// Has the bodies fetched that are the next to get a job, if they are many: for when one job
    /// after the other begins.
    #[inline]
    pub(super) fn prefetch(&self) {
        if self.spare.len() > IN_CACHE {
            self.prefetch_next();
        }
    }

    fn prefetch_next(&self) {
        let last = self.spare.len() - 1;
        Body::prefetch(self.spare[last - AHEAD]);
        // SAFETY: bodies in the list are valid.
        unsafe { self.spare[last - AHEAD_OF_PAGE].as_ref() }.prefetch_page();
        // SAFETY: as above.
        unsafe { self.spare[last - AHEAD_OF_STACK].as_ref() }.prefetch_stack();
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

    /// Who has a job, as the wait-for graph knows them.
    pub(super) fn agents(&self) -> Vec<Agent> {
        // SAFETY: bodies in the list are valid.
        let bodies = self.all.iter().map(|body| unsafe { body.as_ref() });
        bodies.filter(|body| body.has_job()).map(|body| body.context.context().agent()).collect()
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

const _: () = assert!(AHEAD < IN_CACHE && AHEAD_OF_PAGE < AHEAD && AHEAD_OF_STACK < AHEAD_OF_PAGE);
