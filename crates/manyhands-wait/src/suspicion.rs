//! Suspicions of crates above this one, as reports.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use crate::report::{Report, tell_or_print};

/// Something that looks like a mistake, found by a crate above this one, such as two locks that are
/// taken in either order. Prints as the whole report; what it is in particular is told by
/// [`downcast_ref`](Self::downcast_ref). Clones are the same suspicion.
#[derive(Clone)]
pub struct Suspicion(Arc<dyn Suspect>);

trait Suspect: fmt::Display + fmt::Debug + Send + Sync {
    fn as_any(&self) -> &dyn Any;
}

impl<T: fmt::Display + fmt::Debug + Send + Sync + 'static> Suspect for T {
    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Suspicion {
    /// A suspicion of the kind `T`, which prints in words.
    pub fn new<T: fmt::Display + fmt::Debug + Send + Sync + 'static>(what: T) -> Suspicion {
        Suspicion(Arc::new(what))
    }

    /// What it is, if it is a `T`.
    pub fn downcast_ref<T: 'static>(&self) -> Option<&T> {
        (*self.0).as_any().downcast_ref()
    }

    /// Passes it, as [`Report::Suspicion`], to those who have asked with
    /// [`on_report`](crate::on_report()); without anybody who has, to standard error. To be called with no
    /// lock held that a listener could need.
    ///
    /// ```
    /// use manyhands_wait::{Report, Suspicion, on_report};
    ///
    /// let _heard = on_report(|report| match report {
    ///     Report::Suspicion(it) => assert_eq!(it.downcast_ref(), Some(&"odd")),
    ///     _ => {}
    /// });
    /// Suspicion::new("odd").report();
    /// ```
    pub fn report(self) {
        tell_or_print(&Report::Suspicion(self));
    }
}

impl fmt::Display for Suspicion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Suspicion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}
