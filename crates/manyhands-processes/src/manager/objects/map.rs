//! `ManagedMap`: a map that several processes share.

use std::collections::HashMap;
use std::hash::Hash;

use manyhands_executor::Portable;
use manyhands_wait::Reason;

use super::{callable, handle};
use crate::manager::error::ManagerError;
use crate::manager::handle::Handle;
use crate::manager::object::Plain;

static CALL: Reason = Reason::new("call of a managed map");

/// A map of a [`Manager`](crate::Manager). Each method is one step for everybody else.
///
/// Every method fails if the map is gone or cannot be reached, or if a key or a value cannot be
/// encoded or decoded ([`ManagerError`]).
///
/// ```
/// let manager = manyhands_processes::Manager::new();
/// let ages = manager.map();
/// ages.insert("egon".to_owned(), 18)?;
/// assert_eq!(ages.get("egon".to_owned())?, Some(18));
/// # Ok::<(), manyhands_processes::ManagerError>(())
/// ```
#[doc(alias = "DictProxy")]
#[doc(alias = "dict")]
pub struct ManagedMap<K: Send + 'static, V: Send + 'static>(Handle<Plain<HashMap<K, V>>>);

handle!(ManagedMap<K: Portable, V: Portable>, Plain<HashMap<K, V>>);
callable!(ManagedMap<K, V>, HashMap<K, V>, "map", K: Portable + Eq + Hash, V: Portable);

#[allow(clippy::missing_errors_doc, reason = "the same for all of them, said at the type")]
impl<K: Portable + Eq + Hash, V: Portable> ManagedMap<K, V> {
    /// Sets the value of a key and returns the one before.
    #[doc(alias = "__setitem__")]
    #[track_caller]
    pub fn insert(&self, key: K, value: V) -> Result<Option<V>, ManagerError> {
        self.run((key, value), |map, (key, value)| map.insert(key, value))
    }

    /// Sets the values of all these keys, in one step.
    #[doc(alias = "update")]
    #[track_caller]
    pub fn extend(&self, entries: impl IntoIterator<Item = (K, V)>) -> Result<(), ManagerError> {
        let entries: Vec<(K, V)> = entries.into_iter().collect();
        self.run(entries, |map, entries| map.extend(entries))
    }

    /// Takes a key out and returns its value.
    #[doc(alias = "pop")]
    #[track_caller]
    pub fn remove(&self, key: K) -> Result<Option<V>, ManagerError> {
        self.run(key, |map, key| map.remove(&key))
    }

    /// Whether there is such a key.
    #[track_caller]
    pub fn contains_key(&self, key: K) -> Result<bool, ManagerError> {
        self.run(key, |map, key| map.contains_key(&key))
    }

    /// How many keys there are.
    #[track_caller]
    pub fn len(&self) -> Result<usize, ManagerError> {
        self.run((), |map, ()| map.len())
    }

    /// Whether there are none.
    #[track_caller]
    pub fn is_empty(&self) -> Result<bool, ManagerError> {
        self.run((), |map, ()| map.is_empty())
    }

    /// Takes all keys out.
    #[track_caller]
    pub fn clear(&self) -> Result<(), ManagerError> {
        self.run((), |map, ()| map.clear())
    }
}

#[allow(clippy::missing_errors_doc, reason = "the same for all of them, said at the type")]
impl<K: Portable + Eq + Hash, V: Portable + Clone> ManagedMap<K, V> {
    /// The value of a key.
    #[track_caller]
    pub fn get(&self, key: K) -> Result<Option<V>, ManagerError> {
        self.run(key, |map, key| map.get(&key).cloned())
    }

    /// The value of a key, which is set to this one first if there is none.
    #[doc(alias = "setdefault")]
    #[track_caller]
    pub fn get_or_insert(&self, key: K, value: V) -> Result<V, ManagerError> {
        self.run((key, value), |map, (key, value)| map.entry(key).or_insert(value).clone())
    }

    /// All values as they are now, in no order.
    #[track_caller]
    pub fn values(&self) -> Result<Vec<V>, ManagerError> {
        self.run((), |map, ()| map.values().cloned().collect())
    }
}

#[allow(clippy::missing_errors_doc, reason = "the same for all of them, said at the type")]
impl<K: Portable + Eq + Hash + Clone, V: Portable> ManagedMap<K, V> {
    /// All keys as they are now, in no order.
    #[track_caller]
    pub fn keys(&self) -> Result<Vec<K>, ManagerError> {
        self.run((), |map, ()| map.keys().cloned().collect())
    }
}

#[allow(clippy::missing_errors_doc, reason = "the same for all of them, said at the type")]
impl<K: Portable + Eq + Hash + Clone, V: Portable + Clone> ManagedMap<K, V> {
    /// All keys and values as they are now.
    #[doc(alias = "items")]
    #[doc(alias = "copy")]
    #[track_caller]
    pub fn to_map(&self) -> Result<HashMap<K, V>, ManagerError> {
        self.run((), |map, ()| map.clone())
    }
}
