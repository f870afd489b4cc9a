//! `ManagedList`: a list that several processes share.

use std::ops::Range;

use manyhands_executor::Portable;
use manyhands_wait::Reason;

use super::{callable, handle};
use crate::manager::error::ManagerError;
use crate::manager::handle::Handle;
use crate::manager::object::Plain;

static CALL: Reason = Reason::new("call of a managed list");

/// A list of a [`Manager`](crate::Manager). Each method is one step for everybody else.
///
/// Every method fails if the list is gone or cannot be reached, or if an element cannot be encoded or
/// decoded ([`ManagerError`]).
///
/// ```
/// let manager = manyhands_processes::Manager::new();
/// let list = manager.list(vec![111]);
/// list.push(333)?;
/// assert_eq!(list.to_vec()?, [111, 333]);
/// # Ok::<(), manyhands_processes::ManagerError>(())
/// ```
#[doc(alias = "ListProxy")]
pub struct ManagedList<T: Send + 'static>(Handle<Plain<Vec<T>>>);

handle!(ManagedList<T: Portable>, Plain<Vec<T>>);
callable!(ManagedList<T>, Vec<T>, "list", T: Portable);

#[allow(clippy::missing_errors_doc, reason = "the same for all of them, said at the type")]
impl<T: Portable> ManagedList<T> {
    /// Appends an element.
    #[doc(alias = "append")]
    #[track_caller]
    pub fn push(&self, value: T) -> Result<(), ManagerError> {
        self.run(value, |list, value| list.push(value))
    }

    /// Appends all of these, in one step.
    #[track_caller]
    pub fn extend(&self, values: impl IntoIterator<Item = T>) -> Result<(), ManagerError> {
        let values: Vec<T> = values.into_iter().collect();
        self.run(values, |list, values| list.extend(values))
    }

    /// Takes the last element out; `None` if there is none.
    #[track_caller]
    pub fn pop(&self) -> Result<Option<T>, ManagerError> {
        self.run((), |list, ()| list.pop())
    }

    /// Takes the element at `index` out and moves those behind it up; `None` if there is none.
    #[track_caller]
    pub fn remove(&self, index: usize) -> Result<Option<T>, ManagerError> {
        self.run(index, |list, index| (index < list.len()).then(|| list.remove(index)))
    }

    /// Puts an element before the one at `index`, at the end if there are not as many.
    #[track_caller]
    pub fn insert(&self, index: usize, value: T) -> Result<(), ManagerError> {
        self.run((index, value), |list, (index, value)| list.insert(index.min(list.len()), value))
    }

    /// Replaces the element at `index` and returns what was there; `None` if there is none, and then
    /// nothing is changed.
    #[track_caller]
    pub fn set(&self, index: usize, value: T) -> Result<Option<T>, ManagerError> {
        self.run((index, value), |list, (index, value)| {
            list.get_mut(index).map(|place| std::mem::replace(place, value))
        })
    }

    /// How many elements there are.
    #[track_caller]
    pub fn len(&self) -> Result<usize, ManagerError> {
        self.run((), |list, ()| list.len())
    }

    /// Whether there are none.
    #[track_caller]
    pub fn is_empty(&self) -> Result<bool, ManagerError> {
        self.run((), |list, ()| list.is_empty())
    }

    /// Takes all elements out.
    #[track_caller]
    pub fn clear(&self) -> Result<(), ManagerError> {
        self.run((), |list, ()| list.clear())
    }

    /// Takes all elements out and returns them.
    #[track_caller]
    pub fn take(&self) -> Result<Vec<T>, ManagerError> {
        self.run((), |list, ()| std::mem::take(list))
    }
}

#[allow(clippy::missing_errors_doc, reason = "the same for all of them, said at the type")]
impl<T: Portable + Clone> ManagedList<T> {
    /// The element at `index`; `None` if there is none.
    #[track_caller]
    pub fn get(&self, index: usize) -> Result<Option<T>, ManagerError> {
        self.run(index, |list, index| list.get(index).cloned())
    }

    /// The elements of this range, as far as there are any.
    #[track_caller]
    pub fn slice(&self, range: Range<usize>) -> Result<Vec<T>, ManagerError> {
        self.run(range, |list, range| {
            let end = range.end.min(list.len());
            list.get(range.start..end).map(<[T]>::to_vec).unwrap_or_default()
        })
    }

    /// All elements as they are now.
    #[track_caller]
    pub fn to_vec(&self) -> Result<Vec<T>, ManagerError> {
        self.run((), |list, ()| list.clone())
    }

    /// An iterator over all elements as they are now; what happens to the list later does not show.
    #[track_caller]
    pub fn iter(&self) -> Result<std::vec::IntoIter<T>, ManagerError> {
        self.to_vec().map(Vec::into_iter)
    }
}

#[allow(clippy::missing_errors_doc, reason = "the same for all of them, said at the type")]
impl<T: Portable + PartialEq> ManagedList<T> {
    /// Whether an element equals this one.
    #[track_caller]
    pub fn contains(&self, value: T) -> Result<bool, ManagerError> {
        self.run(value, |list, value| list.contains(&value))
    }

    /// Where the first element stands that equals this one.
    #[doc(alias = "index")]
    #[track_caller]
    pub fn position(&self, value: T) -> Result<Option<usize>, ManagerError> {
        self.run(value, |list, value| list.iter().position(|other| *other == value))
    }
}
